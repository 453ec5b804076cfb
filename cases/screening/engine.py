"""The lists in force, held in memory once per process and renewed when a version changes."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from cases.models import ListEntry, ListIdentifier, ListName, ListVersion
from cases.screening.index import Index, Listed
from cases.screening.judge import Bands, Match, Question, judge
from cases.screening.matching import Weights


@dataclass(frozen=True, slots=True)
class Engine:
    """An index over stored entries. `versions` is {list code: {id, number, published}}."""

    index: Index
    versions: dict[str, dict]
    lists: dict[int, tuple[str, int]]

    @property
    def signature(self) -> str:
        """Names the state of all lists: what was screened under it need not be again."""
        return "-".join(str(v["id"]) for _, v in sorted(self.versions.items())) or "none"

    def ask(self, question: Question, bands: Bands | None = None) -> list[Match]:
        """Matches, best first; each says which list and version it was found in."""
        matches = judge(self.index, question, bands or Bands())
        for match in matches:
            code, version = self.lists[match.key]
            match.explanation |= {"list": code, "version": self.versions[code] | {"id": version}}
        return matches


_lock = threading.Lock()
_held: Engine | None = None


def versions_in_force() -> dict[str, dict]:
    """{list code: {id, number, published}} as the database has it now."""
    rows = ListVersion.objects.filter(current=True).values_list(
        "list__code", "pk", "number", "published"
    )
    return {
        code: {"id": pk, "number": number, "published": str(day) if day else None}
        for code, pk, number, day in rows
    }


def signature() -> str:
    """The signature that `current()` would have, without building anything."""
    return "-".join(str(v["id"]) for _, v in sorted(versions_in_force().items())) or "none"


def current() -> Engine:
    """The engine over all lists in force. Builds it (seconds) when a list changed."""
    global _held
    versions = versions_in_force()
    held = _held
    if held is not None and held.versions == versions:
        return held
    with _lock:
        if _held is None or _held.versions != versions:
            _held = over(ListEntry.objects.filter(ended=None), versions)
        return _held


def over(
    entries: QuerySet[ListEntry],
    versions: dict[str, dict] | None = None,
    *,
    weights: Weights | None = None,
) -> Engine:
    """An engine over some entries only; `weights` keeps words as rare as on the whole list."""
    versions = versions_in_force() if versions is None else versions
    lists: dict[int, tuple[str, int]] = {}
    index = Index(_rows(entries, versions, lists), weights=weights)
    return Engine(index, versions, lists)


def _rows(entries: QuerySet[ListEntry], versions: dict, lists: dict) -> Iterator[tuple]:
    """Entries in the order of their ids, with names and identifiers merged in from the side."""
    names = _grouped(
        ListName.objects.filter(entry__in=entries).values_list("entry_id", "name", "strength")
    )
    identifiers = _grouped(
        ListIdentifier.objects.filter(entry__in=entries).values_list("entry_id", "kind", "value")
    )
    rows = entries.order_by("pk").values_list(
        "pk", "kind", "primary_name", "births", "nationalities", "details", "list__code"
    )
    for pk, kind, primary, births, nationalities, details, code in rows.iterator():
        if code not in versions:
            continue
        lists[pk] = (code, versions[code]["id"])
        listed = Listed(
            pk,
            kind,
            primary,
            tuple((b["since"], b["until"], b["circa"]) for b in births),
            frozenset(nationalities),
            frozenset(details.get("countries", ())),
        )
        yield listed, names.pop(pk, ()), identifiers.pop(pk, ())


def _grouped(rows: QuerySet) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for entry, one, other in rows.iterator():
        found.setdefault(entry, []).append((one, other))
    return found
