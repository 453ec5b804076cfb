"""What looks like a listed party, until people have judged it.

The machine adds hits and marks what changed around them; only people say "the same" or "not the
same". That holds for exactly this pair: when the account's side or the entry changes, the pair
is another one and is judged anew.
"""

from django.db import transaction
from django.utils import timezone

from cases import audit, permissions
from cases.models import HitDecision, ScreeningHit, User
from cases.screening import bands, confirmed
from cases.screening.found import UNDECIDED, State, keep, pair_hash

__all__ = [
    "DECIDABLE",
    "UNDECIDED",
    "NotAllowed",
    "State",
    "decide",
    "keep",
    "pair_hash",
    "pending",
]

# A hit that a person may decide: what is undecided, and what was decided and is corrected.
DECIDABLE = (State.OPEN, State.REVIEW, State.DELISTED, State.SAME, State.NOT_SAME)


class NotAllowed(Exception):
    """The hit is not in a state for this, or it takes another person. The message says which."""


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
        _settle(hit, target, decision, actor)
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
    _settle(hit, target, waiting, actor)
    return waiting


def _settle(hit: ScreeningHit, target: str, decision: HitDecision, actor: User) -> None:
    """The judgement takes effect, on the account's findings and case too."""
    before, hit.state = hit.state, target
    hit.save(update_fields=["state"])
    if target == State.SAME:
        confirmed.confirm(hit, decision, actor=actor)
    elif before == State.SAME:
        confirmed.take_back([hit], actor=actor, reason=f"Judged anew: {decision.reason}")
