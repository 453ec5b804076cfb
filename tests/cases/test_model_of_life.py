"""Hypothesis walks cases at random: the verbs do what the table says, and no walk ends an account
without two people.

`LIFE_RUNS` and `LIFE_STEPS` in the environment make the walks more and longer.
"""

import os
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cases import (
    decisions,
    holds,
    notes,
    offboarding,
    permissions,
    queue,
    transitions,
    verification,
)
from cases.models import (
    Action,
    AuditEvent,
    Case,
    CaseWorker,
    Decision,
    Hold,
    User,
    Verification,
    VerificationAttempt,
)
from cases.states import QUEUE_OF, RULES, State, Verb
from cases.transitions import NotAllowed
from tests.cases import life

RUNS = int(os.environ.get("LIFE_RUNS", "50"))
STEPS = int(os.environ.get("LIFE_STEPS", "30"))
PEOPLE = {
    "rita": "analyst",
    "rob": "analyst",
    "ana": "senior",
    "amy": "senior",
    "sam": "officer",
    "kim": "officer",
    "lee": "legal",
    "aud": "auditor",
    "olu": None,
}
ADVERSE = ("restricted", "offboarded")
REASON = {
    "cleared": "innocent",
    "monitor": "unclear",
    "restricted": "unconfirmed",
    "offboarded": "false_identity",
}

# Half of the time whoever holds the case, or a walk would mostly be refused.
HOLDER = "the holder"
who = st.one_of(st.just(HOLDER), st.sampled_from(sorted(PEOPLE)))
outcomes = st.sampled_from(sorted(REASON))
walked: set[tuple[str, str, str]] = set()


class Life(RuleBasedStateMachine):
    """One account, its cases, and nine people who try everything."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.case = Walk.make_case(score_at_opening=4)
        self.account = self.case.account
        self.fences = {}
        self.approvals = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # -- What people try -----------------------------------------------------------------------

    def attempt(self, verb, name, function):
        """Do it and hold the result to the table; what is refused changes nothing."""
        user = self.person(name)
        case = self.now()
        before = (case.state, case.version, case.assignee_id)
        events = AuditEvent.objects.exclude(verb="denied").count()
        offered = {v: allowed for v, allowed, _ in transitions.available(case, user)}
        try:
            with transaction.atomic():
                function(user, case)
        except (NotAllowed, permissions.Denied) as exc:
            after = self.now()
            void = isinstance(exc, decisions.EvidenceChanged)
            if not void:
                assert (after.state, after.version, after.assignee_id) == before
                assert AuditEvent.objects.exclude(verb="denied").count() == events
            return False
        after = self.now()
        first = case.events.order_by("id")[max(0, self.seen) :]
        moves = [e for e in first if e.verb in RULES and "after" in e.data]
        self.seen = case.events.count()
        assert moves, f"{verb} left no event"
        at = before[0]
        for event in moves:
            move = RULES[Verb(event.verb)].moves[event.data["before"]]
            assert event.data["before"] == at
            assert event.data["after"] in move.targets
            walked.add((event.verb, at, event.data["after"]))
            at = event.data["after"]
            if event.actor_id is not None:
                assert move.permissions, "only the portal does this"
                assert any(user.has_perm(right) for right in move.permissions)
        assert at == after.state
        # Who holds the case and claims it again renews the claim.
        done = Verb.RENEW if moves[-1].verb == Verb.RENEW else verb
        assert offered.get(done, True), f"{verb} was said to be impossible for {name}"
        return True

    seen = 0

    def person(self, name):
        holder = self.now().assignee
        if name == HOLDER:
            name = holder.username if holder else "rita"
        return User.objects.get(username=name)

    def now(self):
        return Case.objects.select_related("account").get(pk=self.case.pk)

    @rule(name=who)
    def claim(self, name):
        self.attempt(Verb.CLAIM, name, lambda user, case: queue.claim(case, actor=user))

    @rule(name=who, where=st.sampled_from(["review", "compliance"]))
    def claim_next(self, name, where):
        user = self.person(name)
        try:
            with transaction.atomic():
                got = queue.claim_next(user, where)
        except permissions.Denied:
            return
        if got is not None:
            assert got.pk == self.case.pk
            self.seen = got.events.count()

    @rule(name=who)
    def release(self, name):
        self.attempt(Verb.RELEASE, name, lambda user, case: queue.release(case, actor=user))

    @rule(name=who)
    def renew(self, name):
        self.attempt(Verb.RENEW, name, lambda user, case: queue.renew(case, actor=user))

    @rule(name=who, other=who)
    def assign(self, name, other):
        to = self.person(other)
        self.attempt(Verb.ASSIGN, name, lambda user, case: queue.assign(case, to, user))

    @rule(name=who)
    def snooze(self, name):
        self.attempt(
            Verb.SNOOZE,
            name,
            lambda user, case: queue.snooze(case, actor=user, reason="r", on_signal=True),
        )

    @rule(name=who)
    def wake(self, name):
        self.attempt(Verb.WAKE, name, lambda user, case: queue.wake(case, actor=user, why="r"))

    @rule(name=who)
    def escalate(self, name):
        self.attempt(
            Verb.ESCALATE,
            name,
            lambda user, case: decisions.escalate(case, actor=user, reason="r"),
        )

    @rule(name=who)
    def return_(self, name):
        self.attempt(
            Verb.RETURN,
            name,
            lambda user, case: transitions.apply(case, Verb.RETURN, actor=user, note="r"),
        )

    @rule(name=who)
    def note(self, name):
        self.attempt(Verb.NOTE, name, lambda user, case: notes.add(case, "n", actor=user))

    @rule(name=who)
    def request(self, name):
        self.attempt(
            Verb.REQUEST_VERIFICATION,
            name,
            lambda user, case: verification.request(case, "video", actor=user),
        )

    @rule(name=who, outcome=st.sampled_from(["refused", "no_show", "inconclusive"]))
    def record(self, name, outcome):
        row = Verification.objects.filter(case=self.case, outcome="").first()
        if row is not None:
            self.attempt(
                Verb.RECORD_VERIFICATION,
                name,
                lambda user, case: verification.record_attempt(row, actor=user, outcome=outcome),
            )

    @rule(name=who, outcome=outcomes)
    def propose(self, name, outcome):
        self.attempt(
            Verb.PROPOSE,
            name,
            lambda user, case: decisions.propose(
                case, outcome, actor=user, reason_code=REASON[outcome], reason="r"
            ),
        )

    @rule(name=who, latest=st.booleans())
    def approve(self, name, latest):
        decision = self.decision(latest)
        if decision is None:
            return
        before = self.part_in_it()

        def function(user, case):
            decisions.approve(decision, actor=user)
            self.approvals[decision.pk] = (user.pk, before, user.has_perm(permissions.COMPLY))

        self.attempt(Verb.APPROVE, name, function)

    @rule(name=who, latest=st.booleans())
    def reject(self, name, latest):
        decision = self.decision(latest)
        if decision is not None:
            self.attempt(
                Verb.REJECT,
                name,
                lambda user, case: decisions.reject(decision, actor=user, reason="r"),
            )

    @rule(name=who)
    def withdraw(self, name):
        decision = self.decision(True)
        if decision is not None:
            self.attempt(
                Verb.WITHDRAW, name, lambda user, case: decisions.withdraw(decision, actor=user)
            )

    @rule(name=who)
    def reopen(self, name):
        self.attempt(
            Verb.REOPEN, name, lambda user, case: decisions.reopen(case, actor=user, reason="r")
        )

    @rule(name=who, outcome=outcomes)
    def overturn(self, name, outcome):
        decision = self.case.decisions.filter(state="approved").last()
        if decision is not None:
            self.attempt(
                Verb.OVERTURN,
                name,
                lambda user, case: decisions.overturn(
                    decision,
                    actor=user,
                    outcome=outcome,
                    reason_code=REASON[outcome],
                    reason="r",
                ),
            )

    @rule(name=who, level=st.sampled_from(Hold.Level.values))
    def hold(self, name, level):
        user = self.person(name)
        try:
            with transaction.atomic():
                holds.set_hold(self.account, level, actor=user, reason="r", case=self.now())
        except (NotAllowed, permissions.Denied):
            return
        self.seen = self.case.events.count()

    # -- What happens besides ------------------------------------------------------------------

    @rule()
    def lease_runs_out(self):
        late = timezone.now() - timedelta(seconds=1)
        Case.objects.filter(pk=self.case.pk, claimed_until__isnull=False).update(claimed_until=late)
        queue.expire_leases()
        self.seen = self.case.events.count()

    @rule(points=st.sampled_from([3, 8, 15]))
    def evidence_changes(self, points):
        life.find(self.account, "shop.odd", score=points)

    @rule(state=st.sampled_from(["acknowledged", "refused"]))
    def platform_answers(self, state):
        for _ in range(6):
            action = Action.objects.filter(decision__case=self.case, state="sent").first()
            if action is None:
                break
            life.answer(action, state)
        self.seen = self.case.events.count()

    @rule(name=who)
    def skip_failed(self, name):
        action = Action.objects.filter(decision__case=self.case, state="failed").first()
        if action is not None:
            user = self.person(name)
            try:
                with transaction.atomic():
                    offboarding.skip(action, actor=user, reason="r")
            except (NotAllowed, permissions.Denied):
                return
            self.seen = self.case.events.count()

    @rule(name=who, role=st.sampled_from(["analyst", "senior", "officer", "legal"]))
    def role_changes(self, name, role):
        self.person(name).groups.set([Group.objects.get(name=role)])

    # -- What always holds ---------------------------------------------------------------------

    def decision(self, latest):
        rows = self.case.decisions.order_by("id")
        return rows.last() if latest else rows.first()

    def part_in_it(self):
        worked = CaseWorker.objects.filter(case__account=self.account)
        recorded = VerificationAttempt.objects.filter(verification__account=self.account)
        return set(worked.values_list("user", flat=True)) | set(
            recorded.values_list("recorded_by", flat=True)
        )

    @invariant()
    def the_row_fits_its_state(self):
        case = self.now()
        if case.state in QUEUE_OF:
            assert case.queue == QUEUE_OF[case.state]
        assert (case.claimed_until is not None) == (
            case.state in (State.IN_REVIEW, State.IN_COMPLIANCE)
        )
        assert (case.outcome != "") == (case.state == State.CLOSED)
        proposed = case.decisions.filter(state="proposed").count()
        assert proposed == (case.state == State.PENDING_APPROVAL)
        assert case.fence >= self.fences.get("fence", 0)
        self.fences["fence"] = case.fence
        if case.assignee_id and case.state in (State.IN_REVIEW, State.IN_COMPLIANCE):
            assert case.workers.filter(user=case.assignee_id).exists()

    @invariant()
    def nothing_adverse_stands_on_one_person(self):
        for row in Decision.objects.filter(case=self.case, state="approved", outcome__in=ADVERSE):
            approver, part, officer = self.approvals[row.pk]
            assert row.approved_by_id == approver != row.proposed_by_id
            assert approver not in part
            assert officer or row.outcome != "offboarded"
        case = self.now()
        if case.outcome in ADVERSE:
            last = case.decisions.filter(state="approved").order_by("approved_at", "id").last()
            assert last.outcome == case.outcome

    @invariant()
    def the_database_agrees(self):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    @invariant()
    def money_that_compliance_holds_left_only_by_two(self):
        for row in Hold.objects.filter(account=self.account, level__in=["released"]):
            if row.previous and row.previous.level in ("compliance_hold", "blocked_property"):
                assert row.set_by_id != row.second_by_id is not None


class Walk:
    make_case = None


def test_no_walk_leaves_the_table_or_ends_an_account_without_two_people(
    make_case, person, settings_for_walks
):
    life.load()
    for name, role in PEOPLE.items():
        person(name, role)
    Walk.make_case = staticmethod(make_case)
    walked.clear()

    run_state_machine_as_test(Life, settings=settings_for_walks)

    possible = {
        (verb.value, state.value, target.value)
        for verb, each in RULES.items()
        for state, move in each.moves.items()
        for target in move.targets
    }
    assert walked <= possible
    print(f"{len(walked)} of {len(possible)} moves walked")


@pytest.fixture
def settings_for_walks():
    return settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
