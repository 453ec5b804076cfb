"""A search for any way to end an account, or to clear a grave one, with fewer than two people.

Mal may be anything and comes in by every door: verbs, pages, API with a session and with personal
tokens, the ORM, SQL. Wanda helps, but has worked on the account herself. Whoever they become, no
sequence of what they do may decide. `PEOPLE_RUNS`, `PEOPLE_STEPS` and `PEOPLE_SEED` in the
environment make the search larger or another.
"""

import os
from contextlib import suppress
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test import Client
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
from rest_framework.test import APIClient

from cases import decisions, permissions, queue, transitions, verification
from cases.models import Action, Case, Decision, User, Verification
from cases.states import Verb
from cases.transitions import NotAllowed
from tests.cases import life
from tests.cases.edges import REASON

RUNS = int(os.environ.get("PEOPLE_RUNS", "20"))
STEPS = int(os.environ.get("PEOPLE_STEPS", "25"))
SEED = int(os.environ.get("PEOPLE_SEED", "1"))
ROLES = ["analyst", "senior", "officer", "legal", "auditor", "administrator"]
GRAVE = ("restricted", "offboarded")
who = st.sampled_from(["mal", "mal", "wanda"])
outcomes = st.sampled_from(["cleared", "monitor", "restricted", "offboarded", "offboarded"])

# What somebody with the application's rights on the tables might try. `{me}` is who tries.
HOSTILE = {
    "approve": "UPDATE cases_decision SET state = 'approved', approved_by_id = {me},"
    " approved_at = now() WHERE case_id = {case} AND state = 'proposed'",
    "approve as the portal": "UPDATE cases_decision SET state = 'approved', approved_at = now()"
    " WHERE case_id = {case} AND state = 'proposed'",
    "need nobody": "UPDATE cases_decision SET needs_second = false, needs_officer = false"
    " WHERE case_id = {case}",
    "change the proposer": "UPDATE cases_decision SET proposed_by_id = {other}"
    " WHERE case_id = {case}",
    "decide alone": "INSERT INTO cases_decision (case_id, outcome, reason_code, reason, notice,"
    " plan, digest, evidence, score, needs_second, needs_officer, wall, state, proposed_by_id,"
    " proposed_at, approved_by_id, approved_at, ended_because) VALUES ({case}, 'cleared', 'x',"
    " 'x', '', '[]', '', '{{}}', 1, false, false, false, 'approved', {me}, now(), {me}, now(), '')",
    "decide gravely alone": "INSERT INTO cases_decision (case_id, outcome, reason_code, reason,"
    " notice, plan, digest, evidence, score, needs_second, needs_officer, wall, state,"
    " proposed_by_id, proposed_at, approved_by_id, approved_at, ended_because) VALUES ({case},"
    " 'restricted', 'x', 'x', '', '[]', '', '{{}}', 1, false, false, false, 'approved', {me},"
    " now(), {me}, now(), '')",
    "decide for each other": "INSERT INTO cases_decision (case_id, outcome, reason_code, reason,"
    " notice, plan, digest, evidence, score, needs_second, needs_officer, wall, state,"
    " proposed_by_id, proposed_at, approved_by_id, approved_at, ended_because) VALUES ({case},"
    " 'offboarded', 'x', 'x', '', '[]', '', '{{}}', 1, true, false, false, 'approved', {other},"
    " now(), {me}, now(), '')",
    "close": "UPDATE cases_case SET state = 'closed', outcome = 'offboarded', closed_at = now(),"
    " claimed_until = NULL WHERE id = {case}",
    "execute": "UPDATE cases_case SET state = 'executing', claimed_until = NULL WHERE id = {case}",
    "forget the workers": "DELETE FROM cases_caseworker WHERE case_id = {case}",
    "move the workers": "UPDATE cases_caseworker SET user_id = {other} WHERE user_id = {me}",
    "forget the verifications": "DELETE FROM cases_verificationattempt",
    "take the case elsewhere": "UPDATE cases_case SET account_id = {elsewhere} WHERE id = {case}",
    "opened harmlessly": "UPDATE cases_case SET score_at_opening = 0 WHERE id = {case}",
}


def together(test):
    """Only when something is proposed, else a step is mostly wasted."""
    return precondition(lambda self: self.case.state == "pending_approval")(test)


class Plot(RuleBasedStateMachine):
    """One account, with one person who wants it ended and one who helps."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.users = {name: User.objects.get(username=name) for name in ("mal", "wanda")}
        self.case = Stage.make_case(score_at_opening=9)
        self.elsewhere = Stage.make_case().account
        life.find(self.case.account, "papers.forged", score=9)

    @initialize(state=st.sampled_from(["open", "escalated"]))
    def both_have_worked_on_it(self, state):
        """Each of them held it once, openly, as analyst or officer."""
        if state == "escalated":
            transitions.apply(self.now(), Verb.ESCALATE, actor=None)
        self.become("wanda", "analyst" if state == "open" else "officer")
        self.become("mal", "analyst" if state == "open" else "officer")
        for name in ("wanda", "mal"):
            queue.claim(self.now(), actor=self.users[name])
            queue.release(self.now(), actor=self.users[name])
        self.now()

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def now(self):
        self.case = Case.objects.select_related("account", "assignee").get(pk=self.case.pk)
        return self.case

    def become(self, name, role):
        self.users[name].groups.set([Group.objects.get(name=role)])
        self.users[name] = User.objects.get(username=name)

    def attempt(self, act):
        with (
            suppress(NotAllowed, permissions.Denied, DatabaseError),
            transaction.atomic(),
        ):
            act()
        self.now()
        Stage.tried += 1

    @property
    def proposal(self):
        return self.case.decisions.order_by("id").last()

    # -- By the verbs --------------------------------------------------------------------------

    @rule(name=who, role=st.sampled_from(ROLES))
    def role_changes(self, name, role):
        self.become(name, role)

    @rule(name=who, active=st.sampled_from([True, True, False]))
    def leaves_or_returns(self, name, active):
        User.objects.filter(pk=self.users[name].pk).update(is_active=active)
        self.users[name] = User.objects.get(username=name)

    @rule(name=who)
    def claim(self, name):
        self.attempt(lambda: queue.claim(self.now(), actor=self.users[name]))

    @rule(name=who, to=who)
    def delegate(self, name, to):
        self.attempt(lambda: queue.assign(self.now(), self.users[to], self.users[name]))

    @rule(name=who, verb=st.sampled_from([Verb.ESCALATE, Verb.RETURN, Verb.RELEASE]))
    def pass_on(self, name, verb):
        self.attempt(lambda: transitions.apply(self.now(), verb, actor=self.users[name], note="r"))

    @rule(name=who, outcome=outcomes)
    def claim_and_propose(self, name, outcome):
        def act():
            if self.case.assignee_id != self.users[name].pk:
                queue.claim(self.case, actor=self.users[name])
            decisions.propose(
                self.now(), outcome, actor=self.users[name], reason_code=REASON[outcome],
                reason="r",
            )  # fmt: skip

        self.attempt(act)

    @together
    @rule(name=who)
    def approve(self, name):
        self.attempt(lambda: decisions.approve(self.proposal, actor=self.users[name]))

    @together
    @rule(name=who, back=st.booleans())
    def take_back(self, name, back):
        act = decisions.withdraw if back else decisions.reject
        self.attempt(lambda: act(self.proposal, actor=self.users[name], reason="r"))

    @together
    @rule(name=who, verb=st.sampled_from([Verb.APPROVE, Verb.CLOSE, Verb.CARRY_OUT]))
    def move_without_deciding(self, name, verb):
        def act():
            transitions.apply(self.now(), verb, actor=self.users[name], outcome="offboarded")
            check_constraints()

        self.attempt(act)

    @rule(name=who)
    def reopen(self, name):
        self.attempt(lambda: decisions.reopen(self.now(), actor=self.users[name], reason="r"))

    @rule(name=who, outcome=outcomes)
    def overturn(self, name, outcome):
        if self.proposal is not None:
            self.attempt(
                lambda: decisions.overturn(
                    self.proposal,
                    actor=self.users[name],
                    outcome=outcome,
                    reason_code=REASON[outcome],
                    reason="r",
                )
            )

    @rule(name=who)
    def verify(self, name):
        def act():
            row = Verification.objects.filter(case=self.case, outcome="").first()
            row = row or verification.request(self.now(), "video", actor=self.users[name])
            verification.record_attempt(row, actor=self.users[name], outcome="passed_alternative")

        self.attempt(act)

    @rule(score=st.sampled_from([2, 9, 20]))
    def evidence_changes(self, score):
        life.find(self.case.account, "shop.odd", score=score)
        self.now()

    @rule()
    def claims_run_out(self):
        late = timezone.now() - timedelta(seconds=1)
        Case.objects.filter(pk=self.case.pk, claimed_until__isnull=False).update(claimed_until=late)
        queue.expire_leases()
        self.now()

    @rule()
    def platform_answers(self):
        action = Action.objects.filter(decision__case=self.case, state="sent").first()
        if action is not None:
            life.answer(action)
            self.now()

    # -- By the other doors ----------------------------------------------------------------------

    @together
    @rule(name=who, token=st.booleans())
    def approve_by_api(self, name, token):
        """With the session of a browser, or with a personal token: the same person."""
        asking = APIClient()
        if token:
            asking.force_authenticate(user=self.users[name], token="personal")
        else:
            asking.force_login(self.users[name])
            fresh(asking)
        body = {"version": self.case.version, "digest": self.proposal.digest}
        url = f"/api/v1/decisions/{self.proposal.pk}/approve/"
        asking.post(url, body, format="json")
        self.now()

    @together
    @rule(name=who)
    def approve_by_page(self, name):
        """A second browser of the same person."""
        asking = Client()
        asking.force_login(self.users[name])
        fresh(asking)
        asking.post(
            f"/decisions/{self.proposal.pk}/approve/",
            {"version": self.case.version, "digest": self.proposal.digest, "confirm": "on"},
        )
        self.now()

    @together
    @rule(name=who)
    def save_by_orm(self, name):
        def act():
            row = self.proposal
            row.state, row.approved_by, row.approved_at = (
                "approved", self.users[name], timezone.now()
            )  # fmt: skip
            row.needs_second = False
            row.save()
            case = self.now()
            case.state, case.outcome, case.closed_at = "closed", row.outcome, timezone.now()
            case.save()
            check_constraints()

        self.attempt(act)

    @rule(name=who, what=st.sampled_from(sorted(HOSTILE)))
    def write_by_sql(self, name, what):
        other = "wanda" if name == "mal" else "mal"
        statement = HOSTILE[what].format(
            case=self.case.pk, me=self.users[name].pk, other=self.users[other].pk,
            elsewhere=self.elsewhere.pk,
        )  # fmt: skip

        def act():
            with connection.cursor() as cursor:
                cursor.execute(statement)
            check_constraints()

        self.attempt(act)

    # -- What must never be --------------------------------------------------------------------

    @invariant()
    def nothing_grave_is_decided(self):
        case = Case.objects.get(pk=self.case.pk)
        assert case.state != "executing", "they had it carried out"
        assert case.outcome == "", f"they closed it as {case.outcome}"
        assert not Decision.objects.filter(case=case, state="approved").exists()
        assert not Action.objects.filter(decision__case=case).exists()


def fresh(client):
    """As if the password had just been given: the step-up is not what we test here."""
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": timezone.now().timestamp()}
    ]
    session.save()


def check_constraints():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


class Stage:
    make_case = None
    tried = 0


def test_no_sequence_decides_without_two_who_had_no_part(make_case, person):
    life.load()
    for name in ("mal", "wanda"):
        person(name, "analyst")
    Stage.make_case, Stage.tried = staticmethod(make_case), 0

    run_state_machine_as_test(
        seed(SEED)(Plot),
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=True,
        ),
    )
    print(f"seed {SEED}: {RUNS} runs of {STEPS} steps, {Stage.tried} attempts, none decided")


def test_the_search_finds_what_it_looks_for(make_case, person):
    """Two people of whom one had no part do decide: the plot fails for its reason alone."""
    life.load()
    case = make_case(score_at_opening=9)
    life.find(case.account, "papers.forged", score=9)
    mal, new = person("mal", "analyst"), person("new", "officer")
    queue.claim(case, actor=mal)
    decision = decisions.propose(
        case, "offboarded", actor=mal, reason_code=REASON["offboarded"], reason="r"
    )
    asking = APIClient()
    asking.force_login(new)
    fresh(asking)
    case.refresh_from_db()
    answer = asking.post(
        f"/api/v1/decisions/{decision.pk}/approve/",
        {"version": case.version, "digest": decision.digest},
        format="json",
    )
    assert answer.status_code == 200, answer.content
    case.refresh_from_db()
    assert case.state == "executing"
