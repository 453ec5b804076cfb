"""A made-up population: mostly innocent people, the noise that they make, and a ring now and then.

The same seed gives the same events. Addresses are of the ranges for private and test use, names
and numbers are invented. About one account in 400 belongs to a ring of four to eight that shares a
payout instrument, devices and documents; one in eight shares a home, an office or a campus.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 9, 1, tzinfo=UTC)
COUNTRIES = ("DE", "ES", "PH", "NG", "UA", "IN", "BR", "PL", "KE", "GB", "US", "VN", "RO", "AR")
FIRST = ("Ada", "Bruno", "Celia", "Dario", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas")
LAST = ("Abel", "Brandt", "Costa", "Dunn", "Eskola", "Fabri", "Garcia", "Hale", "Ivanov", "Jansky")
Event = dict[str, Any]


def make(accounts: int, *, seed: int) -> tuple[Iterator[Event], Iterator[Event]]:
    """Facts and findings about `accounts` accounts; both are made while they are read."""
    return _facts(accounts, seed), _findings(accounts, seed)


def reference(number: int, seed: int) -> str:
    return f"fl-p{seed}-{number:07d}"


def ring_of(number: int, seed: int) -> int | None:
    """The ring that an account belongs to, if any: known without walking the population."""
    block, place = divmod(number, 2400)
    size = 4 + random.Random(f"{seed}/ring/{block}").randrange(5)
    return block if place < size else None


def _facts(accounts: int, seed: int) -> Iterator[Event]:
    for number in range(accounts):
        yield from _account(number, seed)


def _account(number: int, seed: int) -> Iterator[Event]:
    rng = random.Random(f"{seed}/account/{number}")
    ref, ring = reference(number, seed), ring_of(number, seed)
    subject, began = f"account/{ref}", EPOCH + timedelta(minutes=number % 40_000)
    country = rng.choice(COUNTRIES)
    name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"

    def event(kind: str, mark: str, after: timedelta, data: Event) -> Event:
        return _event("/platform/demo", f"{ref}-{mark}", kind, subject, began + after, data)

    yield event(
        "account.registered",
        "a",
        timedelta(),
        {
            "kind": "freelancer" if rng.random() < 0.9 else "client",
            "display_name": name,
            "email": f"{ref}@example.com",
            "claimed_country": country,
            "created_at": began.isoformat().replace("+00:00", "Z"),
        },
    )
    yield event(
        "document.submitted",
        "d",
        timedelta(hours=1),
        {
            "doc_type": "passport",
            "number_hash": _hex(rng, 16),
            "image_phash": _hex(rng, 16) if ring is None else _shared(seed, ring, "document", 16),
            "face_ref": f"face_{_hex(rng, 10)}",
        },
    )
    instrument = _hex(rng, 16) if ring is None else _shared(seed, ring, "payout", 16)
    yield event(
        "payout_method.added",
        "p",
        timedelta(hours=2),
        {
            "type": "bank",
            "instrument_hash": instrument,
            "holder_name": name,
            "country": country,
        },
    )
    device, ip = _machine(number, seed, rng, ring)
    for turn in range(rng.randint(2, 6)):
        yield event(
            "login.attempted",
            f"l{turn}",
            timedelta(days=turn, minutes=rng.randrange(600)),
            {
                "success": rng.random() < 0.93,
                "ip": ip,
                "ip_country": country,
                "device_id": device,
                "asn": 64496 + rng.randrange(15),
                "session_minutes": rng.randrange(3, 300),
            },
        )
    if rng.random() < 0.3:
        yield event(
            "proposal.submitted",
            "b",
            timedelta(days=1),
            {"job_id": f"J{number:07d}", "text_simhash": _hex(rng, 16), "rate_usd": 30},
        )


def _machine(number: int, seed: int, rng: random.Random, ring: int | None) -> tuple[str, str]:
    """Device and address: one's own, a home of three, a campus of thousands, or the ring's."""
    if ring is not None:
        device = f"dev_{_shared(seed, ring, f'device{number % 2}', 10)}"
        return device, _address(random.Random(f"{seed}/ring-ip/{ring}"))
    kind = rng.random()
    if kind < 0.08:
        home = random.Random(f"{seed}/home/{number // 3}")
        return f"dev_{_hex(rng, 10)}", _address(home)
    if kind < 0.125:
        return f"dev_{_hex(rng, 10)}", f"198.18.0.{number % 4}"
    return f"dev_{_hex(rng, 10)}", _address(rng)


def _findings(accounts: int, seed: int) -> Iterator[Event]:
    for number in range(accounts):
        rng = random.Random(f"{seed}/finding/{number}")
        ref, ring = reference(number, seed), ring_of(number, seed)
        found: list[tuple[str, float, Event]] = []
        if ring is not None:
            found.append(
                (
                    "login.many_ips_short_window",
                    0.9,
                    {"distinct_ips": 6, "distinct_countries": 4, "window_minutes": 20},
                )
            )
            found.append(
                ("interview.voice_only_technical_excuse", 0.8, {"interview_id": f"I{ref}"})
            )
        if rng.random() < 0.05:
            found.append(("login.vpn_exit", 0.4, {"provider": "commercial"}))
        if rng.random() < 0.01:
            found.append(("payout.crypto_requested", 0.4, {"asset": "USDT"}))
        for place, (code, confidence, evidence) in enumerate(found):
            yield _event(
                "/detectors/demo",
                f"{ref}-s{place}",
                code,
                f"account/{ref}",
                EPOCH + timedelta(days=7, minutes=number % 40_000),
                {
                    "confidence": confidence,
                    "detector_version": "1.0.0",
                    "fingerprint": f"{ref}-{code}",
                    "typology": "dprk_itw",
                    "evidence": evidence,
                },
            )


def _event(source: str, mark: str, kind: str, subject: str, at: datetime, data: Event) -> Event:
    return {
        "specversion": "1.0",
        "id": mark,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }


def _address(rng: random.Random) -> str:
    return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def _shared(seed: int, ring: int, what: str, digits: int) -> str:
    return _hex(random.Random(f"{seed}/{what}/{ring}"), digits)


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"
