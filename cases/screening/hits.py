"""What looks like a listed party, until people have judged it.

The machine adds hits and marks what changed around them; only people say "the same" or "not the
same". That holds for exactly this pair: when the account's side or the entry changes, the pair
is another one and is judged anew.
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from cases import audit, permissions
from cases.models import Account, HitDecision, ListEntry, ListVersion, ScreeningHit, User
from cases.screening import bands
from cases.screening.judge import ALERT
from cases.screening.matching import ENGINE
from cases.screening.names import normalise

State = ScreeningHit.State
UNDECIDED = (State.OPEN, State.REVIEW)
# A hit that a person may decide: what is undecided, and what was decided and is corrected.
DECIDABLE = (State.OPEN, State.REVIEW, State.DELISTED, State.SAME, State.NOT_SAME)


class NotAllowed(Exception):
    """The hit is not in a state for this, or it takes another person. The message says which."""


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


def pending(hit: ScreeningHit) -> HitDecision | None:
    """The decision on `hit` that waits for a second person, if there is one."""
    return hit.decisions.filter(needs_second=True, second_by=None).order_by("-pk").first()


@transaction.atomic
def decide(
    hit: ScreeningHit, *, actor: User, same: bool, reason: str, state_seen: str | None = None
) -> HitDecision:
    """Record that `actor` judges the account to be the listed party, or not to be.

    "Not the same" over the policy's score, and any correction of a decision, takes effect when
    a second officer says the same. "The same" takes effect at once. `state_seen` is what the
    page showed: when it is no longer so, nothing is decided.
    """
    permissions.require(actor, permissions.COMPLY, obj=hit)
    reason = reason.strip()
    if not reason:
        raise NotAllowed("a decision needs a reason")
    hit = (
        ScreeningHit.objects.select_for_update(of=("self",))
        .select_related("account", "entry__list")
        .get(pk=hit.pk)
    )
    if hit.state not in DECIDABLE:
        raise NotAllowed(f"a hit that is {hit.get_state_display().lower()} is not decided")
    if state_seen is not None and hit.state != state_seen:
        raise NotAllowed(f"somebody was faster: the hit is {hit.get_state_display().lower()} now")
    target = State.SAME if same else State.NOT_SAME
    if hit.state == target:
        raise NotAllowed("this is decided already")
    waiting = pending(hit)
    if waiting is not None and waiting.same == same:
        return _second(hit, waiting, actor, reason, target)
    corrects = hit.state in (State.SAME, State.NOT_SAME)
    needs_second = corrects or (not same and float(hit.score) >= bands.in_force().second_person)
    decision = HitDecision.objects.create(
        hit=hit, same=same, reason=reason, made_by=actor, needs_second=needs_second
    )
    audit.record(
        "hit.proposed" if needs_second else "hit.decided",
        actor=actor, account=hit.account, obj=hit, note=reason, wall=True, same=same,
        before=hit.state, list=hit.entry.list.code, uid=hit.entry.uid,
    )  # fmt: skip
    if not needs_second:
        _settle(hit, target)
    return decision


def _second(
    hit: ScreeningHit, waiting: HitDecision, actor: User, reason: str, target: str
) -> HitDecision:
    if waiting.made_by_id == actor.pk:
        raise NotAllowed("a second person has to agree, and it was you who proposed it")
    before = hit.state
    waiting.second_by, waiting.second_at = actor, timezone.now()
    waiting.save(update_fields=["second_by", "second_at"])
    audit.record(
        "hit.decided", actor=actor, account=hit.account, obj=hit, note=reason, wall=True,
        same=waiting.same, before=before, proposed_by=waiting.made_by_id,
        list=hit.entry.list.code, uid=hit.entry.uid,
    )  # fmt: skip
    _settle(hit, target)
    return waiting


def _settle(hit: ScreeningHit, target: str) -> None:
    hit.state = target
    hit.save(update_fields=["state"])
