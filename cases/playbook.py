"""What the active typology and policy say about steps, reasons, notices and numbers.

The one way for verbs to ask: no code below knows a threat by name.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cases.models import Policy, Typology

# Said only where a typology is silent.
_DECISIONS = {
    "clear_second_person_score": 7,
    "restrict_refusals": 2,
    "restrict_strong_flag_weight": 7,
}
_DEADLINES = {
    "blocking_report_business_days": 10,
    "soft_hold_rejustify_hours": 24,
    "second_person_business_days": 1,
}
# What a text for the person concerned never says, whatever the typology.
_NEVER_TOLD = ("sanction", "suspicious activity report", "suspicious transaction", "watchlist")


@dataclass(frozen=True)
class Playbook:
    """A typology's texts and a policy's numbers, with what holds where they say nothing."""

    typology_code: str
    texts: dict[str, Any]
    sanctions: bool
    policy: Policy | None

    @property
    def calendar(self) -> str:
        return self._data("calendar") or "US_FEDERAL"

    def step(self, code: str) -> dict[str, Any] | None:
        return self.steps.get(code)

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return self.texts.get("protocol") or {}

    @property
    def mandates(self) -> list[dict[str, Any]]:
        return self._data("mandates") or []

    @property
    def refusals(self) -> dict[str, Any]:
        return self._data("refusals") or {}

    def observations(self, step: str) -> dict[str, dict[str, Any]]:
        """What one may tick while performing `step`, and the finding that it makes, if any."""
        rows = self.texts.get("observations") or []
        return {row["code"]: row for row in rows if step in row["steps"]}

    def reasons(self, outcome: str) -> dict[str, dict[str, Any]]:
        """The reason codes that may be given for `outcome`."""
        rows = (self.texts.get("reasons") or {}).get(outcome) or []
        return {row["code"]: row for row in rows}

    def notice(self, name: str) -> str:
        return (self.texts.get("notices") or {}).get(name, "")

    def decision_number(self, name: str) -> Decimal:
        return Decimal(str((self._data("decisions") or {}).get(name, _DECISIONS[name])))

    def deadline(self, name: str) -> int:
        return int((self._data("deadlines") or {}).get(name, _DEADLINES[name]))

    def untellable(self, text: str) -> list[str]:
        """The words in `text` that the person concerned must not read (tipping-off)."""
        plain = _plain(text)
        words = (*_NEVER_TOLD, *(self.texts.get("wall_words") or []))
        return [word for word in words if _says(plain, _plain(word))]

    def _data(self, name: str) -> Any:
        return self.policy.data.get(name) if self.policy else None


def of(typology_code: str) -> Playbook:
    """The playbook in force. A typology that is not loaded counts as a sanctions one."""
    typology = Typology.objects.filter(code=typology_code, active=True).first()
    policy = Policy.objects.filter(typology_code=typology_code, active=True).first()
    return Playbook(
        typology_code,
        typology.texts if typology else {},
        typology.sanctions if typology else True,
        policy,
    )


def _says(text: str, word: str) -> bool:
    """Whether `text` holds `word`, also written in one piece. Where a script sets no spaces
    between words, a word may begin anywhere."""
    begins = r"(?<!\w)" if word[0] < "\u1100" else ""
    return re.search(begins + " ?".join(map(re.escape, word.split())), text) is not None


def _plain(text: str) -> str:
    """`text` as a reader hears it: no case, no accents, no invisible signs, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    kept = (
        c for c in decomposed if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"
    )
    bare = re.sub(r"['\u2019\u02bc]", "", "".join(kept))
    return re.sub(r"[\s\-_.·]+", " ", bare).casefold()
