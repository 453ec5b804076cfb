"""Steps from mandate to outcome, refusals, second reviewers, and what never happens."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from cases import decisions, mandates, permissions, queue, verification
from cases.models import Finding, Link, Verification, WebhookDelivery
from cases.transitions import NotAllowed
from cases.verification_rules import may_restrict_for_refusals
from tests.cases import life
from tests.cases.life import NUMBERS

OK = [{"challenge": "wave", "result": "passed"}, {"challenge": "turn", "result": "passed"}]


@pytest.fixture
def case(make_case, rita):
    life.load()
    policy = {
        "scoring": {"family_rest_share": "1/3", "context_only_weight": 2},
        "opening": {
            "score": 8, "single_finding_weight": 7, "single_finding_confidence": 0.8,
            "compliance_weight": 10, "ring_with_a_case": True,
        },
    }  # fmt: skip
    from cases.models import Policy

    data = Policy.objects.get().data
    data["deadlines"] |= {
        "compliance_business_days": 2,
        "review_business_days": {"low": 10, "medium": 5, "high": 2, "critical": 1},
    }
    Policy.objects.update(data={**data, **policy})
    case = make_case()
    queue.claim(case, actor=rita)
    return case


@pytest.fixture
def video(case, rita):
    row = verification.request(case, "video", actor=rita)
    case.refresh_from_db()
    return row


def attempt(row, actor, outcome, **fields):
    return verification.record_attempt(row, actor=actor, outcome=outcome, **fields)


def codes(account):
    return sorted(account.findings.values_list("code", flat=True))


def test_asking_makes_the_case_wait_and_tells_the_person(case, video):
    assert (case.state, video.trigger) == ("awaiting_verification", "requested")
    sent = WebhookDelivery.objects.get(event_type="verification.requested")
    assert sent.payload["text"] == "Please choose a time."


def test_a_pass_brings_the_case_back_and_closes_nothing(case, video, rita, ana):
    attempt(video, ana, "passed", challenges=OK, face_matches_document=True)
    case.refresh_from_db()
    video.refresh_from_db()
    assert (video.outcome, case.state, case.assignee) == ("passed", "in_review", rita)
    assert case.outcome == ""
    assert codes(case.account) == []


def test_passing_means_challenges_and_a_face_that_somebody_compared(video, rita):
    with pytest.raises(NotAllowed, match="challenges"):
        attempt(video, rita, "passed", challenges=OK[:1], face_matches_document=True)
    with pytest.raises(NotAllowed, match="face"):
        attempt(video, rita, "passed", challenges=OK)
    with pytest.raises(NotAllowed, match="not passed"):
        attempt(video, rita, "passed_alternative", face_matches_document=False)
    with pytest.raises(NotAllowed, match="challenges"):
        attempt(video, rita, "inconclusive", challenges=[{"challenge": "sing"}])
    with pytest.raises(NotAllowed, match="observations"):
        attempt(video, rita, "inconclusive", observations=["horns"])


def test_a_first_refusal_is_answered_by_another_offer(case, video, rita):
    attempt(video, rita, "refused", excuse="camera broken")
    video.refresh_from_db()
    case.refresh_from_db()
    assert (video.outcome, video.offers, video.alternative) == ("", 2, "a phone")
    assert case.state == "awaiting_verification"
    assert codes(case.account) == []
    assert mandates.announce() == 1
    assert WebhookDelivery.objects.latest("id").payload["alternative"] == "a phone"


def test_a_second_refusal_settles_and_becomes_a_finding(case, video, rita):
    attempt(video, rita, "refused")
    attempt(video, rita, "refused")
    video.refresh_from_db()
    case.refresh_from_db()
    assert (video.outcome, case.state) == ("refused", "in_review")
    assert codes(case.account) == ["talk.refused"]
    case.account.refresh_from_db()
    assert case.account.score == 6


def test_two_refusals_and_a_strong_finding_allow_a_restriction(case, video, rita, ana):
    for _ in range(2):
        attempt(video, rita, "refused")
    case.refresh_from_db()
    assert "Refusals alone" in may_restrict_for_refusals(case)
    life.find(case.account, "shop.odd")
    assert "Refusals alone" in may_restrict_for_refusals(case)
    life.find(case.account, "papers.forged")
    assert may_restrict_for_refusals(case) == ""
    decision = decisions.propose(
        case, "restricted", actor=rita, reason_code="refused", reason="twice"
    )
    assert decision.needs_second


def test_an_accommodation_is_never_scored(case, video, rita):
    verification.accommodate(video, actor=rita, reason="asks for a notary")
    for _ in range(2):
        attempt(video, rita, "refused")
    case.account.refresh_from_db()
    finding = Finding.objects.get()
    assert (finding.accommodation, case.account.score) == (True, 0)
    assert "0 of 2" in may_restrict_for_refusals(case)


def test_an_accommodation_that_comes_late_excuses_what_was_found(case, video, rita):
    attempt(video, rita, "no_show")
    case.account.refresh_from_db()
    assert case.account.score == 4
    verification.accommodate(video, actor=rita, reason="asks for a notary")
    case.account.refresh_from_db()
    assert case.account.score == 0


def test_not_coming_and_strings_are_findings_at_once(case, video, rita):
    attempt(video, rita, "no_show")
    attempt(video, rita, "inconclusive", observations=["puppet", "dog"])
    assert codes(case.account) == ["talk.absent", "talk.puppet"]


def test_a_proxy_who_passes_is_still_a_finding(case, video, rita):
    attempt(
        video, rita, "passed", challenges=OK, face_matches_document=True, observations=["puppet"]
    )
    assert codes(case.account) == ["talk.puppet"]


def test_an_adverse_attempt_counts_only_with_a_second_reviewer(case, video, rita, ana):
    row = attempt(video, rita, "failed", face_matches_document=False)
    video.refresh_from_db()
    assert (video.outcome, codes(case.account)) == ("", [])
    with pytest.raises(NotAllowed, match="second reviewer"):
        attempt(video, rita, "passed", challenges=OK, face_matches_document=True)
    with pytest.raises(NotAllowed, match="took part"):
        verification.review_attempt(row, actor=rita, agrees=True)
    verification.review_attempt(row, actor=ana, agrees=True)
    video.refresh_from_db()
    case.refresh_from_db()
    assert (video.outcome, case.state) == ("failed", "in_review")
    assert codes(case.account) == ["talk.other_face"]
    with pytest.raises(NotAllowed, match="has reviewed"):
        verification.review_attempt(row, actor=ana, agrees=False)


def test_an_adverse_attempt_that_is_not_confirmed_counts_nothing(case, video, rita, ana):
    row = attempt(video, rita, "failed")
    verification.review_attempt(row, actor=ana, agrees=False)
    video.refresh_from_db()
    case.refresh_from_db()
    assert (video.outcome, case.state, codes(case.account)) == ("", "awaiting_verification", [])


def test_the_deadline_brings_the_case_back_and_is_no_refusal(case, video, rita):
    Verification.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert verification.expire_due() == 1
    assert verification.expire_due() == 0
    video.refresh_from_db()
    case.refresh_from_db()
    assert (video.outcome, case.state) == ("expired", "in_review")
    assert codes(case.account) == []


def test_the_case_waits_for_all_that_was_asked(case, video, rita, ana):
    verification.request(case, "papers", actor=rita) if case.state == "in_review" else None
    attempt(video, rita, "passed", challenges=OK, face_matches_document=True)
    case.refresh_from_db()
    assert case.state == "in_review"


def test_who_may_perform_a_step_stands_in_the_protocol(case, rita, ana):
    row = verification.request(case, "papers", actor=rita)
    with pytest.raises(permissions.Denied, match="senior"):
        attempt(row, rita, "passed")
    attempt(row, ana, "passed")


def test_a_client_that_is_tied_to_the_account_cannot_attest(case, rita, make_account):
    row = verification.request(case, "client_call", actor=rita)
    client = make_account("cl-9", kind="client")
    a, b = sorted((case.account, client), key=lambda each: each.pk)
    Link.objects.create(a=a, b=b, strength=8)
    with pytest.raises(NotAllowed, match="cannot attest"):
        attempt(row, rita, "passed", attested_by=client)
    with pytest.raises(NotAllowed, match="which client"):
        attempt(row, rita, "passed")
    attempt(row, rita, "passed", attested_by=make_account("cl-10", kind="client"))


def test_only_a_senior_does_without_a_step(case, video, rita, ana):
    with pytest.raises(permissions.Denied):
        verification.waive(video, actor=rita, reason="known")
    verification.waive(video, actor=ana, reason="known in person")
    video.refresh_from_db()
    assert (video.outcome, video.waived_by) == ("not_required", ana)


def test_what_the_person_is_told_gives_nothing_away(case, rita):
    with pytest.raises(NotAllowed, match=r"Atlantis|atlantis"):
        verification.request(case, "video", actor=rita, reason_told="Are you from Atlantis?")


def test_an_unknown_step_is_refused(case, rita):
    with pytest.raises(NotAllowed, match="no step"):
        verification.request(case, "polygraph", actor=rita)


def test_new_accounts_with_a_case_are_mandated_once(make_case, make_account, typology_loaded):
    now = timezone.now()
    young = make_account("fl-y", opened_at=now - timedelta(days=3))
    old = make_account("fl-o", opened_at=now - timedelta(days=300))
    client = make_account("cl-y", kind="client", opened_at=now)
    alone = make_account("fl-a", opened_at=now)
    for account in (young, old, client):
        make_case(account=account)
    ids = [young.pk, old.pk, client.pk, alone.pk]

    made = mandates.mandate_for(ids)
    again = mandates.mandate_for(ids)

    row = Verification.objects.get()
    assert (made, again) == ([row.pk], [])
    assert (row.account, row.step, row.trigger, row.mandated) == (
        young, "video", "new_account", True,
    )  # fmt: skip
    assert row.case is not None
    assert mandates.announce() == 1
    assert mandates.announce() == 0


def test_a_mandate_on_findings_comes_again_with_a_newer_one(make_account, typology_loaded):
    account = make_account()
    assert mandates.mandate_for([account.pk], "papers") == []
    life.find(account, "papers.forged")
    (first,) = mandates.mandate_for([account.pk], "papers")
    assert mandates.mandate_for([account.pk], "papers") == []
    Verification.objects.filter(pk=first).update(outcome="expired", settled_at=timezone.now())
    assert mandates.mandate_for([account.pk], "papers") == []
    life.find(account, "papers.forged")
    Finding.objects.filter(pk=Finding.objects.latest("id").pk).update(
        created_at=timezone.now() + timedelta(seconds=5)
    )
    assert len(mandates.mandate_for([account.pk], "papers")) == 1


def test_mandating_many_costs_as_little_as_one(
    make_account, make_case, typology_loaded, django_assert_max_num_queries
):
    accounts = [make_account(opened_at=timezone.now()) for _ in range(30)]
    for account in accounts:
        make_case(account=account)
    with django_assert_max_num_queries(4 + 6 * len(NUMBERS["mandates"])):
        assert len(mandates.mandate_for([account.pk for account in accounts])) == 30


def test_a_condition_that_nobody_understands_is_not_met(make_account, typology_loaded):
    with pytest.raises(ValueError, match="moon"):
        mandates._conditions({"trigger": "t", "when": {"moon": "full"}}, timezone.now())


@pytest.fixture
def typology_loaded(db):
    return life.load()


def test_sql_edits_no_attempt(video, rita):
    attempt(video, rita, "no_show")
    for sql in (
        "UPDATE cases_verificationattempt SET outcome = 'passed'",
        "DELETE FROM cases_verificationattempt",
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            connection.cursor().execute(sql)
