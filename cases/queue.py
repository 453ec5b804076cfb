"""Who works on what: the next case, claims under a lease, snoozing, passing over."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cases import audit, context, permissions, planned, transitions
from cases.models import AuditEvent, Case, CaseSkip, User
from cases.states import QUEUE_OF, WAITING, WORKING, Queue, Verb
from cases.transitions import NotAllowed

RIGHT = {Queue.REVIEW: permissions.REVIEW, Queue.COMPLIANCE: permissions.COMPLY}
# One statement, so that a claim costs one round trip: the row that `case_queue` names next and
# that nobody else is just taking, its lease and fence, its worker, its event. The order by and
# the conditions are those of the index.
_CLAIM_NEXT = """
WITH next AS (
    SELECT c.id FROM cases_case c
    WHERE c.queue = %(queue)s AND c.state = %(waiting)s AND c.snoozed_until IS NULL
      AND (%(restricted)s OR NOT c.restricted)
      AND NOT EXISTS (
          SELECT FROM cases_caseskip s
          WHERE s.case_id = c.id AND s.user_id = %(user)s
            AND (s.conflict OR s.until IS NULL OR s.until > %(now)s))
    ORDER BY c.severity DESC, c.due_at, c.id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE cases_case c
    SET state = %(working)s, state_since = %(now)s, assignee_id = %(user)s,
        claimed_until = %(until)s, fence = c.fence + 1, version = c.version + 1
    FROM next WHERE c.id = next.id
    RETURNING c.*
), worker AS (
    INSERT INTO cases_caseworker (case_id, user_id, first_at)
    SELECT id, %(user)s, %(now)s FROM taken
    ON CONFLICT (case_id, user_id) DO NOTHING
), event AS (
    INSERT INTO cases_auditevent (verb, actor_id, actor_name, case_id, account_id, object_type,
        object_ref, note, data, wall, request_id, ip)
    SELECT 'claim', %(user)s, %(name)s, id, account_id, 'case', ref, '',
        jsonb_build_object('before', %(waiting)s::text, 'after', %(working)s::text,
                           'version', version, 'fence', fence, 'next', true),
        queue = 'compliance', %(request)s, %(ip)s
    FROM taken
)
SELECT * FROM taken
"""


def claim_next(
    user: User, queue: str = Queue.REVIEW, lease: timedelta | None = None
) -> Case | None:
    """Give `user` the most urgent case they may work on, or None when there is none.

    Severity, then deadline, then age. Two people who ask at once get two cases: SKIP LOCKED
    passes over the row that the other is about to take. Conflicts of interest and what the
    person passed over are left out.
    """
    queue = Queue(queue)
    permissions.require(user, RIGHT[queue])
    now = timezone.now()
    values = {
        "queue": queue.value,
        "waiting": WAITING[queue].value,
        "working": WORKING[queue].value,
        "user": user.pk,
        "name": str(user)[:150],
        "now": now,
        "until": now + (lease or settings.CLAIM_LEASE),
        "restricted": permissions.allows(user, permissions.READ_RESTRICTED),
        "request": context.request_id(),
        "ip": context.client_ip(),
    }
    with planned.cursor() as cursor:
        cursor.execute(_CLAIM_NEXT, values)
        return planned.instance(Case, cursor)


@transaction.atomic
def claim(case: Case, *, actor: User, version: int | None = None) -> AuditEvent:
    """Give this very case to `actor` under a lease; who holds it already renews the lease.

    A claim that ran out and was not swept yet does not stand in the way.
    """
    transitions.lock(case)
    if case.state in WORKING.values():
        if _ran_out(case):
            version = case.version + 1 if version == case.version else version
            _expire(case)
        elif case.assignee_id == actor.pk:
            return renew(case, actor=actor)
    until = timezone.now() + settings.CLAIM_LEASE
    return transitions.apply(
        case,
        Verb.CLAIM,
        actor=actor,
        version=version,
        assignee=actor,
        claimed_until=until,
        snoozed_until=None,
        snooze={},
    )


def renew(case: Case, *, actor: User, fence: int | None = None) -> AuditEvent:
    """Activity on a case renews its lease. Never takes back a claim that was lost."""
    until = timezone.now() + settings.CLAIM_LEASE
    return transitions.apply(case, Verb.RENEW, actor=actor, fence=fence, claimed_until=until)


def touch(case: Case, *, actor: User, fence: int | None = None) -> bool:
    """Renew the lease if it is worth a write; False when `actor` does not hold the case.

    For pages that stay open: writes, and records, at most once in a quarter of a lease.
    """
    if case.assignee_id != actor.pk or case.state not in WORKING.values():
        return False
    if fence is not None and fence != case.fence:
        return False
    left = case.claimed_until - timezone.now()
    if left > settings.CLAIM_LEASE * 3 / 4:
        return True
    try:
        renew(case, actor=actor, fence=fence)
    except NotAllowed:
        return False
    return True


def release(case: Case, *, actor: User, fence: int | None = None, note: str = "") -> AuditEvent:
    """Put the case back into its queue."""
    return transitions.apply(case, Verb.RELEASE, actor=actor, fence=fence, note=note)


@transaction.atomic
def assign(
    case: Case, to: User, actor: User, *, version: int | None = None, note: str = ""
) -> AuditEvent:
    """Give the case to `to`, who must be allowed to work in its queue and have no conflict."""
    transitions.lock(case)
    queue = QUEUE_OF.get(case.state, case.queue)
    if not permissions.allows(to, RIGHT[queue]):
        raise NotAllowed(f"{to} may not work in the {queue} queue.")
    if case.skips.filter(user=to, conflict=True).exists():
        raise NotAllowed(f"{to} declared a conflict of interest on {case.ref}.")
    until = timezone.now() + settings.RETURN_LEASE
    return transitions.apply(
        case,
        Verb.ASSIGN,
        actor=actor,
        version=version,
        note=note,
        data={"to": to.pk, "from": case.assignee_id},
        assignee=to,
        claimed_until=until,
        snoozed_until=None,
        snooze={},
    )


def snooze(
    case: Case,
    *,
    actor: User,
    reason: str,
    until: datetime | None = None,
    on_signal: bool = False,
    score: Decimal | None = None,
    version: int | None = None,
    fence: int | None = None,
) -> AuditEvent:
    """Put the case aside until a time, a new signal or a score, whichever comes first.

    The deadline does not move; a snooze beyond it is refused.
    """
    if until is None and not on_signal and score is None:
        raise NotAllowed("Say what the case waits for: a time, a new signal or a score.")
    if until is not None and until <= timezone.now():
        raise NotAllowed("The time to wake it lies in the past.")
    if until is not None and until > case.due_at:
        raise NotAllowed(f"The case is due at {case.due_at:%Y-%m-%d %H:%M} UTC; wake it before.")
    wanted = {
        "by": actor.pk,
        "reason": reason,
        "until": until.isoformat() if until else None,
        "on_signal": on_signal,
        "score": str(score) if score is not None else None,
        "findings_before": timezone.now().isoformat(),
    }
    return transitions.apply(
        case,
        Verb.SNOOZE,
        actor=actor,
        version=version,
        fence=fence,
        note=reason,
        data={"snooze": wanted},
        # A case that waits for an event still wakes when it is due.
        snoozed_until=until or max(case.due_at, timezone.now() + timedelta(hours=1)),
        snooze=wanted,
    )


def wake(case: Case, *, actor: User | None, why: str) -> AuditEvent:
    """Put a snoozed case back into its queue, saying why."""
    if case.snoozed_until is None:
        raise NotAllowed(f"{case.ref} is not snoozed.")
    return transitions.apply(
        case, Verb.WAKE, actor=actor, note=why, snoozed_until=None, snooze={"woke": why}
    )


@transaction.atomic
def skip(case: Case, *, actor: User, reason: str, conflict: bool = False) -> CaseSkip:
    """Leave the case out of what `actor` is given next; with `conflict`, for good.

    Who holds it lets it go.
    """
    if not reason.strip():
        raise NotAllowed("Say why you pass it over.")
    permissions.require(actor, RIGHT[QUEUE_OF.get(case.state, case.queue)])
    transitions.lock(case)
    if case.assignee_id == actor.pk and case.state in WORKING.values():
        if _ran_out(case):
            _expire(case)
        else:
            release(case, actor=actor, note=reason)
    until = None if conflict else timezone.now() + settings.SKIP_FOR
    was_conflict = case.skips.filter(user=actor, conflict=True).exists()
    row, _ = CaseSkip.objects.update_or_create(
        case=case,
        user=actor,
        defaults={
            "conflict": conflict or was_conflict,
            "reason": reason[:300],
            "until": None if was_conflict else until,
        },
    )
    audit.record(
        "conflict" if conflict else "skip",
        actor=actor,
        case=case,
        note=reason,
        wall=case.queue == Queue.COMPLIANCE,
        until=until.isoformat() if until else None,
    )
    return row


def expire_leases(limit: int = 500) -> int:
    """Take back the cases whose lease ran out; how many. Safe to run twice and at once.

    What was chosen is asked again under the lock, or a claim that was renewed in between would
    be taken from its holder.
    """
    working = list(WORKING.values())
    late = Case.objects.filter(claimed_until__lt=timezone.now(), state__in=working)
    done = 0
    for pk in late.order_by("claimed_until").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            rows = Case.objects.filter(pk=pk).select_for_update(skip_locked=True, no_key=True)
            case = rows.first()
            if case is not None and case.state in working and _ran_out(case):
                _expire(case)
                done += 1
    return done


def wake_due(limit: int = 500) -> int:
    """Wake the snoozed cases whose time, signal or score has come; how many."""
    done = 0
    for case, why in _wakeable(limit):
        try:
            wake(case, actor=None, why=why)
        except NotAllowed:
            continue  # somebody claimed or woke it meanwhile
        done += 1
    return done


def _wakeable(limit: int):
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.id, CASE
                WHEN c.snoozed_until <= %(now)s THEN
                    CASE WHEN c.snooze->>'until' IS NULL THEN 'due' ELSE 'time' END
                WHEN a.score >= (c.snooze->>'score')::numeric THEN 'score' ELSE 'signal' END,
                a.score
            FROM cases_case c JOIN cases_account a ON a.id = c.account_id
            WHERE c.snoozed_until IS NOT NULL AND c.state IN ('open', 'escalated') AND (
                c.snoozed_until <= %(now)s
                OR a.score >= (c.snooze->>'score')::numeric
                OR ((c.snooze->>'on_signal')::boolean AND EXISTS (
                    SELECT FROM cases_finding f
                    WHERE f.account_id = c.account_id AND NOT f.shadow
                      AND f.created_at > (c.snooze->>'findings_before')::timestamptz)))
            ORDER BY c.snoozed_until LIMIT %(limit)s
            """,
            {"now": timezone.now(), "limit": limit},
        )
        found = cursor.fetchall()
    cases = Case.objects.in_bulk([pk for pk, _, _ in found])
    why = {
        "time": lambda score: "The time that it was put aside for has come.",
        "due": lambda score: "The case is due; what it waited for did not come.",
        "signal": lambda score: "A new signal came in.",
        "score": lambda score: f"The account's score reached {score}.",
    }
    return [(cases[pk], why[because](score)) for pk, because, score in found]


def _ran_out(case: Case) -> bool:
    return case.claimed_until is not None and case.claimed_until <= timezone.now()


def _expire(case: Case) -> None:
    transitions.apply(
        case,
        Verb.LEASE_EXPIRED,
        actor=None,
        note="The claim ran out.",
        data={"holder": case.assignee_id},
    )
