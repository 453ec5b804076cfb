"""Lantern's numbers worked out a second time, from the raw lines and the words of the docs alone.

Nothing here calls the code that it checks: plain loops over plain dictionaries, Decimal by hand.
"""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import pytest

from cases import links, scores
from cases.models import Account, Link
from tests.signals.correlation import feed

pytestmark = pytest.mark.django_db

KINDS = {  # weight, soft cap, hard cap: the table of docs/correlation.md
    "document_number": (9, 5, 30), "payout": (8, 6, 50), "wallet": (8, 6, 50),
    "face": (8, 5, 30), "device": (7, 5, 50), "document_image": (7, 5, 30), "email": (7, 3, 20),
    "phone": (7, 3, 20), "ship_to": (7, 4, 30), "text": (4, 6, 50), "ip": (3, 5, 50),
}  # fmt: skip
NEAR = {"document_image": 7, "text": 3}


def rounded(value: Decimal, digits: str) -> Decimal:
    return value.quantize(Decimal(digits), ROUND_HALF_UP)


@pytest.fixture(scope="module")
def raw():
    return feed.lantern()


@pytest.fixture
def correlated(raw):
    feed.prepare()
    feed.post([*raw[0], *raw[1]])
    feed.work()


# -- Links -----------------------------------------------------------------------------------------


class Hand:
    """Who used what, read from the raw facts."""

    def __init__(self, activity: list[dict]):
        self.users: dict[tuple, set] = defaultdict(set)
        self.infrastructure: set[str] = set()
        self.relations: list[tuple[str, set]] = []
        for event in activity:
            ref, data = event["subject"].split("/", 1)[1], event["data"]
            for kind, value in self.uses(event["type"], data):
                if value:
                    self.users[kind, value].add(ref)
            if event["type"] == "infrastructure.declared":
                self.infrastructure.add(data["value"])
            if event["type"] == "relation.declared":
                self.relations.append((data["kind"], set(data["members"])))

    @staticmethod
    def uses(kind: str, data: dict):
        if kind == "account.registered":
            yield "email", data.get("email", "").lower()
            yield "phone", data.get("phone")
        elif kind == "login.attempted" and data["success"]:
            yield "ip", data["ip"]
            yield "device", data["device_id"]
        elif kind == "document.submitted":
            yield "document_number", data.get("number_hash")
            yield "document_image", data.get("image_phash")
            yield "face", data.get("face_ref")
        elif kind == "payout_method.added":
            wallet = data["type"] == "crypto" and data.get("address")
            yield ("wallet", wallet.lower()) if wallet else ("payout", data["instrument_hash"])
        elif kind == "proposal.submitted":
            yield "text", data.get("text_simhash")

    def sharers(self, kind: str, value: str) -> int:
        found = set(self.users[kind, value])
        if kind in NEAR:
            for (other_kind, other), users in list(self.users.items()):
                if other_kind == kind and self.distance(value, other) <= NEAR[kind]:
                    found |= users
        return len(found)

    @staticmethod
    def distance(a: str, b: str) -> int:
        return (int(a, 16) ^ int(b, 16)).bit_count()

    def lines(self, a: str, b: str) -> list[tuple[str, Decimal]]:
        """(kind, points) of what ties `a` and `b`, declared relations included."""
        found: dict[str, list[Decimal]] = defaultdict(list)
        of = {
            ref: [key for key, users in self.users.items() if ref in users] for ref in (a, b)
        }  # fmt: skip
        for kind, one in of[a]:
            for other_kind, other in of[b]:
                if kind != other_kind:
                    continue
                if one != other and (kind not in NEAR or self.distance(one, other) > NEAR[kind]):
                    continue
                weight, soft, hard = KINDS[kind]
                sharers = max(self.sharers(kind, one), self.sharers(kind, other))
                if not 2 <= sharers <= hard:
                    continue
                rarity = min(Decimal(1), rounded(Decimal(soft) / sharers, "0.0001"))
                place = Decimal("0.2") if {one, other} & self.infrastructure else Decimal(1)
                found[kind].append(rounded(weight * rarity * place, "0.001"))
        for kind in NEAR:
            found[kind] = sorted(found[kind], reverse=True)[:1]
        room, capped = Decimal(6), []
        for points in sorted(found["ip"], reverse=True):
            capped.append(min(points, room))
            room -= capped[-1]
        found["ip"] = capped
        factor = Decimal(1)
        for kind, members in self.relations:
            if {a, b} <= members and kind != "travel_notice":
                factor = Decimal("0.1")
        return sorted(
            (kind, rounded(points * factor, "0.001"))
            for kind, each in found.items() for points in each
        )  # fmt: skip


def test_the_links_of_the_ring_and_of_families_come_out_by_hand(raw, correlated):
    activity, _, expected = raw
    hand = Hand(activity)
    ring = [*expected["ring"], expected["ring_client"]]
    households = expected["may_group_but_not_alert"]["households"]
    pairs = [(a, b) for n, a in enumerate(ring) for b in ring[n + 1 :]]
    pairs += [tuple(pair) for pair in households]
    ids = dict(Account.objects.values_list("ref", "pk"))
    stored = {frozenset(p): s for *p, s in Link.objects.values_list("a__ref", "b__ref", "strength")}
    compared = 0
    for a, b in pairs:
        by_hand = [(kind, points) for kind, points in hand.lines(a, b) if points]
        ours = sorted((x.kind, x.points) for x in links.explain(ids[a], ids[b]) if x.points)
        assert ours == by_hand, (a, b)
        total = sum((points for _, points in by_hand), Decimal(0))
        if frozenset((a, b)) in stored:
            assert stored[frozenset((a, b))] == total
            compared += 1
        else:
            bare = sum(points for _, points in by_hand)
            assert bare < 1, (a, b, bare)
    assert compared > 20


# -- Scores ----------------------------------------------------------------------------------------

WEIGHTS = {  # of the codes that the ring's accounts have, from the catalogue in words
    "login.many_ips_short_window": lambda e: 7 if e.get("distinct_countries", 0) >= 3 else 6,
    "login.vpn_exit": lambda e: 2,
}


def score_by_hand(signals: list[dict], ref: str, weight) -> tuple[dict[str, Decimal], Decimal]:
    """{fingerprint: points of its line} and their sum, by the words of docs/correlation.md."""
    best: dict[str, tuple] = {}
    for event in signals:
        data = event["data"]
        if event["subject"] != f"account/{ref}" or data["evidence"].get("accommodation"):
            continue
        points = rounded(
            Decimal(str(weight(event["type"], data["evidence"])))
            * Decimal(str(data["confidence"])), "0.01",
        )  # fmt: skip
        best[data["fingerprint"]] = max(
            best.get(data["fingerprint"], (Decimal(-1), "")), (points, event["type"])
        )
    families: dict[str, list] = defaultdict(list)
    for fingerprint, (points, code) in best.items():
        families[code.split(".")[0]].append((points, code, fingerprint))
    caps = {"bid": 8, "comms": 8, "contract": 10, "rating": 10}
    lines = {}
    for family, rows in families.items():
        rows.sort(key=lambda row: (-row[0], row[1], row[2]))
        room = Decimal(min(10, caps.get(family, 12)))  # one detector: its cap, then the family's
        for place, (points, _, fingerprint) in enumerate(rows):
            line = points if place == 0 else rounded(points / 3, "0.01")
            lines[fingerprint] = min(line, room)
            room -= lines[fingerprint]
    return lines, sum(lines.values(), Decimal(0))


def test_the_scores_come_out_by_hand_to_the_last_digit(raw, correlated):
    _, signals, _expected = raw
    from signals import typology_store
    from signals.catalogue_file import read

    rows = {r.code: r for r in read(typology_store.SHIPPED / "dprk_itw").catalogue.indicators}

    def weight(code, evidence):
        if code in WEIGHTS:
            return WEIGHTS[code](evidence)
        row = rows[code]
        if row.weight_rules:  # conditional weights are compared in test_catalogue_source
            from signals.door.rules import weight_of

            plain = [
                {"when": [{"field": w.field, "op": w.op, "value": w.value} for w in rule.when],
                 "weight": rule.weight}
                for rule in row.weight_rules
            ]  # fmt: skip
            return weight_of(row.weight, plain, evidence)
        return row.weight

    for ref in sorted({event["subject"].split("/")[1] for event in signals}):
        lines, total = score_by_hand(signals, ref, weight)
        account = Account.objects.get(ref=ref)
        ours = {
            line.finding.fingerprint: line.line_points
            for line in scores.score_lines(account) if not line.finding.accommodation
        }  # fmt: skip
        assert (ref, ours) == (ref, lines)
        assert account.score == total


def test_two_accounts_worked_out_on_paper(raw, correlated):
    """ring-4: seven for four countries at 0.9, the VPN exit a third of 0.8, voice only 6 × 0.8."""
    four = Account.objects.get(ref="fl-ac45b2")
    assert [(line.finding.code, str(line.line_points)) for line in scores.score_lines(four)] == [
        ("login.many_ips_short_window", "6.30"),
        ("interview.voice_only_technical_excuse", "4.80"),
        ("login.vpn_exit", "0.27"),
    ]
    assert str(four.score) == "11.37"
