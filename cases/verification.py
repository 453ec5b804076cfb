"""Verification steps from request to outcome, by the typology's protocol.

Attempts are added and never edited. What is adverse counts only after a second person agreed.
A refusal is first answered by another offer; a passed video closes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cases import audit, calendars, mandates, permissions, playbook, scores, transitions
from cases.mandates import DETECTOR, mandate_for
from cases.models import (
    Account,
    Case,
    Indicator,
    Link,
    User,
    Verification,
    VerificationAttempt,
)
from cases.models.verification import Outcome
from cases.states import APPROVE, COMPLY, REVIEW, Verb
from cases.transitions import NotAllowed
from cases.verification_rules import may_restrict_for_refusals

ATTEMPTED = (
    Outcome.PASSED, Outcome.PASSED_ALTERNATIVE, Outcome.INCONCLUSIVE, Outcome.FAILED,
    Outcome.REFUSED, Outcome.NO_SHOW,
)  # fmt: skip
_RIGHT_OF = {"analyst": REVIEW, "senior": APPROVE, "officer": COMPLY}
_ANYBODY = (REVIEW, APPROVE, COMPLY)


def request(
    case: Case,
    step: str,
    *,
    actor: User,
    note: str = "",
    reason_told: str = "",
    version: int | None = None,
    fence: int | None = None,
) -> Verification:
    """Ask for `step`; the case waits for it. A step that is pending already is waited for."""
    with transaction.atomic():
        transitions.lock(case)
        book = playbook.of(case.typology_code)
        protocol = _protocol(book, step)
        told = reason_told.strip() or protocol.get("told", "")
        if words := book.untellable(told):
            said = ", ".join(f"“{word}”" for word in words)
            raise NotAllowed(f"What the person is told must not say {said}.")
        pending = case.account.verifications.filter(step=step, outcome="").first()
        now = timezone.now()
        verification = pending or Verification(
            account=case.account,
            typology_code=case.typology_code,
            step=step,
            trigger="requested",
            policy=book.policy,
            requested_by=actor,
            requested_at=now,
            due_at=calendars.due(now, protocol.get("due_business_days", 5), book.calendar),
            reason_told=told,
        )
        verification.case = case
        verification.save()
        transitions.apply(
            case,
            Verb.REQUEST_VERIFICATION,
            actor=actor,
            version=version,
            fence=fence,
            note=note,
            data={"step": step, "verification": verification.pk, "was_pending": bool(pending)},
        )
        if verification.told_at is None:
            mandates.tell(verification)
    return verification


def record_attempt(
    verification: Verification,
    *,
    actor: User,
    outcome: str,
    challenges: Sequence[dict[str, Any]] = (),
    questions: Sequence[dict[str, Any]] = (),
    observations: Sequence[str] = (),
    face_matches_document: bool | None = None,
    channel: str = "",
    held_at: datetime | None = None,
    performed_by: User | None = None,
    attested_by: Account | None = None,
    excuse: str = "",
    note: str = "",
    evidence_ref: str = "",
) -> VerificationAttempt:
    """Add an attempt and draw its consequences, unless it is adverse and waits for a second view.

    Safe against two at once: the second of them sees the first.
    """
    with transaction.atomic():
        verification = _locked(verification)
        book = playbook.of(verification.typology_code)
        step = _protocol(book, verification.step)
        _may_record(step, actor, verification)
        if verification.outcome:
            raise NotAllowed(f"This verification is settled: {verification.outcome}.")
        if waiting_for_review(verification).exists():
            raise NotAllowed("An adverse attempt waits for its second reviewer; that comes first.")
        _check_attempt(
            book, step, verification, outcome, challenges, observations, face_matches_document,
            attested_by,
        )  # fmt: skip
        attempt = VerificationAttempt.objects.create(
            verification=verification,
            number=verification.attempts.count() + 1,
            channel=channel or step.get("channel", ""),
            performed_by=performed_by,
            recorded_by=actor,
            attested_by=attested_by,
            held_at=held_at or timezone.now(),
            outcome=outcome,
            challenges=list(challenges),
            questions=list(questions),
            observations=list(observations),
            face_matches_document=face_matches_document,
            excuse=excuse,
            note=note,
            evidence_ref=evidence_ref,
        )
        adverse = is_adverse(attempt)
        settled = False if adverse else _count(verification, attempt, book, step)
        _move(
            verification, actor, settled,
            {"attempt": attempt.number, "outcome": outcome, "needs_second_reviewer": adverse},
            note,
        )  # fmt: skip
    return attempt


def review_attempt(
    attempt: VerificationAttempt, *, actor: User, agrees: bool, note: str = ""
) -> VerificationAttempt:
    """Be the second reviewer of an adverse attempt. It counts only if `actor` agrees."""
    with transaction.atomic():
        verification = _locked(attempt.verification)
        attempt.refresh_from_db()
        book = playbook.of(verification.typology_code)
        step = _protocol(book, verification.step)
        if not any(permissions.allows(actor, right) for right in _ANYBODY):
            permissions.refuse(actor, "verification.review", obj=verification.account)
        if actor.pk in (attempt.recorded_by_id, attempt.performed_by_id):
            raise NotAllowed("You took part in this attempt; a second person must look at it.")
        if attempt.second_reviewer_id is not None:
            raise NotAllowed(f"{attempt.second_reviewer} has reviewed this attempt.")
        if not is_adverse(attempt):
            raise NotAllowed("Only an adverse attempt needs a second reviewer.")
        attempt.second_reviewer, attempt.second_review_at = actor, timezone.now()
        attempt.second_review_agrees = agrees
        attempt.save(update_fields=["second_reviewer", "second_review_at", "second_review_agrees"])
        settled = agrees and _count(verification, attempt, book, step)
        _move(
            verification, actor, settled,
            {"attempt": attempt.number, "second_review": agrees, "outcome": attempt.outcome}, note,
        )  # fmt: skip
    return attempt


def accommodate(verification: Verification, *, actor: User, reason: str) -> Verification:
    """Record that the person cannot do this step as it is. It is never scored against them."""
    if not reason.strip():
        raise NotAllowed("Say what was asked for, not why the person needs it.")
    _require_any(actor, verification)
    with transaction.atomic():
        verification = _locked(verification)
        if verification.outcome:
            raise NotAllowed(f"This verification is settled: {verification.outcome}.")
        book = playbook.of(verification.typology_code)
        alternatives = _protocol(book, verification.step).get("alternatives") or [""]
        verification.accommodation, verification.accommodation_reason = True, reason
        verification.alternative = verification.alternative or alternatives[-1]
        verification.told_at = None
        verification.save(
            update_fields=["accommodation", "accommodation_reason", "alternative", "told_at"]
        )
        _excuse_findings(verification)
        _record("verification.accommodated", actor, verification, reason)
    return verification


def waive(verification: Verification, *, actor: User, reason: str) -> Verification:
    """Do without a step. A senior's or an officer's doing, with a reason."""
    if not reason.strip():
        raise NotAllowed("Say why the step is not required.")
    if not any(permissions.allows(actor, right) for right in (APPROVE, COMPLY)):
        permissions.refuse(actor, "verification.waive", obj=verification.account)
    with transaction.atomic():
        verification = _locked(verification)
        if verification.outcome:
            raise NotAllowed(f"This verification is settled: {verification.outcome}.")
        verification.waived_by, verification.waived_reason = actor, reason
        verification.save(update_fields=["waived_by", "waived_reason"])
        _settle(verification, Outcome.NOT_REQUIRED)
        _move(verification, actor, True, {"outcome": "not_required"}, reason)
    return verification


def expire_due(limit: int = 200) -> int:
    """Settle what is past its deadline as expired and bring the cases back; how many.

    Not coming to an end is no refusal and makes no finding. Safe to run twice and at once.
    """
    late = Verification.objects.filter(outcome="", due_at__lt=timezone.now()).order_by("due_at")
    done = 0
    for pk in late.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            verification = _locked(Verification(pk=pk))
            if verification.outcome or verification.due_at >= timezone.now():
                continue
            if waiting_for_review(verification).exists():
                continue  # a person's answer is due, not the account holder's
            _settle(verification, Outcome.EXPIRED)
            _move(verification, None, True, {"outcome": "expired"}, "The deadline passed.")
            done += 1
    return done


def waiting_for_review(verification: Verification | None = None):
    """Adverse attempts that nobody has looked at a second time."""
    rows = VerificationAttempt.objects.filter(second_reviewer=None)
    if verification is not None:
        rows = rows.filter(verification=verification)
    return rows.filter(Q(outcome=Outcome.FAILED) | Q(face_matches_document=False))


def is_adverse(attempt: VerificationAttempt) -> bool:
    """Whether the attempt speaks against the person so that a second one must look."""
    return attempt.outcome == Outcome.FAILED or attempt.face_matches_document is False


def _locked(verification: Verification) -> Verification:
    """The row under its lock, after that of its account: what it finds is scored in one go."""
    account = Verification.objects.values_list("account_id", flat=True).get(pk=verification.pk)
    Account.objects.select_for_update(no_key=True).get(pk=account)
    return (
        Verification.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account", "case")
        .get(pk=verification.pk)
    )


def _protocol(book: playbook.Playbook, step: str) -> dict[str, Any]:
    found = book.step(step)
    if found is None:
        raise NotAllowed(f"The typology has no step {step!r}.")
    return found


def _may_record(step: dict[str, Any], actor: User, verification: Verification) -> None:
    """Who performs a step records it; what is performed outside, anybody on cases records."""
    performers = step.get("performed_by") or list(_RIGHT_OF)
    outside = any(each not in _RIGHT_OF for each in performers)
    rights = _ANYBODY if outside else tuple(_RIGHT_OF[each] for each in performers)
    if not any(permissions.allows(actor, right) for right in rights):
        who = ", ".join(performers)
        permissions.refuse(
            actor, "verification.record", obj=verification.account,
            because=f"This step is recorded by: {who}.",
        )  # fmt: skip


def _check_attempt(
    book, step, verification, outcome, challenges, observations, face, attested_by
) -> None:
    if outcome not in ATTEMPTED:
        raise NotAllowed(f"{outcome!r} is no outcome of an attempt.")
    known = book.observations(verification.step)
    if unknown := [code for code in observations if code not in known]:
        raise NotAllowed(f"The protocol does not know the observations {', '.join(unknown)}.")
    offered = {row["code"] for row in step.get("challenges") or []}
    if unknown := [
        row.get("challenge") for row in challenges if row.get("challenge") not in offered
    ]:
        raise NotAllowed(f"The protocol does not know the challenges {unknown}.")
    if outcome == Outcome.PASSED:
        passed = sum(row.get("result") == "passed" for row in challenges)
        wanted = step.get("challenges_per_attempt", 0)
        if passed < wanted:
            raise NotAllowed(f"{passed} of {wanted} challenges are passed; that is inconclusive.")
        if wanted and face is not True:
            raise NotAllowed("Compare the face with the document before you call it passed.")
    if outcome in (Outcome.PASSED, Outcome.PASSED_ALTERNATIVE) and face is False:
        raise NotAllowed("The face does not match the document: that is not passed.")
    if attested_by is not None and _tied(verification.account, attested_by):
        raise NotAllowed(f"{attested_by.ref} is linked to this account and cannot attest for it.")
    if step.get("performed_by") == ["client"] and attested_by is None and (
        outcome in (Outcome.PASSED, Outcome.FAILED)
    ):  # fmt: skip
        raise NotAllowed("Say which client attests.")


def _tied(account: Account, client: Account) -> bool:
    if account.pk == client.pk or (account.ring_id and account.ring_id == client.ring_id):
        return True
    a, b = sorted((account.pk, client.pk))
    return Link.objects.filter(a=a, b=b, strength__gte=1).exists()


def _count(verification, attempt, book, step) -> bool:
    """What an attempt that counts leads to. Whether it settled the verification."""
    _find(verification, attempt, book, step)
    outcome = attempt.outcome
    if outcome in (Outcome.REFUSED, Outcome.NO_SHOW):
        had = verification.attempts.filter(outcome=outcome).count()
        if had < _offers(book):
            _offer_again(verification, book, step)
            return False
    elif outcome == Outcome.INCONCLUSIVE:
        return False
    _settle(verification, outcome)
    return True


def _offers(book: playbook.Playbook) -> int:
    return int(book.refusals.get("offers_before_refused", 2))


def _offer_again(verification, book, step) -> None:
    ways = step.get("alternatives") or ["another time"]
    now = timezone.now()
    days = step.get("due_business_days", 5)
    verification.alternative = ways[min(verification.offers - 1, len(ways) - 1)]
    verification.offers += 1
    verification.due_at = max(verification.due_at, calendars.due(now, days, book.calendar))
    verification.told_at = None
    verification.save(update_fields=["alternative", "offers", "due_at", "told_at"])


def _find(verification, attempt, book, step) -> None:
    """What the attempt says becomes findings, by the codes that the protocol names."""
    codes: dict[str, float] = {}
    if attempt.outcome == Outcome.NO_SHOW and step.get("no_show_indicator"):
        codes[step["no_show_indicator"]] = 1
    refused = verification.attempts.filter(outcome=Outcome.REFUSED).count()
    if attempt.outcome == Outcome.REFUSED and refused >= _offers(book):
        codes[step.get("refusal_indicator")] = 1
    if attempt.face_matches_document is False:
        codes[book.texts.get("face_mismatch_indicator")] = 1
    known = book.observations(verification.step)
    for code in attempt.observations:
        codes[known[code].get("indicator")] = known[code].get("confidence", 1)
    listed = Indicator.objects.filter(
        typology__code=verification.typology_code,
        typology__active=True,
        code__in=filter(None, codes),
    )
    excusable = {step.get("no_show_indicator"), step.get("refusal_indicator")}
    rows = [
        {
            "account_id": verification.account_id,
            "indicator_code": code,
            "typology": verification.typology_code,
            "detector_source": DETECTOR,
            "fingerprint": f"ver_{verification.pk}:{code}",
            "confidence": codes[code],
            "event": f"ver_{verification.pk}/{attempt.number}",
            "evidence": {
                "step": verification.step,
                "attempt": attempt.number,
                "outcome": attempt.outcome,
                "observations": attempt.observations,
            },
            "accommodation": verification.accommodation and code in excusable,
            "occurred_at": attempt.held_at,
        }
        for code in listed.values_list("code", flat=True)
    ]
    if rows:
        scores.add_findings(rows)


def _excuse_findings(verification: Verification) -> None:
    """An accommodation that is recorded late excuses what was found before it."""
    book = playbook.of(verification.typology_code)
    step = _protocol(book, verification.step)
    excusable = {step.get("no_show_indicator"), step.get("refusal_indicator")}
    rows = verification.account.findings.filter(
        detector=DETECTOR, code__in=filter(None, excusable),
        fingerprint__startswith=f"ver_{verification.pk}:", accommodation=False,
    )  # fmt: skip
    if rows.update(accommodation=True):
        scores.rescore([verification.account_id])


def _settle(verification: Verification, outcome: str) -> None:
    verification.outcome, verification.settled_at = outcome, timezone.now()
    verification.save(update_fields=["outcome", "settled_at"])


def _move(verification, actor, settled, data, note) -> None:
    """Record it on the case, which comes back when nothing is pending on it any more."""
    case = verification.case
    data = {"verification": verification.pk, "step": verification.step, **data}
    if case is None:
        _record("record_verification", actor, verification, note, **data)
        return
    transitions.lock(case)
    where: dict[str, Any] = {"to": case.state}
    if case.state == Case.State.AWAITING_VERIFICATION and settled:
        pending = case.verifications.filter(outcome="", requested_by__isnull=False)
        if not pending.exists():
            where = transitions.back_to(case)
    transitions.apply(case, Verb.RECORD_VERIFICATION, actor=actor, note=note, data=data, **where)


def _require_any(actor: User, verification: Verification) -> None:
    if not any(permissions.allows(actor, right) for right in _ANYBODY):
        permissions.refuse(actor, "verification", obj=verification.account)


def _record(verb, actor, row, note, **data) -> None:
    audit.record(
        verb, actor=actor, case=row.case, account=row.account, obj=row, note=note, **data,
    )  # fmt: skip


__all__ = [
    "accommodate",
    "expire_due",
    "mandate_for",
    "may_restrict_for_refusals",
    "record_attempt",
    "request",
    "review_attempt",
    "waive",
]
