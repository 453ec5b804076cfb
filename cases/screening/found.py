"""Keeping what looks like a listed party, once for each pair of what both sides say."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from cases import audit
from cases.models import Account, Case, ListEntry, ListVersion, ScreeningHit
from cases.screening.judge import ALERT
from cases.screening.matching import ENGINE
from cases.screening.names import normalise

State = ScreeningHit.State
UNDECIDED = (State.OPEN, State.REVIEW)
# The entry went away in this form, and with it the hit: when the form comes back, so does the hit.
GONE = (State.DELISTED, State.SUPERSEDED)
_SEEN_NOW = (
    "entry", "list_version", "score", "band", "explanation", "engine", "state", "delisted_at",
)  # fmt: skip


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

    An undecided hit on an earlier form of the same entry gives way to the new one. A hit whose
    entry was delisted, or had changed, opens again when the same content is listed again: with the
    new version, and with the decisions made on it before. Returns what is new or open again.
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
    again = [
        _reopen(hit, rows[hit.pair_hash])
        for hit in ScreeningHit.objects.select_for_update()
        .filter(account=account, pair_hash__in=known, state__in=GONE)
        .order_by("pk")
    ]
    for row in stored:
        _replace_earlier(row, entries[row.entry_id])
        audit.record(
            "hit.found", actor=None, account=account, obj=row, wall=True,
            list=entries[row.entry_id].list.code, uid=entries[row.entry_id].uid,
            score=str(row.score), band=row.band,
        )  # fmt: skip
    return stored + again


def _replace_earlier(hit: ScreeningHit, entry: ListEntry) -> None:
    ScreeningHit.objects.filter(
        account=hit.account_id, entry__list=entry.list, entry__uid=entry.uid,
        screened_kind=hit.screened_kind, state__in=UNDECIDED,
    ).exclude(entry=entry).update(state=State.SUPERSEDED)  # fmt: skip


def _reopen(hit: ScreeningHit, seen: ScreeningHit) -> ScreeningHit:
    """Put `hit` before people again, as it is `seen` now, and tell the account's case."""
    before = {"state": hit.state, "version": hit.list_version_id, "entry": hit.entry_id}
    for name in _SEEN_NOW:
        setattr(hit, name, getattr(seen, name))
    hit.save(update_fields=_SEEN_NOW)
    _replace_earlier(hit, hit.entry)
    cases = Case.objects.filter(account=hit.account_id)
    case = cases.open().first() or cases.order_by("closed_at", "-pk").last()
    audit.record(
        "hit.reopened", actor=None, case=case, account=hit.account, obj=hit, wall=True,
        note="Listed again as it was", list=hit.entry.list.code, uid=hit.entry.uid,
        score=str(hit.score), band=hit.band, before=before,
        after={"state": hit.state, "version": hit.list_version_id, "entry": hit.entry_id},
    )  # fmt: skip
    return hit
