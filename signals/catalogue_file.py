"""The form of a typology's folder: catalogue, policy and playbook, checked with clear errors."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

TYPES = (
    "ts inet iso2 money hex int float bool str enum url date bbox object".split()  # noqa: SIM905
)
OPERATORS = frozenset(
    "eq ne gt gte lt lte in present count_gte count_lte".split()  # noqa: SIM905
)
Strength = Literal["strong", "medium", "weak", "none"]
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=80)]
Text = Annotated[str, Meta(min_length=1)]
Weight = Annotated[float, Meta(ge=0, le=10)]


class BadTypology(Exception):
    """The folder cannot be loaded; the message names the file, the place and what to do."""


class Field(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
    type: str
    list: bool = False
    optional: bool = False
    enum: tuple[str, ...] = ()
    fields: tuple["Field", ...] = ()


class When(Struct, forbid_unknown_fields=True):
    field: str
    op: str
    value: Any


class WeightRule(Struct, forbid_unknown_fields=True):
    when: Annotated[tuple[When, ...], Meta(min_length=1)]
    weight: Weight


class LinkRule(Struct, forbid_unknown_fields=True):
    when: Annotated[tuple[When, ...], Meta(min_length=1)]
    strength: Strength


class LinkRules(Struct, forbid_unknown_fields=True):
    default: Strength = "none"
    rules: tuple[LinkRule, ...] = ()
    text: str = ""


class Source(Struct, forbid_unknown_fields=True):
    tag: Text
    read: Literal["text", "summary", "background", "unmarked"] = "unmarked"
    title: str = ""


class Row(Struct, forbid_unknown_fields=True):
    code: Code
    family: Text
    subject: Text
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Text
    weight: Weight
    rationale: Text
    innocent: Annotated[str, Meta(min_length=10)]
    evidence: tuple[Field, ...] = ()
    weight_rules: tuple[WeightRule, ...] = ()
    context_only: bool = False
    link: LinkRules = field(default_factory=LinkRules)
    sources: tuple[Source, ...] = ()
    documents: tuple[str, ...] = ()
    accommodation_field: str | None = None


class CatalogueFile(Struct, forbid_unknown_fields=True):
    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
    title: Text
    indicators: Annotated[tuple[Row, ...], Meta(min_length=1)]
    sanctions: bool = False
    sources: tuple[Source, ...] = ()
    refused_evidence: tuple[str, ...] = ()


class Folder(Struct):
    """A checked folder: what `signals.typology_store` writes."""

    catalogue: CatalogueFile
    policy: dict[str, Any]
    playbook: dict[str, Any]

    @property
    def catalogue_hash(self) -> str:
        return _hash([self.catalogue, self.playbook])

    @property
    def policy_hash(self) -> str:
        return _hash(self.policy)


def read(folder: Path) -> Folder:
    """The typology in `folder`; raises BadTypology when it does not make sense."""
    catalogue = _decode(folder / "catalogue.json", CatalogueFile)
    policy = _decode(folder / "policy.json", dict[str, Any])
    playbook_file = folder / "playbook.json"
    playbook = _decode(playbook_file, dict[str, Any]) if playbook_file.exists() else {}
    problems = [*_problems(catalogue), *_policy_problems(policy)]
    if problems:
        raise BadTypology(f"{folder.name}: " + "; ".join(problems))
    return Folder(catalogue=catalogue, policy=policy, playbook=playbook)


def _decode(path: Path, wanted: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except FileNotFoundError as exc:
        raise BadTypology(f"{path.parent.name}: {path.name} is missing") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise BadTypology(f"{path.parent.name}/{path.name}: {exc}") from exc


def _problems(catalogue: CatalogueFile):
    seen: set[str] = set()
    for row in catalogue.indicators:
        if row.code in seen:
            yield f"{row.code} stands there twice"
        seen.add(row.code)
        if row.family != row.code.split(".")[0]:
            yield f"{row.code}: family must be {row.code.split('.')[0]!r}, not {row.family!r}"
        if row.context_only and row.weight > 2:
            yield f"{row.code}: context only, so its weight cannot exceed 2"
        names = {item.name for item in row.evidence}
        if len(names) != len(row.evidence):
            yield f"{row.code}: an evidence field stands there twice"
        for item in row.evidence:
            yield from _field_problems(row.code, item)
        for rule in (*row.weight_rules, *row.link.rules):
            for when in rule.when:
                if when.field not in names:
                    yield f"{row.code}: a rule asks for {when.field!r}, which is no evidence field"
                if when.op not in OPERATORS:
                    yield f"{row.code}: no operator {when.op!r}; there are {sorted(OPERATORS)}"
        if row.accommodation_field and row.accommodation_field not in names:
            yield f"{row.code}: accommodation_field is no evidence field"


def _field_problems(code: str, item: Field):
    if item.type not in TYPES:
        yield f"{code}: {item.name} has the unknown type {item.type!r}; there are {TYPES}"
    if (item.type == "enum") != bool(item.enum):
        yield f"{code}: {item.name}: an enum, and nothing else, lists its values"
    for inner in item.fields:
        yield from _field_problems(code, inner)


def _policy_problems(policy: dict[str, Any]):
    for section in ("scoring", "opening", "links"):
        if not isinstance(policy.get(section), dict):
            yield f"policy.json needs an object {section!r}"


def _hash(value: Any) -> str:
    plain = msgspec.to_builtins(value)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
