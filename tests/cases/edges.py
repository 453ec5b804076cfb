"""One way through every edge of the table of states: how a case gets there, and who does what."""

from datetime import timedelta

from django.contrib.auth.models import Group
from django.utils import timezone

from cases import decisions, holds, notes, offboarding, queue, transitions, verification
from cases.models import Action, Case, User, Verification
from cases.states import RULES, State, Verb
from tests.cases import life

S = State
HOLDER = {"review": "rita", "compliance": "sam"}
OTHER = {"review": "ana", "compliance": "kim"}
REASON = {
    "cleared": "innocent",
    "monitor": "unclear",
    "restricted": "unconfirmed",
    "offboarded": "false_identity",
}


def edges() -> list[tuple[Verb, State, State]]:
    """Every move that the table allows."""
    return [
        (verb, source, target)
        for verb, rule in RULES.items()
        for source, move in rule.moves.items()
        for target in move.targets
    ]


def user(name: str) -> User:
    """As a request would: read anew, with no rights remembered."""
    return User.objects.get(username=name)


class Road:
    """A case on its way to `source`, by verbs alone."""

    def __init__(self, make_case, verb: Verb, source: State, target: State):
        self.verb, self.source, self.target = verb, source, target
        closes_alone = verb == Verb.CLOSE and source != S.EXECUTING
        self.case = make_case(score_at_opening=4)
        life.find(self.case.account, "shop.odd", score=4 if closes_alone else 9)
        self.side = self._side()

    def _side(self) -> str:
        compliance = {S.ESCALATED, S.IN_COMPLIANCE}
        if self.source in (S.ESCALATED, S.IN_COMPLIANCE):
            return "compliance"
        if self.source not in (S.OPEN, S.IN_REVIEW):
            by_portal = self.verb == Verb.ESCALATE
            return "compliance" if self.target in compliance and not by_portal else "review"
        return "review"

    def fresh(self) -> Case:
        self.case = Case.objects.select_related("account").get(pk=self.case.pk)
        return self.case

    @property
    def holder(self) -> User:
        return user(HOLDER[self.side])

    @property
    def other(self) -> User:
        return user(OTHER[self.side])

    # -- To the source -------------------------------------------------------------------------

    def drive(self) -> None:
        fails = self.verb in (Verb.REJECT, Verb.WITHDRAW, Verb.VOID)
        if fails and self.target == S.CLOSED:
            self._closed()
            self._overturn()
        elif self.source in (S.OPEN, S.ESCALATED) and self.verb == Verb.WAKE:
            self._held()
            queue.snooze(self.fresh(), actor=self.holder, reason="r", on_signal=True)
        else:
            self._to(self.source)
        if self.verb == Verb.RECORD_VERIFICATION and self.source != S.AWAITING_VERIFICATION:
            now = timezone.now()
            Verification.objects.create(
                account=self.case.account, case=self.case, typology_code=life.CODE, step="video",
                trigger="mandate", requested_at=now, due_at=now + timedelta(days=3),
            )  # fmt: skip
        assert self.fresh().state == self.source

    def _to(self, state: State) -> None:
        if state == S.OPEN:
            return
        if state == S.ESCALATED:
            transitions.apply(self.fresh(), Verb.ESCALATE, actor=None)
        elif state in (S.IN_REVIEW, S.IN_COMPLIANCE):
            self._held()
        elif state == S.AWAITING_VERIFICATION:
            self._held()
            verification.request(self.fresh(), "video", actor=self.holder)
        elif state == S.PENDING_APPROVAL:
            self._held()
            self._propose("restricted")
        elif state == S.EXECUTING:
            self._to(S.PENDING_APPROVAL)
            self._approve()
        else:
            self._closed()

    def _held(self) -> None:
        if self.side == "compliance":
            transitions.apply(self.fresh(), Verb.ESCALATE, actor=None)
        queue.claim(self.fresh(), actor=self.holder)

    def _propose(self, outcome: str) -> None:
        decisions.propose(
            self.fresh(), outcome, actor=self.holder, reason_code=REASON[outcome], reason="r"
        )

    def _approve(self) -> None:
        decisions.approve(self.decision, actor=self.other)

    def _closed(self) -> None:
        self._to(S.EXECUTING)
        self._platform_answers()

    def _platform_answers(self) -> None:
        while action := Action.objects.filter(decision__case=self.case, state="sent").first():
            life.answer(action, "acknowledged")

    def _overturn(self) -> None:
        stands = self.case.decisions.filter(state="approved").latest("id")
        decisions.overturn(
            stands, actor=user("lee"), outcome="cleared", reason_code="innocent", reason="r"
        )

    @property
    def decision(self):
        return self.case.decisions.filter(state="proposed").get()

    def _holder_leaves(self) -> None:
        """The holder becomes legal: may still withdraw, but no longer work in the queue."""
        if self.target in (S.OPEN, S.ESCALATED):
            self.holder.groups.set([Group.objects.get(name="legal")])

    # -- The edge itself -----------------------------------------------------------------------

    def walk(self) -> None:
        getattr(self, f"_do_{self.verb.value}")(self.fresh())

    def _do_claim(self, case):
        queue.claim(case, actor=self.holder)

    def _do_renew(self, case):
        queue.renew(case, actor=self.holder)

    def _do_release(self, case):
        queue.release(case, actor=self.holder)

    def _do_assign(self, case):
        queue.assign(case, self.other, self.other)

    def _do_snooze(self, case):
        queue.snooze(case, actor=self.holder, reason="r", on_signal=True)

    def _do_wake(self, case):
        queue.wake(case, actor=self.holder, why="r")

    def _do_note(self, case):
        notes.add(case, "n", actor=self.other)

    def _do_attach(self, case):
        notes.attach(case, actor=self.other, name="n.txt", content=b"n", content_type="text/plain")

    def _do_request_verification(self, case):
        verification.request(case, "video", actor=self.holder)

    def _do_record_verification(self, case):
        stays = self.source == self.target
        if not stays:
            self._holder_leaves()
        row = Verification.objects.get(case=case, outcome="")
        verification.record_attempt(
            row, actor=user("ana"), outcome="inconclusive" if stays else "passed_alternative"
        )

    def _do_escalate(self, case):
        by = self.holder if self.source == S.IN_REVIEW else None
        transitions.apply(case, Verb.ESCALATE, actor=by, note="r")

    def _do_return(self, case):
        transitions.apply(case, Verb.RETURN, actor=self.holder, note="r")

    def _do_hold(self, case):
        holds.set_hold(case.account, "soft_hold", actor=self.other, reason="r", case=case)

    def _do_propose(self, case):
        self._propose("restricted")

    def _do_approve(self, case):
        self._approve()

    def _do_reject(self, case):
        self._holder_leaves()
        decisions.reject(self.decision, actor=self.other, reason="r")

    def _do_withdraw(self, case):
        self._holder_leaves()
        decision = self.decision
        decisions.withdraw(decision, actor=user(decision.proposed_by.username))

    def _do_void(self, case):
        self._holder_leaves()
        life.find(case.account, "shop.odd", score=20)
        try:
            decisions.approve(self.decision, actor=self.other)
        except decisions.EvidenceChanged:
            return
        raise AssertionError("changed evidence was approved")

    def _do_carry_out(self, case):
        action = Action.objects.filter(decision__case=case, state="sent").first()
        life.answer(action, "refused")
        offboarding.retry(Action.objects.get(pk=action.pk), actor=self.other)

    def _do_close(self, case):
        if self.source == S.EXECUTING:
            self._platform_answers()
        else:
            self._propose("cleared")

    def _do_reopen(self, case):
        decisions.reopen(case, actor=self.other, reason="r")

    def _do_overturn(self, case):
        self._overturn()

    def _do_lease_expired(self, case):
        late = timezone.now() - timedelta(seconds=1)
        Case.objects.filter(pk=case.pk).update(claimed_until=late)
        queue.expire_leases()
