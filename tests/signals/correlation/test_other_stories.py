"""Three small stories that Lantern does not tell, through the real doors."""

from decimal import Decimal
from itertools import count

import pytest

from cases import decisions, queue, rings
from cases.models import Account, Case, Hold, Link
from signals.correlation.tasks import correlate
from tests.signals.correlation import feed

pytestmark = pytest.mark.django_db
PLATFORM, WATCH = "/platform/story", "/detectors/story"


@pytest.fixture
def tell(make_detector, post, settings):
    """Post facts and findings, in the given order, and work them in."""
    settings.DOOR_NUDGES = False
    doors = {
        "activity": make_detector(PLATFORM, kind="platform"), "signals": make_detector(WATCH),
    }  # fmt: skip
    numbers = count(1)

    def send(*told):
        for kind, type_, subject, data in told:
            event = {
                "specversion": "1.0", "id": f"E{next(numbers)}", "type": type_,
                "source": PLATFORM if kind == "activity" else WATCH, "subject": subject,
                "time": f"2026-10-{next(numbers) % 27 + 1:02d}T12:00:00Z", "data": data,
            }  # fmt: skip
            answer = post(doors[kind], [event], kind=kind)
            assert answer.json()["accepted"] == 1, answer.json()
        correlate()

    return send


def fact(type_, ref, **data):
    return "activity", type_, f"account/{ref}", data


def person(ref, **data):
    named = {"kind": "freelancer", "display_name": ref, "email": f"{ref}@example.com"}
    return fact("account.registered", ref, **named, **data)


def enters(ref, ip, device):
    return fact("login.attempted", ref, success=True, ip=ip, device_id=device)


def paid(ref, instrument):
    return fact("payout_method.added", ref, type="bank", instrument_hash=instrument)


def found(code, ref, confidence, **evidence):
    data = {
        "confidence": confidence, "fingerprint": f"{code}:{ref}", "typology": "dprk_itw",
        "evidence": evidence,
    }  # fmt: skip
    return "signals", code, f"account/{ref}", data


def groups():
    return sorted(sorted(ring) for ring in feed.rings().values())


def strength(a, b):
    rows = Link.objects.filter(a__ref__in=[a, b], b__ref__in=[a, b])
    return rows.values_list("strength", flat=True).first() or Decimal(0)


def test_a_ring_of_four_hangs_on_a_delivery_address_and_two_telephones(tell):
    four = ["fl-s1", "fl-s2", "fl-s3", "fl-s4"]
    strangers = [f"fl-p{n}" for n in range(7)]
    tell(
        person("fl-s1", phone="+351 900 100 100"), person("fl-s2", phone="+351900100100"),
        person("fl-s3", phone="+44 7700 900 001"), person("fl-s4", phone="+44 7700 900001"),
        *[fact("account.updated", ref, ship_to_hash="f4" * 8) for ref in four],
        # seven strangers have their parcels sent to one parcel shop
        *[person(ref) for ref in strangers],
        *[fact("account.updated", ref, ship_to_hash="5b" * 8) for ref in strangers],
        found("contract.ship_to_shared", "fl-s1", 0.9, ship_to_hash="f4" * 8, account_ids=four),
    )  # fmt: skip

    assert groups() == [four]
    assert strength("fl-s1", "fl-s2") == Decimal("14.000")  # address 7, telephone 7
    assert strength("fl-s1", "fl-s3") == Decimal("7.000")  # address alone, four share it
    assert strength("fl-p0", "fl-p1") == Decimal("4.000")  # 7 × 4/7: offered, never joined
    # a case each, and each its own: the three others by the ring, at a score of nothing
    cases = {case.account.ref: case for case in Case.objects.select_related("account")}
    assert sorted(cases) == four
    assert cases["fl-s1"].opened_because["rule"] == "finding"
    assert {cases[ref].opened_because["rule"] for ref in four[1:]} == {"ring"}
    assert Account.objects.get(ref="fl-s2").score == 0


FAMILY = [f"fl-f{n}" for n in range(5)]


def family_facts():
    for ref in FAMILY:
        yield person(ref, phone="+34 600 000 001")
        yield enters(ref, "203.0.113.9", "dev_family")
        yield paid(ref, "fa" * 8)
        yield fact("account.updated", ref, ship_to_hash="fb" * 8)


def family_findings():
    yield found("device.shared_across_accounts", "fl-f0", 0.9, device_id="dev_family",
                account_ids=FAMILY, population_30d=5)  # fmt: skip
    yield found("payout.instrument_shared", "fl-f1", 0.9, type="bank", account_ids=FAMILY)


HOUSEHOLD = (
    "activity", "relation.declared", "relation/R1",
    {"kind": "household", "members": FAMILY, "evidence": "register extract"},
)  # fmt: skip


def test_a_family_that_declares_itself_after_the_signals_is_no_ring_any_more(tell, rita):
    tell(*family_facts(), *family_findings())
    assert groups() == [FAMILY]
    bare = strength("fl-f0", "fl-f1")
    # payout 8, device 7, address 3, telephone 7 × 3/5, delivery 7 × 4/5
    assert bare == Decimal("27.800")
    assert Case.objects.count() == 5

    tell(HOUSEHOLD)

    assert groups() == []
    assert strength("fl-f0", "fl-f1") == bare / 10
    assert not rings.RingOverride.objects.exists()
    # what was opened stays for a person to clear with a reason; nothing closes or opens by itself
    assert set(Case.objects.values_list("state", flat=True)) == {"open"}
    case = Case.objects.get(account__ref="fl-f2")
    queue.claim(case, actor=rita)
    decisions.propose(
        case,
        "cleared",
        actor=rita,
        reason_code="declared_relation",
        reason="Register extract seen.",
    )
    tell(enters("fl-f2", "203.0.113.9", "dev_family"))
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cleared")
    assert Case.objects.filter(account__ref="fl-f2").count() == 1


def test_a_family_that_declared_itself_before_is_never_a_ring(tell):
    tell(HOUSEHOLD, *family_facts(), *family_findings())
    assert groups() == []
    with_findings = {"fl-f0", "fl-f1"}  # the detectors did not know; two cases to clear, not five
    assert set(Case.objects.values_list("account__ref", flat=True)) == with_findings


def test_an_undeclared_couple_is_a_ring_without_a_case_and_a_traveller_is_cleared(tell, rita):
    tell(
        person("fl-c1"), person("fl-c2"), person("fl-t1"),
        paid("fl-c1", "cc" * 8), paid("fl-c2", "cc" * 8), paid("fl-t1", "dd" * 8),
        enters("fl-c1", "203.0.113.5", "dev_couple"), enters("fl-c2", "203.0.113.5", "dev_couple"),
        # the traveller once slept at the couple's: one address, once
        enters("fl-t1", "203.0.113.5", "dev_travel"),
        *[enters("fl-t1", f"192.0.2.{n}", "dev_travel") for n in range(1, 6)],
        found("login.many_ips_short_window", "fl-t1", 0.9, distinct_ips=5, distinct_countries=4),
    )  # fmt: skip

    assert groups() == [["fl-c1", "fl-c2"]]
    assert strength("fl-c1", "fl-c2") == Decimal("18.000")  # bank 8, device 7, address 3
    assert strength("fl-c1", "fl-t1") == Decimal("3.000")  # below what is offered
    # two people who share a household and did nothing have no score and no case
    assert set(Account.objects.exclude(score=0).values_list("ref", flat=True)) == {"fl-t1"}
    case = Case.objects.get()
    assert (case.account.ref, case.account.score) == ("fl-t1", Decimal("6.30"))

    queue.claim(case, actor=rita)
    decided = decisions.propose(
        case, "cleared", actor=rita, reason_code="travel", reason="Five airports, tickets seen."
    )
    assert not decided.needs_second  # below seven one person may clear
    tell(found("login.many_ips_short_window", "fl-t1", 0.9, distinct_ips=6, distinct_countries=4))
    assert Case.objects.count() == 1  # the same family at the same weight opens nothing again
    assert not Hold.objects.exists()
