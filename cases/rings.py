"""The analyst's hand on rings: pin, cut, decline, declare, mark. Each with a reason, each undone.

A ring is derived, never merged, so every hand can be taken back: what the analyst said is kept as
a row, and the same recomputation follows that follows new facts. Cases and decisions never move.
"""

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from cases import audit, components, intake, links, permissions, rules, traits, working
from cases.models import (
    Account,
    Infrastructure,
    Relation,
    RelationMember,
    Ring,
    RingOverride,
    Trait,
    User,
)

OFFERS = """
SELECT CASE WHEN x.ring_id = %(ring)s THEN x.id ELSE y.id END,
       CASE WHEN x.ring_id = %(ring)s THEN y.id ELSE x.id END,
       CASE WHEN x.ring_id = %(ring)s THEN y.ring_id ELSE x.ring_id END, l.strength
FROM cases_link l JOIN cases_account x ON x.id = l.a_id JOIN cases_account y ON y.id = l.b_id
WHERE (l.a_id = ANY(%(members)s) OR l.b_id = ANY(%(members)s)) AND l.strength >= %(offer)s
  AND x.ring_id IS DISTINCT FROM y.ring_id
  AND NOT EXISTS (
      SELECT FROM cases_ringoverride o WHERE o.undone_at IS NULL AND o.kind = 'decline'
      AND (o.account_id, o.other_id) IN ((l.a_id, l.b_id), (l.b_id, l.a_id)))
ORDER BY l.strength DESC, 1, 2
"""


class NotAllowed(Exception):
    """This hand on the ring makes no sense as things stand; the text says why."""


@dataclass(frozen=True)
class Offer:
    """A link that is too weak to join, or that a cut keeps apart: shown, never merged by itself."""

    account: Account
    other: Account
    strength: Decimal
    held_apart: bool
    lines: list[links.Line]


def offered(ring: Ring, *, limit: int = 100) -> list[Offer]:
    """The possible joins of a ring, strongest first, without those that were declined."""
    numbers = rules.links()
    members = list(Account.objects.filter(ring=ring).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            OFFERS + " LIMIT %(limit)s",
            {"ring": ring.pk, "members": members, "offer": numbers.offer, "limit": limit},
        )
        rows = cursor.fetchall()
    people = Account.objects.in_bulk({each for a, b, *_ in rows for each in (a, b)})
    why = links.explain_many((a, b) for a, b, *_ in rows)
    return [
        Offer(people[a], people[b], strength, strength >= numbers.join, why[min(a, b), max(a, b)])
        for a, b, _, strength in rows
    ]


def pin(account: Account, other: Account, *, actor: User, reason: str) -> RingOverride:
    """`account` belongs with `other`, whatever the links say."""
    with _hand(actor, reason, "ring.pinned", account, other=other.ref) as done:
        if account == other:
            raise NotAllowed("an account cannot be pinned to itself")
        _refuse_if_cut(account, other)
        done.override = _keep(
            RingOverride.Kind.PIN, account, other=other, actor=actor, reason=reason
        )
        done.seeds |= {account.pk, other.pk}
    return done.override


def cut(
    account: Account | Iterable[Account], *, ring: Ring, actor: User, reason: str
) -> list[RingOverride]:
    """These accounts stay out of any ring that holds one of the others in `ring`.

    Whoever comes later does not change that. Several cut together may stay a ring of their own.
    """
    group = [account] if isinstance(account, Account) else list(account)
    with _hand(
        actor, reason, "ring.cut", group[0], ring=ring.pk, accounts=[a.ref for a in group]
    ) as done:
        ids = {each.pk for each in group}
        members = set(Account.objects.filter(ring=ring).values_list("pk", flat=True))
        if not ids <= members:
            raise NotAllowed("only a member can be cut out of a ring")
        anchors = sorted(members - ids)
        if not anchors:
            raise NotAllowed("nobody would be left to be kept apart from")
        pinned = RingOverride.objects.filter(kind="pin", undone_at=None).filter(
            account__in=ids, other__in=anchors
        ) | RingOverride.objects.filter(kind="pin", undone_at=None).filter(
            account__in=anchors, other__in=ids
        )
        if pinned.exists():
            raise NotAllowed("it is pinned to a member of this ring: undo the pin first")
        rows = [
            _keep(RingOverride.Kind.CUT, each, anchors=anchors, actor=actor, reason=reason)
            for each in group
        ]
        done.seeds |= members
    return rows


def cut_link(account: Account, other: Account, *, actor: User, reason: str) -> RingOverride:
    """The link between these two does not join; other links may."""
    with _hand(actor, reason, "ring.link_cut", account, other=other.ref) as done:
        done.override = _keep(
            RingOverride.Kind.CUT, account, other=other, actor=actor, reason=reason
        )
        done.seeds |= {account.pk, other.pk}
    return done.override


def accept_offer(account: Account, other: Account, *, actor: User, reason: str) -> RingOverride:
    """Take a possible join: the two are pinned together."""
    return pin(account, other, actor=actor, reason=reason)


def decline_offer(account: Account, other: Account, *, actor: User, reason: str) -> RingOverride:
    """The possible join was looked at and refused: it is not offered again."""
    with _hand(actor, reason, "ring.offer_declined", account, other=other.ref) as done:
        done.override = _keep(
            RingOverride.Kind.DECLINE, account, other=other, actor=actor, reason=reason
        )
    return done.override


def undo(override: RingOverride, *, actor: User, reason: str) -> RingOverride:
    """Take a hand back: the ring is again what the links and the other hands make of it."""
    with _hand(actor, reason, "ring.undone", override.account, override=override.pk) as done:
        row = RingOverride.objects.select_for_update().get(pk=override.pk)
        if row.undone_at is not None:
            raise NotAllowed("this was undone before")
        row.undone_at, row.undone_by = timezone.now(), actor
        row.save(update_fields=["undone_at", "undone_by"])
        done.seeds |= {row.account_id, *row.anchors} | ({row.other_id} if row.other_id else set())
    return row


def declare_relation(
    members: Iterable[Account], kind: str, *, actor: User, reason: str, evidence: str = ""
) -> Relation:
    """Say that these accounts belong together openly: household, agency and so on."""
    group = list(members)
    if len(group) < 2:
        raise NotAllowed("a relation has at least two members")
    with _hand(
        actor, reason, "relation.declared", group[0], kind=kind, accounts=[a.ref for a in group]
    ) as done:
        now = timezone.now()
        relation = Relation.objects.create(
            ref=f"declared-{now:%Y%m%d%H%M%S%f}", kind=kind[:40], evidence=evidence,
            changed_at=now, declared_by=actor, reason=reason,
        )  # fmt: skip
        RelationMember.objects.bulk_create(
            RelationMember(relation=relation, account=each) for each in group
        )
        done.related.append({each.pk for each in group})
    return relation


def withdraw_relation(relation: Relation, *, actor: User, reason: str) -> Relation:
    """The relation no longer holds, or never did: its links count in full again."""
    ids = set(relation.members.values_list("account_id", flat=True))
    account = Account.objects.filter(pk__in=ids).order_by("pk").first()
    with _hand(actor, reason, "relation.withdrawn", account, relation=relation.ref) as done:
        row = Relation.objects.select_for_update().get(pk=relation.pk)
        if not row.active:
            raise NotAllowed("this relation was withdrawn before")
        row.active, row.changed_at, row.changed_event = False, timezone.now(), ""
        row.declared_by, row.reason = actor, reason
        row.save()
        done.related.append(ids)
    return row


def mark_infrastructure(
    trait: Trait, kind: str, *, actor: User, reason: str, label: str = ""
) -> Infrastructure:
    """Say that many people use this by its nature: it ties next to nothing from now on."""
    return _restate(trait, kind, True, label, actor, reason)


def unmark_infrastructure(trait: Trait, *, actor: User, reason: str) -> Infrastructure:
    """It is no shared place or tool after all: it ties in full again."""
    return _restate(trait, trait.infrastructure, False, "", actor, reason)


def _restate(
    trait: Trait, kind: str, active: bool, label: str, actor: User, reason: str
) -> Infrastructure:
    verb = "infrastructure.marked" if active else "infrastructure.unmarked"
    with _hand(actor, reason, verb, None, trait=trait.pk, trait_kind=trait.kind, kind=kind) as done:
        if not active and not _is_declared(trait):
            raise NotAllowed("this is not marked as infrastructure")
        row, _ = Infrastructure.objects.update_or_create(
            trait_kind=trait.kind,
            value=trait.value,
            defaults={
                "kind": kind[:40], "label": label[:200], "active": active, "reason": reason,
                "changed_at": timezone.now(), "changed_event": "", "declared_by": actor,
            },
        )  # fmt: skip
        traits.restate(done.cursor, [(trait.kind, trait.value)])
    return row


def _is_declared(trait: Trait) -> bool:
    rows = Infrastructure.objects.filter(trait_kind=trait.kind, value=trait.value)
    return rows.filter(active=True).exists()


class _Done:
    """What a hand touched: seeds of rings, groups whose relation changed."""

    def __init__(self, cursor):
        self.cursor = cursor
        self.seeds: set[int] = set()
        self.related: list[set[int]] = []
        self.override: RingOverride | None = None


@contextmanager
def _hand(actor: User, reason: str, verb: str, account: Account | None, **data):
    """Permission, reason, our turn, the record, and the recomputation that follows."""
    permissions.require(actor, permissions.REVIEW, obj=account)
    if not reason.strip():
        raise NotAllowed("a reason is needed")
    with transaction.atomic(), working.tables() as cursor:
        working.lock(cursor)
        done = _Done(cursor)
        yield done
        audit.record(verb, actor=actor, account=account, note=reason, **data)
        numbers = rules.links()
        links.take_changes(cursor, numbers, related=done.related)
        moved = components.take_links(cursor, numbers)
        if done.seeds:
            moved |= components.recompute(cursor, done.seeds, numbers)
        intake.open_or_join(moved)


def _keep(kind: str, account: Account, *, actor: User, reason: str, **fields) -> RingOverride:
    return RingOverride.objects.create(
        kind=kind, account=account, made_by=actor, reason=reason, **fields
    )


def _refuse_if_cut(account: Account, other: Account) -> None:
    cuts = RingOverride.objects.filter(kind="cut", undone_at=None)
    apart = cuts.filter(account=account, anchors__contains=[other.pk]) | cuts.filter(
        account=other, anchors__contains=[account.pk]
    )
    if apart.exists():
        raise NotAllowed("one was cut from the other: undo the cut first")
