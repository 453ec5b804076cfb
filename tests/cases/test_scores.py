"""Scores: explainable to the last digit, deaf to floods, repetitions and shadows."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases import scores
from cases.models import Account, Finding, Policy
from tests.signals.correlation import feed
from tests.signals.correlation.feed import finding

pytestmark = pytest.mark.django_db
_names = itertools.count()
CODES = [
    "login.many_ips_short_window", "login.vpn_exit", "login.impossible_travel",
    "document.number_reused", "payout.crypto_requested", "device.locale_mismatch",
    "bid.skill_focus", "interview.chat_only", "payout.wallet_listed",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def take(*events, **options):
    feed.post(list(events), **options)
    feed.work()


def score(ref="x") -> Decimal:
    return Account.objects.get(ref=ref).score


def lines(ref="x"):
    return scores.score_lines(Account.objects.get(ref=ref))


def test_a_family_counts_its_strongest_in_full_and_a_third_of_the_rest():
    take(finding("x", "interview.chat_only", confidence=0.8),
         finding("x", "interview.location_unknown", confidence=0.6))  # fmt: skip
    assert score() == Decimal("4.00") + Decimal("0.80")
    assert [line.why for line in lines()] == ["family_maximum", "family_rest"]


def test_the_same_finding_again_counts_up_and_scores_once_at_its_best():
    take(*[finding("x", "interview.chat_only", confidence=c, fingerprint="one")
           for c in (0.5, 0.9, 0.7)])  # fmt: skip
    row = Finding.objects.get()
    assert (row.times, row.confidence, score()) == (3, Decimal("0.9"), Decimal("4.50"))


def test_what_three_detectors_report_under_one_indicator_counts_once():
    take(finding("x", "interview.chat_only", source="/detectors/one", confidence=0.7))
    take(finding("x", "interview.chat_only", source="/detectors/two", confidence=0.9))
    take(finding("x", "interview.chat_only", source="/detectors/three", confidence=0.8))
    assert score() == Decimal("4.50")
    assert [line.why for line in lines()].count("same_indicator") == 2


def test_shadow_accommodation_and_withdrawn_are_listed_and_not_scored(rita):
    take(finding("x", "interview.chat_only"), shadow=True)
    take(finding("x", "interview.refused_video", accommodation=True))
    take(finding("x", "document.number_reused", confidence=1))
    scores.withdraw_findings(
        Finding.objects.filter(code="document.number_reused").values_list("pk", flat=True),
        actor=rita, reason="the vendor's mistake",
    )  # fmt: skip
    assert score() == 0
    assert sorted(line.why for line in lines()) == ["accommodation", "shadow", "withdrawn"]
    assert all(line.innocent and line.reason for line in lines())


def test_context_alone_never_reaches_the_case_threshold():
    take(*[finding("x", code, confidence=1) for code in
           ("login.vpn_exit", "device.locale_mismatch", "bid.skill_focus", "bid.below_market",
            "interview.background_hidden", "payout.rapid_passthrough", "contract.quality_swings",
            "contract.hours_unreachable")])  # fmt: skip
    assert score() == 4
    assert not Account.objects.get(ref="x").cases.exists()


def test_a_flood_of_one_detector_stops_at_its_cap_and_is_not_read_again_and_again():
    take(*[finding("x", "login.many_ips_short_window", confidence=0.7) for _ in range(900)])
    assert score() == 10
    assert Finding.objects.filter(spare=True).count() == 880
    assert scores.kept_aside(Account.objects.get(ref="x")) == 880
    take(finding("x", "login.many_ips_short_window", confidence=1, fingerprint="best"))
    assert not Finding.objects.get(fingerprint="best").spare


def test_a_policy_in_force_needs_two_people_and_rescores(rita, ana):
    take(finding("x", "interview.chat_only", confidence=1),
         finding("x", "interview.location_unknown", confidence=0.5))  # fmt: skip
    old = Policy.objects.get(active=True)
    data = {**old.data, "scoring": {**old.data["scoring"], "family_rest_share": "1/2"}}
    new = Policy.objects.create(typology_code="dprk_itw", version=2, data=data, content_hash="x")
    with pytest.raises(ValueError, match="second person"):
        scores.activate_policy(new, actor=rita, second=rita)
    scores.activate_policy(new, actor=rita, second=ana)
    assert sum(line.line_points for line in lines()) == score() == Decimal("5.67")
    feed.work()
    assert sum(line.line_points for line in lines()) == score() == Decimal("6.00")
    assert {line.policy_id for line in lines()} == {new.pk}


def test_findings_of_our_own_are_scored_and_looked_at():
    take(finding("x", "login.vpn_exit"))
    row = {
        "account_id": Account.objects.get().pk, "typology": "dprk_itw",
        "indicator_code": "payout.wallet_listed", "detector_source": "/portal/enrichment/wallets",
        "fingerprint": "f", "confidence": 1, "evidence": {"list": "SDN"},
    }  # fmt: skip
    scores.add_findings([row])
    scores.add_findings([row])
    feed.work()
    account = Account.objects.get()
    assert account.score == Decimal("11.80")
    assert account.cases.get().queue == "compliance"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(CODES), st.sampled_from(["/detectors/a", "/detectors/b"]),
            st.integers(0, 3), st.integers(0, 100), st.booleans(), st.booleans(),
        ),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
)  # fmt: skip
def test_lines_sum_to_the_score_and_the_order_does_not_matter(found, random, size):
    def events(ref):
        return [
            finding(ref, code, source=source, fingerprint=f"{code}{number}", id=f"e{index}{ref}",
                    confidence=percent / 100, accommodation=excused)
            for index, (code, source, number, percent, excused, _) in enumerate(found)
        ]  # fmt: skip

    number = next(_names)
    one, other = f"x{number}", f"y{number}"
    shuffled = events(other)
    random.shuffle(shuffled)
    take(*events(one))
    take(*shuffled, size=size)
    if not found:
        return
    for ref in (one, other):
        assert sum(line.line_points for line in lines(ref)) == score(ref)
    assert score(one) == score(other)
