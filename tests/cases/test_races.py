"""Two people act at the same moment: one of them wins, the other is told, nothing hangs."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cases import decisions, notes, permissions, queue, scores, transitions
from cases.models import Case, CaseWorker, Decision, User
from cases.states import QUEUE_OF, WORKING, Verb
from cases.transitions import Lost, NotAllowed
from tests.cases import life, rebuilding

ROUNDS = 10
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts) -> list[str]:
    """Release all acts by one barrier; of each, `won` or the name of its refusal."""
    start = Barrier(len(acts))

    def run(act):
        try:
            start.wait(timeout=20)
            act()
            return "won"
        except NotAllowed as refusal:
            return type(refusal).__name__
        except permissions.Denied:
            return "Denied"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts, timeout=30))


def sound(case: Case) -> Case:
    """What holds after any race."""
    case = Case.objects.get(pk=case.pk)
    rebuilding.agrees(case)
    assert (case.claimed_until is not None) == (case.state in WORKING.values())
    assert case.queue == QUEUE_OF.get(case.state, case.queue)
    proposed = case.decisions.filter(state="proposed").count()
    assert proposed == (case.state == "pending_approval")
    return case


@pytest.fixture
def held(make_case, rita, ana, sam, kim):
    life.load()

    def make(score=9, state="open", by=rita):
        case = make_case(score_at_opening=score, state=state)
        life.find(case.account, "papers.forged", score=score)
        queue.claim(case, actor=by)
        return case

    return make


def again(row):
    """As another request would read it."""
    return type(row).objects.get(pk=row.pk)


def propose(case, by, outcome="restricted"):
    reasons = {"restricted": "unconfirmed", "cleared": "innocent"}
    return decisions.propose(
        again(case), outcome, actor=by, reason_code=reasons[outcome], reason="r"
    )


def answer(name, decision: Decision, by: User):
    row = again(decision)
    if name == "approve":
        return lambda: decisions.approve(row, actor=by)
    if name == "withdraw":
        return lambda: decisions.withdraw(row, actor=row.proposed_by)
    return lambda: decisions.reject(row, actor=by, reason="r")


@pytest.mark.parametrize(
    ("one", "other"),
    [("approve", "reject"), ("withdraw", "approve"), ("approve", "approve")],
)
def test_of_two_answers_to_a_proposal_one_counts(held, sam, kim, rita, one, other):
    for _ in range(ROUNDS):
        case = held()
        decision = propose(case, rita)
        said = at_once(answer(one, decision, sam), answer(other, decision, kim))
        assert sorted(said) in (["NotAllowed", "won"], ["Stale", "won"])
        decision.refresh_from_db()
        assert (decision.state == "approved") == (sound(case).state == "executing")


def test_closing_and_escalating_at_once(held, rita):
    for _ in range(ROUNDS):
        case = held(score=5)
        one, two = again(case), again(case)
        said = at_once(
            lambda one=one: decisions.propose(
                one, "cleared", actor=rita, reason_code="innocent", reason="r"
            ),
            lambda two=two: decisions.escalate(two, actor=rita, reason="r"),
        )
        assert sorted(said)[-1] == "won"
        assert said.count("won") == 1
        assert sound(case).state == ("closed" if said[0] == "won" else "escalated")


def test_claiming_and_being_assigned_at_once(make_case, rita, ana, person):
    rob = person("rob", "analyst")
    for _ in range(ROUNDS):
        case = make_case()
        one, two = again(case), again(case)
        said = at_once(
            lambda one=one: queue.claim(one, actor=rita, version=0),
            lambda two=two: queue.assign(two, rob, ana, version=0),
        )
        assert sorted(said) in (["NotAllowed", "won"], ["Stale", "won"])
        assert sound(case).assignee == (rita if said[0] == "won" else rob)
        assert CaseWorker.objects.filter(case=case).count() == 1


def test_two_claims_of_the_same_case(make_case, rita, ana):
    for _ in range(ROUNDS):
        case = make_case()
        one, two = again(case), again(case)
        said = at_once(
            lambda one=one: queue.claim(one, actor=rita),
            lambda two=two: queue.claim(two, actor=ana),
        )
        assert said.count("won") == 1
        assert sound(case).fence == 1


def test_a_claim_that_runs_out_while_it_is_renewed(held, rita):
    for _ in range(ROUNDS):
        case = held()
        Case.objects.filter(pk=case.pk).update(
            claimed_until=timezone.now() + timedelta(milliseconds=15)
        )
        row, swept = again(case), []

        def sweep(swept=swept):
            time.sleep(0.015)
            swept.append(queue.expire_leases())

        def renew(row=row):
            time.sleep(0.014)
            queue.renew(row, actor=rita)

        said = at_once(renew, sweep)
        if said[0] == "won":
            assert swept == [0]
        else:  # the sweep passes over what is just being looked at, and finds it the next time
            assert swept[0] + queue.expire_leases() == 1
        assert sound(case).state == ("in_review" if said[0] == "won" else "open")


def test_a_proposal_and_new_evidence_at_once(held, rita, sam):
    """Whichever comes first, nobody approves what the proposer did not see."""
    for number in range(ROUNDS):
        case = held()
        row = {
            "account_id": case.account_id, "indicator_code": "talk.puppet",
            "typology": life.CODE, "detector_source": "/race", "fingerprint": f"f{number}",
            "confidence": 1, "event": f"e{number}", "evidence": {}, "accommodation": False,
            "occurred_at": timezone.now(),
        }  # fmt: skip
        said = at_once(lambda case=case: propose(case, rita), lambda row=row: found(row))
        assert said == ["won", "won"]
        decision = Decision.objects.get(case=case)
        seen = any(f["code"] == "talk.puppet" for f in decision.evidence["findings"].values())
        if seen:
            decisions.approve(decision, actor=sam)
        else:
            with pytest.raises(decisions.EvidenceChanged):
                decisions.approve(decision, actor=sam)
        sound(case)


def found(row):
    with transaction.atomic():
        scores.add_findings([row])


def test_a_holder_who_froze_beyond_the_lease_writes_nothing(held, rita, ana):
    """Rita's program stops; the lease runs out; Ana claims; Rita's goes on where it was."""
    frozen = {
        "propose": lambda case, fence: decisions.propose(
            case, "restricted", actor=rita, reason_code="unconfirmed", reason="r", fence=fence
        ),
        "release": lambda case, fence: queue.release(case, actor=rita, fence=fence),
        "escalate": lambda case, fence: decisions.escalate(
            case, actor=rita, reason="r", fence=fence
        ),
        "snooze": lambda case, fence: queue.snooze(
            case, actor=rita, reason="r", on_signal=True, fence=fence
        ),
        "renew": lambda case, fence: queue.renew(case, actor=rita, fence=fence),
    }
    for write in frozen.values():
        for swept in (False, True):
            case = held()
            old, fence = again(case), case.fence
            late = timezone.now() - timedelta(seconds=1)
            Case.objects.filter(pk=case.pk).update(claimed_until=late)
            with pytest.raises(Lost):
                write(again(case), fence)
            if swept:
                queue.expire_leases()
            queue.claim(again(case), actor=ana)
            with pytest.raises(Lost):
                write(old, fence)
            # Even when it comes back to her: this is another claim than the one that she had.
            queue.release(again(case), actor=ana)
            queue.claim(again(case), actor=rita)
            with pytest.raises(Lost):
                write(again(case), fence)
            assert sound(case).assignee == rita


def test_everybody_at_once_at_one_case_leaves_it_sound(held, rita, ana, sam, kim):
    for _ in range(ROUNDS):
        case = held()
        decision = propose(case, rita)
        rows = [again(case) for _ in range(3)]
        at_once(
            answer("approve", decision, sam),
            answer("reject", decision, kim),
            answer("withdraw", decision, rita),
            lambda row=rows[0]: notes.add(row, "n", actor=ana),
            lambda row=rows[1]: transitions.apply(row, Verb.ESCALATE, actor=rita, note="r"),
            lambda row=rows[2]: decisions.reopen(row, actor=ana, reason="r"),
        )
        sound(case)
        assert Decision.objects.get(pk=decision.pk).state != "proposed"
