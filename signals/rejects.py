"""Refused items: seen masked, mended where they were wrong, sent again the ordinary way."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from cases import audit, permissions
from cases.models import Typology, User
from signals.door.accept import Receipt, accept, checker_for
from signals.door.access import Caller
from signals.door.bodies import parse
from signals.door.problems import Problem
from signals.masking import masked, visible
from signals.models import Detector, RejectedItem

REMOVE = msgspec.UNSET  # in place of a value: take the field out


class NotReplayable(Exception):
    """This item cannot be sent again from here; the message says why."""


def body_of(item: RejectedItem) -> Any:
    """What was sent, as a value; NotReplayable when it was cut or was no JSON."""
    if item.truncated:
        raise NotReplayable("It was too large to be kept whole: mend it at the detector.")
    try:
        return parse(item.body.encode())
    except Problem as exc:
        raise NotReplayable("It is not JSON: mend it at the detector.") from exc


def masked_body(item: RejectedItem) -> str:
    """What was sent, for the eyes of people who may see no identities."""
    try:
        body = masked(body_of(item))
    except NotReplayable:
        return f"{len(item.body)} characters that cannot be masked, and so are not shown"
    return visible(json.dumps(body, ensure_ascii=False, indent=2))


def mend(body: Any, changes: dict[str, Any]) -> Any:
    """`body` with the values at JSON pointers replaced, or taken out where the value is REMOVE."""
    mended = copy.deepcopy(body)
    for pointer, value in changes.items():
        mended = _put(mended, pointer, value)
    return mended


def _put(body: Any, pointer: str, value: Any) -> Any:
    if pointer == "":
        if value is REMOVE:
            raise NotReplayable("The whole event cannot be taken out; dismiss it instead.")
        return value
    if not pointer.startswith("/"):
        raise NotReplayable(f"{pointer!r} is no JSON pointer, such as /data/confidence.")
    steps = [s.replace("~1", "/").replace("~0", "~") for s in pointer.split("/")[1:]]
    place = body
    for step in steps[:-1]:
        place = _step(place, step)
    last = steps[-1]
    if isinstance(place, list):
        index = _index(last, place)
        if value is REMOVE:
            del place[index]
        else:
            place[index] = value
    elif isinstance(place, dict):
        if value is REMOVE:
            place.pop(last, None)
        else:
            place[last] = value
    else:
        raise NotReplayable(f"There is nothing at {pointer}.")
    return body


def _step(place: Any, step: str) -> Any:
    if isinstance(place, dict) and step in place:
        return place[step]
    if isinstance(place, list):
        return place[_index(step, place)]
    raise NotReplayable(f"There is nothing at {step!r}.")


def _index(step: str, place: list) -> int:
    if not step.isdecimal() or int(step) >= len(place):
        raise NotReplayable(f"There is no entry {step!r}.")
    return int(step)


@transaction.atomic
def replay(
    item: RejectedItem, *, actor: User | None, changes: dict[str, Any] | None = None
) -> Receipt:
    """Send `item` again, mended by `changes`, as its detector would: same checks, same outcomes,
    counted in the balance. What is rejected again stays as it was. Twice at once sends it once."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    item = RejectedItem.objects.select_for_update().select_related("detector").get(pk=item.pk)
    if item.replayed_at is not None:
        raise NotReplayable(f"It was sent again already and ended as {item.replay_outcome}.")
    detector = item.detector
    if detector.state == Detector.State.OFF:
        raise NotReplayable(f"{detector.source} is switched off: {detector.off_reason}")
    # Read again as the door reads: what was put in is no cleaner than what a detector sends.
    body = parse(json.dumps(mend(body_of(item), changes or {})).encode())
    receipt = accept(
        checker_for(item.kind, caller_for(detector)),
        [body],
        now=datetime.now(UTC),
        keep_rejects=False,
    )
    outcome = receipt.results[0]["outcome"]
    if outcome != "rejected":
        item.replayed_at, item.replayed_by, item.replay_outcome = timezone.now(), actor, outcome
        item.save(update_fields=["replayed_at", "replayed_by", "replay_outcome"])
    audit.record(
        "reject_replayed", actor=actor, obj=detector, source=detector.source, reject=item.pk,
        outcome=outcome, mended=sorted(changes or {}),
    )  # fmt: skip
    return receipt


@transaction.atomic
def dismiss(item: RejectedItem, *, actor: User | None) -> None:
    """Put `item` away: nobody will mend it. Safe to run twice."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    changed = RejectedItem.objects.filter(pk=item.pk, dismissed_at=None, replayed_at=None).update(
        dismissed_at=timezone.now()
    )
    if changed:
        audit.record("reject_dismissed", actor=actor, obj=item.detector, reject=item.pk)


def caller_for(detector: Detector) -> Caller:
    """`detector` as the door knows it, without a key."""
    active = Typology.objects.filter(active=True).order_by("pk").values_list("pk", flat=True)
    return Caller(
        id=detector.pk,
        source=detector.source,
        kind=detector.kind,
        state=detector.state,
        typology=detector.typology,
        allowed=frozenset(detector.allowed_indicators),
        catalogue=tuple(active),
    )
