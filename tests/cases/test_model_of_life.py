"""Hypothesis walks cases at random beside a model of people, roles and states.

Who may do what is computed twice: by the verbs, and here from the table, the roles and who had a
part in the account. A step that one allows and the other does not is a fault.
`LIFE_RUNS` and `LIFE_STEPS` in the environment make the walks more and longer.
"""

import os
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

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
from cases.models import Action, Case, Decision, Hold, User, Verification
from cases.states import APPROVE, COMPLY, QUEUE_OF, REVIEW, RULES, WAITING, WORKING, State, Verb
from cases.transitions import NotAllowed
from tests.cases import life, rebuilding
from tests.cases.edges import REASON, Road, edges

RUNS = int(os.environ.get("LIFE_RUNS", "50"))
STEPS = int(os.environ.get("LIFE_STEPS", "30"))
SEED = int(os.environ.get("LIFE_SEED", "1"))
PEOPLE = {
    "rita": "analyst",
    "rob": "analyst",
    "ana": "senior",
    "amy": "senior",
    "sam": "officer",
    "kim": "officer",
    "lee": "legal",
    "aud": "auditor",
}
ADVERSE = ("restricted", "offboarded")
HIGH = 7
RANK = {"soft_hold": 1, "compliance_hold": 2, "blocked_property": 3}
S = State
MIDDLE = (S.AWAITING_VERIFICATION, S.PENDING_APPROVAL, S.EXECUTING, S.CLOSED)
# Mostly somebody who may, or a walk would mostly be refused; in one of eight, anybody.
who = st.tuples(st.integers(0, 7), st.sampled_from(sorted(PEOPLE)))
outcomes = st.sampled_from(sorted(REASON))
walked: set[tuple[str, str, str]] = set()
tries = {"done": 0, "refused": 0}


def in_state(*states):
    return precondition(lambda self: self.case.state in states)


class Life(RuleBasedStateMachine):
    """One account, its cases, and eight people who try everything."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.users = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
        self.roles = dict(PEOPLE)
        self.part: set[int] = set()
        self.seen = self.fence = 0
        self.rank = 0
        self.by_person = False

    @initialize(start=st.sampled_from(list(State)), side=st.sampled_from(["review", "compliance"]))
    def begins_anywhere(self, start, side):
        """A walk from `open` alone would seldom get far."""
        target = WAITING[side] if start in MIDDLE else start
        road = Road(Walk.make_case, Verb.NOTE, start, target)
        road.drive()
        self.case, self.account = road.case, road.case.account
        self.look()

    def teardown(self):
        try:
            rebuilding.agrees(self.case)
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    # -- The model: who may -------------------------------------------------------------------

    def may(self, verb, name):
        """What the table says, from the role alone."""
        move = RULES[verb].moves.get(self.case.state)
        if move is None or not move.permissions:
            return False
        rights = set(move.permissions) & permissions.ROLES[self.roles[name]]
        if self.case.queue == "compliance" and not RULES[verb].crosses_wall:
            rights -= {REVIEW, APPROVE}
        return bool(rights) and (not move.holder or self.holds(name))

    def holds(self, name):
        return self.case.assignee_id == self.users[name].pk

    def may_sign(self, decision, name):
        """The second person, as the policy has it."""
        pk = self.users[name].pk
        officer = COMPLY in permissions.ROLES[self.roles[name]]
        return (
            self.may(Verb.APPROVE, name)
            and pk != decision.proposed_by_id
            and pk not in self.part
            and (officer or decision.outcome != "offboarded")
        )

    def pick(self, verb, given, test=None):
        test = test or (lambda name: self.may(verb, name))
        number, name = given
        if number:
            names = sorted(PEOPLE)
            turned = names[names.index(name) :] + names[: names.index(name)]
            return next((each for each in turned if test(each)), name)
        return name

    # -- Trying -------------------------------------------------------------------------------

    def attempt(self, verb, given, function, *, allowed=None, exact=True):
        """Do it. Refused, it changes nothing; done, each event is a move of the table.

        `allowed` is the model's word; with `exact`, what it allows must be done.
        """
        name = self.pick(verb, given, allowed)
        expected = allowed(name) if allowed else self.may(verb, name)
        before = self.case
        try:
            with transaction.atomic():
                function(self.users[name], self.now())
        except decisions.EvidenceChanged:
            self.look()
            return
        except (NotAllowed, permissions.Denied) as refusal:
            tries["refused"] += 1
            after = self.look()
            assert (after.state, after.version, after.assignee_id) == (
                before.state, before.version, before.assignee_id,
            )  # fmt: skip
            if exact and expected:
                raise AssertionError(f"{name} may {verb} in {before.state}") from refusal
            return
        tries["done"] += 1
        assert expected, f"{name} ({self.roles[name]}) did {verb} in {before.state}"
        self.by_person = True
        self.look()

    def now(self):
        return Case.objects.select_related("account", "assignee").get(pk=self.case.pk)

    def look(self):
        """Read the case again, and what happened to it, into the model."""
        events = list(self.case.events.order_by("id")[self.seen :])
        self.seen += len(events)
        for event in events:
            if event.verb in RULES and "after" in event.data:
                walked.add((event.verb, event.data["before"], event.data["after"]))
        self.case = self.now()
        if self.case.assignee_id:
            self.part.add(self.case.assignee_id)
        return self.case

    # -- Verbs ----------------------------------------------------------------------------------

    @in_state(S.OPEN, S.ESCALATED, S.IN_REVIEW)
    @rule(given=who)
    def claim(self, given):
        again = self.case.state in WORKING.values()
        self.attempt(
            Verb.RENEW if again else Verb.CLAIM, given,
            lambda user, case: queue.claim(case, actor=user),
        )  # fmt: skip

    @in_state(S.OPEN, S.ESCALATED)
    @rule(given=who)
    def claim_next(self, given):
        free = self.case.snoozed_until is None
        self.attempt(Verb.CLAIM, given, lambda user, case: self.next(user, case), exact=free)

    @staticmethod
    def next(user, case):
        got = queue.claim_next(user, case.queue)
        if got is None:
            raise NotAllowed("The queue is empty.")
        assert got.pk == case.pk

    @in_state(S.IN_REVIEW, S.IN_COMPLIANCE)
    @rule(given=who, verb=st.sampled_from([Verb.RELEASE, Verb.SNOOZE, Verb.RENEW]))
    def let_go(self, given, verb):
        acts = {
            Verb.RELEASE: lambda user, case: queue.release(case, actor=user),
            Verb.RENEW: lambda user, case: queue.renew(case, actor=user),
            Verb.SNOOZE: lambda user, case: queue.snooze(
                case, actor=user, reason="r", on_signal=True
            ),
        }
        self.attempt(verb, given, acts[verb])

    @in_state(S.OPEN, S.ESCALATED, S.IN_REVIEW, S.IN_COMPLIANCE, S.PENDING_APPROVAL)
    @rule(given=who, other=who)
    def assign(self, given, other):
        right = queue.RIGHT[QUEUE_OF.get(self.case.state, self.case.queue)]

        def fits(name):
            return right in permissions.ROLES[self.roles[name]]

        to = self.pick(None, other, fits)
        self.attempt(
            Verb.ASSIGN, given,
            lambda user, case: queue.assign(case, self.users[to], user), exact=fits(to),
        )  # fmt: skip

    @precondition(lambda self: self.case.snoozed_until is not None)
    @rule(given=who)
    def wake(self, given):
        self.attempt(Verb.WAKE, given, lambda user, case: queue.wake(case, actor=user, why="r"))

    @in_state(S.OPEN, S.IN_REVIEW, S.IN_COMPLIANCE)
    @rule(given=who)
    def escalate(self, given):
        self.attempt(
            Verb.ESCALATE,
            given,
            lambda user, case: decisions.escalate(case, actor=user, reason="r"),
        )

    @in_state(S.OPEN, S.AWAITING_VERIFICATION)
    @rule(chance=st.integers(0, 3))
    def portal_escalates(self, chance):
        if chance == 0:
            transitions.apply(self.now(), Verb.ESCALATE, actor=None)
            self.look()

    @in_state(S.ESCALATED, S.IN_COMPLIANCE, S.IN_REVIEW)
    @rule(given=who)
    def return_(self, given):
        self.attempt(
            Verb.RETURN, given,
            lambda user, case: transitions.apply(case, Verb.RETURN, actor=user, note="r"),
        )  # fmt: skip

    @rule(given=who, file=st.booleans())
    def write(self, given, file):
        verb = Verb.ATTACH if file else Verb.NOTE
        content = str(self.seen).encode()

        def act(user, case):
            if file:
                notes.attach(case, actor=user, name="n", content=content, content_type="text/plain")
            else:
                notes.add(case, "n", actor=user)

        self.attempt(verb, given, act)

    @in_state(S.IN_REVIEW, S.IN_COMPLIANCE)
    @rule(given=who)
    def request(self, given):
        self.attempt(
            Verb.REQUEST_VERIFICATION, given,
            lambda user, case: verification.request(case, "video", actor=user),
        )  # fmt: skip

    @precondition(lambda self: self.case.verifications.filter(outcome="").exists())
    @rule(
        given=who,
        outcome=st.sampled_from(["refused", "no_show", "inconclusive", "passed_alternative"]),
    )
    def record(self, given, outcome):
        row = Verification.objects.filter(case=self.case, outcome="").first()

        def act(user, case):
            verification.record_attempt(row, actor=user, outcome=outcome)
            self.part.add(user.pk)

        self.attempt(Verb.RECORD_VERIFICATION, given, act)

    @in_state(S.IN_REVIEW, S.IN_COMPLIANCE)
    @rule(given=who, outcome=outcomes)
    def propose(self, given, outcome):
        self.attempt(
            Verb.PROPOSE, given,
            lambda user, case: decisions.propose(
                case, outcome, actor=user, reason_code=REASON[outcome], reason="r"
            ),
        )  # fmt: skip

    @in_state(S.PENDING_APPROVAL)
    @rule(given=who)
    def approve(self, given):
        decision = self.case.decisions.get(state="proposed")
        part = set(self.part)
        self.attempt(
            Verb.APPROVE, given, lambda user, case: decisions.approve(decision, actor=user),
            allowed=lambda name: self.may_sign(decision, name),
        )  # fmt: skip
        decision.refresh_from_db()
        if decision.state == "approved":
            assert decision.approved_by_id not in {*part, decision.proposed_by_id}

    @in_state(S.PENDING_APPROVAL)
    @rule(given=who)
    def reject(self, given):
        decision = self.case.decisions.get(state="proposed")
        self.attempt(
            Verb.REJECT, given,
            lambda user, case: decisions.reject(decision, actor=user, reason="r"),
            allowed=lambda name: self.may(Verb.REJECT, name)
            and self.users[name].pk != decision.proposed_by_id,
        )  # fmt: skip

    @in_state(S.PENDING_APPROVAL)
    @rule(given=who)
    def withdraw(self, given):
        decision = self.case.decisions.get(state="proposed")
        self.attempt(
            Verb.WITHDRAW, given, lambda user, case: decisions.withdraw(decision, actor=user),
            allowed=lambda name: self.may(Verb.WITHDRAW, name)
            and self.users[name].pk == decision.proposed_by_id,
        )  # fmt: skip

    @in_state(S.CLOSED, S.EXECUTING, S.IN_REVIEW)
    @rule(given=who)
    def answer_an_old_proposal(self, given):
        decision = self.case.decisions.exclude(state="proposed").first()
        if decision is not None:
            self.attempt(
                Verb.APPROVE, given, lambda user, case: decisions.approve(decision, actor=user),
                allowed=lambda name: False,
            )  # fmt: skip

    @in_state(S.CLOSED)
    @rule(given=who)
    def reopen(self, given):
        self.attempt(
            Verb.REOPEN, given, lambda user, case: decisions.reopen(case, actor=user, reason="r")
        )

    @in_state(S.CLOSED)
    @rule(given=who, outcome=outcomes)
    def overturn(self, given, outcome):
        stands = self.case.decisions.filter(state="approved").latest("approved_at", "id")
        decided = (stands.proposed_by_id, stands.approved_by_id)
        self.attempt(
            Verb.OVERTURN, given,
            lambda user, case: decisions.overturn(
                stands, actor=user, outcome=outcome, reason_code=REASON[outcome], reason="r"
            ),
            allowed=lambda name: self.may(Verb.OVERTURN, name)
            and self.users[name].pk not in decided,
            exact=outcome != stands.outcome,
        )  # fmt: skip

    @rule(given=who, level=st.sampled_from(["", "", "", *Hold.Level.values]))
    def hold(self, given, level):
        level = level or ("released" if self.rank else "soft_hold")
        self.attempt(
            Verb.HOLD, given,
            lambda user, case: holds.set_hold(
                case.account, level, actor=user, reason="r", case=case
            ),
            exact=False,
        )  # fmt: skip

    # -- What happens besides -------------------------------------------------------------------

    @in_state(S.IN_REVIEW, S.IN_COMPLIANCE)
    @rule(chance=st.integers(0, 2))
    def lease_runs_out(self, chance):
        if chance == 0:
            late = timezone.now() - timedelta(seconds=1)
            Case.objects.filter(pk=self.case.pk).update(claimed_until=late)
            assert queue.expire_leases() == 1
            self.look()

    @rule(points=st.sampled_from([3, 8, 15]), chance=st.integers(0, 2))
    def evidence_changes(self, points, chance):
        if chance == 0:
            life.find(self.account, "shop.odd", score=points)

    @in_state(S.EXECUTING)
    @rule(state=st.sampled_from(["acknowledged", "acknowledged", "refused"]))
    def platform_answers(self, state):
        while action := Action.objects.filter(decision__case=self.case, state="sent").first():
            life.answer(action, state)
        self.look()

    @in_state(S.EXECUTING)
    @rule(given=who)
    def retry(self, given):
        action = Action.objects.filter(decision__case=self.case, state="failed").first()
        if action is not None:
            self.attempt(
                Verb.CARRY_OUT, given, lambda user, case: offboarding.retry(action, actor=user)
            )

    @rule(
        name=st.sampled_from(sorted(PEOPLE)),
        role=st.sampled_from(["analyst", "senior", "officer", "legal"]),
        chance=st.integers(0, 3),
    )
    def role_changes(self, name, role, chance):
        if chance == 0:
            self.users[name].groups.set([Group.objects.get(name=role)])
            self.users[name] = User.objects.get(username=name)
            self.roles[name] = role

    # -- What always holds -----------------------------------------------------------------------

    @invariant()
    def the_row_fits_its_state(self):
        case = self.case
        if case.state in QUEUE_OF:
            assert case.queue == QUEUE_OF[case.state]
        held = case.state in WORKING.values()
        assert (case.claimed_until is not None) == held
        assert not held or case.assignee_id
        assert (case.outcome != "") == (case.closed_at is not None) == (case.state == S.CLOSED)
        proposed = case.decisions.filter(state="proposed").count()
        assert proposed == (case.state == S.PENDING_APPROVAL)
        assert case.fence >= self.fence
        self.fence = case.fence
        assert Case.objects.open().filter(account=self.account).count() <= 1

    @invariant()
    def who_had_a_part_is_remembered(self):
        workers = set(self.case.workers.values_list("user", flat=True))
        recorded = set(
            self.case.verifications.exclude(attempts=None).values_list(
                "attempts__recorded_by", flat=True
            )
        )
        assert workers | recorded == self.part

    @invariant()
    def nothing_grave_stands_on_one_person(self):
        for row in Decision.objects.filter(case=self.case, state="approved"):
            if row.outcome in ADVERSE or row.score >= HIGH or row.replaces_id:
                assert row.approved_by_id != row.proposed_by_id

    @invariant()
    def money_is_lowered_by_people_alone(self):
        hold = Hold.objects.filter(account=self.account, live=True).first()
        rank = RANK.get(hold.level, 0) if hold else 0
        if rank < self.rank:
            assert self.by_person
            assert hold.set_by_id
            assert self.rank < RANK["compliance_hold"] or hold.second_by_id != hold.set_by_id
        self.rank, self.by_person = rank, False

    @invariant()
    def the_database_agrees(self):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


class Walk:
    make_case = None


def test_verbs_and_model_never_differ(make_case, person, settings_for_walks):
    life.load()
    for name, role in PEOPLE.items():
        person(name, role)
    Walk.make_case = staticmethod(make_case)
    walked.clear()
    tries.update(done=0, refused=0)

    run_state_machine_as_test(seed(SEED)(Life), settings=settings_for_walks)

    possible = {tuple(str(part.value) for part in edge) for edge in edges()}
    print(f"seed {SEED}: {len(walked)} of {len(possible)} moves; {tries}")
    assert walked <= possible
    if RUNS * STEPS >= 1500:
        # All of them, one by one: `test_edges_of_life`.
        assert len(walked) >= 0.5 * len(possible), sorted(possible - walked)


@pytest.fixture
def settings_for_walks():
    return settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
