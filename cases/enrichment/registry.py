"""The analyzers in use. A new one is a file beside this and a line below."""

from typing import Protocol

from cases.enrichment.network import Network
from cases.enrichment.outcome import Outcome
from cases.enrichment.sanctions import Sanctions
from cases.enrichment.shared_traits import SharedTraits
from cases.enrichment.subject import Subject
from cases.enrichment.wallets import Wallets


class Analyzer(Protocol):
    """Looks at one account. It writes nothing: what it found is stored for it, once."""

    name: str
    title: str
    version: str
    seconds: float

    def wants(self, subject: Subject) -> bool:
        """Whether there is anything to look at. Quick, without queries."""
        ...

    def inputs(self, subject: Subject) -> str:
        """Names what the result depends on, lists and files among it: same inputs, same work."""
        ...

    def look_at(self, subject: Subject) -> Outcome: ...


ANALYZERS: dict[str, Analyzer] = {
    analyzer.name: analyzer for analyzer in (Sanctions(), Wallets(), Network(), SharedTraits())
}
