"""Put events behind the door as the door would, and read the outcome in a comparable form."""

import hashlib
import itertools
import json
import uuid
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cases.models import Account, Case, Indicator
from signals import typology_store
from signals.correlation import correlator
from signals.door.rules import weight_of
from signals.models import ActivityEvent, Detector, IntakeBatch, Signal

LANTERN = Path(settings.BASE_DIR) / "demo" / "lantern"
_ids = itertools.count(1)


def prepare() -> None:
    """The shipped typology and one detector of each kind."""
    typology_store.load(typology_store.SHIPPED / "dprk_itw")
    for source, kind in (("/detectors/t", "detector"), ("/platform/t", "platform")):
        Detector.objects.get_or_create(source=source, defaults={"name": source, "kind": kind})


def fact(type_: str, subject: str, at: str = "2026-10-01T00:00:00Z", **data) -> dict:
    return {"id": f"F{next(_ids)}", "type": type_, "subject": subject, "time": at, "data": data}


def login(ref: str, *, ip: str = "", device: str = "", **more) -> dict:
    data = {"success": True, "ip": ip, "device_id": device} | more.pop("data", {})
    return fact("login.attempted", f"account/{ref}", data.pop("at", "2026-10-01T00:00:00Z"), **data)


def payout(ref: str, instrument: str, *, at: str = "2026-10-01T00:00:00Z", removed=False) -> dict:
    verb = "removed" if removed else "added"
    return fact(
        f"payout_method.{verb}", f"account/{ref}", at, type="bank", instrument_hash=instrument
    )


def finding(ref: str, code: str, *, confidence=0.9, fingerprint="", source="/detectors/t", **more):
    return {
        "id": more.pop("id", f"S{next(_ids)}"),
        "source": source,
        "type": code,
        "subject": f"account/{ref}",
        "time": more.pop("at", "2026-10-01T00:00:00Z"),
        "data": {
            "confidence": confidence,
            "fingerprint": fingerprint or f"fp{next(_ids)}",
            "evidence": more.pop("evidence", {}),
        },
        **more,
    }


def post(events: list[dict], *, size: int = 500, shadow: bool = False) -> None:
    """Store events in batches of `size`, each of one kind, in the given order."""
    codes = {row.code: row for row in Indicator.objects.filter(typology__active=True)}
    for is_signal, run in itertools.groupby(events, key=lambda each: each["type"] in codes):
        run = list(run)
        for start in range(0, len(run), size):
            _batch(run[start : start + size], codes if is_signal else None, shadow)


def work(**options) -> correlator.Round:
    return correlator.correlate(**options)


def _batch(events: list[dict], codes: dict | None, shadow: bool) -> None:
    now = timezone.now()
    ids = [uuid.UUID(int=(next(_ids) << 64) | 0x7000_8000_0000_0000) for _ in events]
    default = "/detectors/t" if codes else "/platform/t"
    detectors: dict[str, Detector] = {}
    for source in {event.get("source") or default for event in events}:
        kind = "detector" if codes else "platform"
        detectors[source], _ = Detector.objects.get_or_create(
            source=source, defaults={"name": source, "kind": kind}
        )
    detector = next(iter(detectors.values()))
    batch = IntakeBatch.objects.create(
        kind="signals" if codes else "activity", detector=detector, received_at=now,
        count=len(events), first_id=ids[0], last_id=ids[-1],
    )  # fmt: skip
    rows = []
    for pk, event in zip(ids, events, strict=True):
        kind, ref = event["subject"].split("/", 1)
        common = {
            "id": pk, "batch": batch, "detector": detectors[event.get("source") or default],
            "event_id": event["id"], "occurred_at": parse_datetime(event["time"]),
            "received_at": now, "data": event["data"],
            "content_hash": hashlib.sha256(json.dumps(event["data"]).encode()).digest(),
        }  # fmt: skip
        if codes is None:
            rows.append(
                ActivityEvent(**common, type=event["type"], subject_kind=kind, subject_ref=ref)
            )
            continue
        indicator, data = codes[event["type"]], event["data"]
        rows.append(
            Signal(
                **common, indicator=indicator, subject_kind=kind, account_ref=ref,
                confidence=Decimal(str(data["confidence"])), fingerprint=data["fingerprint"],
                weight=Decimal(
                    str(
                        event.get("weight")
                        or weight_of(
                            indicator.weight, indicator.weight_rules, data.get("evidence") or {}
                        )
                    )
                ),
                shadow=shadow, accommodation=event.get("accommodation", False),
            )
        )  # fmt: skip
    (ActivityEvent if codes is None else Signal).objects.bulk_create(rows)


def lantern() -> tuple[list[dict], list[dict], dict]:
    """Activity, signals and what is expected of scenario Lantern."""
    read = [
        [json.loads(line) for line in (LANTERN / name).open()]
        for name in ("activity.ndjson", "signals.ndjson")
    ]
    return read[0], read[1], json.loads((LANTERN / "expected.json").read_text())


def outcome() -> dict:
    """What was derived, by references alone, so that two runs can be compared."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(x.ref, y.ref), greatest(x.ref, y.ref), l.strength FROM cases_link l"
            " JOIN cases_account x ON x.id = l.a_id JOIN cases_account y ON y.id = l.b_id"
        )
        links = {(a, b): strength for a, b, strength in cursor.fetchall()}
    return {
        "scores": dict(Account.objects.exclude(score=0).values_list("ref", "score")),
        "links": links,
        "rings": sorted(sorted(ring) for ring in rings().values()),
        "facts": list(
            Account.objects.order_by("ref").values_list(
                "ref", "kind", "display_name", "email", "first_seen_at", "last_seen_at"
            )
        ),
        "sightings": sorted(
            Account.objects.values_list(
                "ref", "sightings__trait__value", "sightings__times", "sightings__trait__sharers"
            ),
            key=str,
        ),
        "cases": sorted(
            Case.objects.exclude(state="closed").values_list("account__ref", flat=True)
        ),
    }


def rings() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for ref, ring in Account.objects.exclude(ring=None).values_list("ref", "ring_id"):
        found.setdefault(ring, []).append(ref)
    return found
