"""Keeping what looks like a listed party, once for each pair of what both sides say."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from cases import audit
from cases.models import Account, ListEntry, ListVersion, ScreeningHit
from cases.screening.judge import ALERT
from cases.screening.matching import ENGINE
from cases.screening.names import normalise

State = ScreeningHit.State
UNDECIDED = (State.OPEN, State.REVIEW)


class _Hit(Protocol):
    entry: int
    screened: str
    screened_kind: str
    score: float
    band: str
    explanation: dict


def pair_hash(screened_kind: str, screened: str, list_code: str, uid: str, content: str) -> str:
    """Names this pair with what both sides say now."""
    said = normalise(screened) or screened
    parts = "\x1f".join((screened_kind, said, list_code, uid, content))
    return hashlib.sha256(parts.encode()).hexdigest()


@transaction.atomic
def keep(account: Account, found: Iterable[_Hit]) -> list[ScreeningHit]:
    """Store hits that are new as pairs; a pair that was judged stays judged. Safe to run again.

    An undecided hit on an earlier form of the same entry gives way to the new one.
    """
    found = list(found)
    entries = ListEntry.objects.select_related("list").in_bulk([hit.entry for hit in found])
    versions = dict(ListVersion.objects.filter(current=True).values_list("list_id", "pk"))
    now = timezone.now()
    rows: dict[str, ScreeningHit] = {}
    for hit in sorted(found, key=lambda hit: -hit.score):
        entry = entries.get(hit.entry)
        if entry is None or entry.ended_id is not None or entry.list_id not in versions:
            continue  # delisted while we looked
        pair = pair_hash(
            hit.screened_kind, hit.screened, entry.list.code, entry.uid, entry.content_hash
        )
        row = ScreeningHit(
            account=account,
            entry=entry,
            list_version_id=versions[entry.list_id],
            screened=hit.screened[:300],
            screened_kind=hit.screened_kind[:20],
            score=round(hit.score, 3),
            band=hit.band,
            explanation=hit.explanation,
            engine=ENGINE,
            pair_hash=pair,
            state=State.OPEN if hit.band == ALERT else State.REVIEW,
            found_at=now,
        )
        rows.setdefault(pair, row)
    known = set(
        ScreeningHit.objects.filter(account=account, pair_hash__in=rows).values_list(
            "pair_hash", flat=True
        )
    )
    new = [row for pair, row in rows.items() if pair not in known]
    ScreeningHit.objects.bulk_create(new, ignore_conflicts=True)
    stored = list(
        ScreeningHit.objects.filter(account=account, pair_hash__in=[row.pair_hash for row in new])
    )
    for row in stored:
        entry = entries[row.entry_id]
        earlier = ScreeningHit.objects.filter(
            account=account, entry__list=entry.list, entry__uid=entry.uid,
            screened_kind=row.screened_kind, state__in=UNDECIDED,
        ).exclude(entry=entry)  # fmt: skip
        earlier.update(state=State.SUPERSEDED)
        audit.record(
            "hit.found", actor=None, account=account, obj=row, wall=True, list=entry.list.code,
            uid=entry.uid, score=str(row.score), band=row.band,
        )  # fmt: skip
    return stored
