"""A listed party as any list tells it: the one shape behind all formats."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field

PERSON, ENTITY, VESSEL, AIRCRAFT, WALLET = "person", "entity", "vessel", "aircraft", "wallet"
PRIMARY, STRONG, WEAK = "primary", "strong", "weak"

_EVM = re.compile(r"0x[0-9a-fA-F]{40}")
_DOCUMENT_NOISE = re.compile(r"[^0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Name:
    full: str
    strength: str = PRIMARY
    script: str = ""
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Birth:
    """A birth between two ISO dates; `precision` is day, month, year or range."""

    since: str
    until: str
    precision: str
    circa: bool = False


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something that is compared exactly. `note` is a ticker or the kind of a document."""

    kind: str
    value: str
    note: str = ""
    country: str = ""


@dataclass(slots=True)
class Entry:
    uid: str
    kind: str
    names: list[Name] = field(default_factory=list)
    births: list[Birth] = field(default_factory=list)
    nationalities: list[str] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    identifiers: list[Identifier] = field(default_factory=list)
    programmes: list[str] = field(default_factory=list)
    relations: list[dict[str, str]] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    @property
    def primary_name(self) -> str:
        for name in self.names:
            if name.strength == PRIMARY:
                return name.full
        return self.names[0].full if self.names else self.uid

    def tidy(self) -> "Entry":
        """Without repeats and in a fixed order, so that the same content has the same hash."""
        rank = {PRIMARY: 0, STRONG: 1, WEAK: 2}
        best: dict[str, Name] = {}
        for name in self.names:
            if name.full and (
                name.full not in best or rank[name.strength] < rank[best[name.full].strength]
            ):
                best[name.full] = name
        self.names = sorted(best.values(), key=lambda n: (rank[n.strength], n.script, n.full))
        self.births = sorted(set(self.births), key=lambda b: (b.since, b.until, b.precision))
        self.nationalities = sorted({n for n in self.nationalities if n})
        self.countries = sorted({c for c in self.countries if c})
        self.programmes = sorted({p for p in self.programmes if p})
        self.identifiers = sorted(
            {i for i in self.identifiers if i.value}, key=lambda i: (i.kind, i.value, i.note)
        )
        self.relations.sort(key=lambda r: sorted(r.items()))
        return self

    def content_hash(self) -> str:
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def normal_identifier(kind: str, value: str) -> str:
    """The form in which identifiers are compared.

    EVM addresses do not distinguish case, every other wallet does. Documents lose spaces and
    punctuation, mail addresses and sites their case.
    """
    value = value.strip()
    if kind == "wallet":
        return value.lower() if _EVM.fullmatch(value) else value
    if kind == "document_hash":
        return value.lower()
    if kind in ("email", "website"):
        plain = value.lower().removeprefix("https://").removeprefix("http://").rstrip("/")
        return plain.removeprefix("www.") if kind == "website" else plain
    return _DOCUMENT_NOISE.sub("", value).upper() or value


def hash_identifier(kind: str, value: str) -> str:
    """SHA-256 of the normal form: what a platform that sends only hashes can be compared with."""
    return hashlib.sha256(normal_identifier(kind, value).encode()).hexdigest()
