"""Bring all links and rings in line with a policy's new link numbers, a piece at a time.

Three passes by id: the links that there are, the traits that may make new ones, and the accounts
whose rings follow. Each step is a transaction under the correlator's lock and remembers where it
stopped, so that a worker that dies costs one step and new facts are worked in between the steps.
"""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from cases import audit, components, links, rules, working
from cases.models import Policy, Relink
from cases.rules import LinkRules

PER_STEP = 2_000
P = Relink.Pass
_NEXT = {P.LINKS: P.TRAITS, P.TRAITS: P.RINGS, P.RINGS: None}

# Fills work_pair; the last id that it took.
LINKS = """
WITH piece AS (
    SELECT id, a_id, b_id FROM cases_link WHERE id > %(last)s ORDER BY id LIMIT %(limit)s
), put AS (
    INSERT INTO work_pair (a, b) SELECT a_id, b_id FROM piece
)
SELECT max(id) FROM piece
"""
# Fills work_dirty: traits that several use and that are not past the cap of their kind.
TRAITS = f"""
WITH kind AS ({links.KIND}), piece AS (
    SELECT t.id, t.kind, t.sharers, k.hard FROM cases_trait t LEFT JOIN kind k ON k.kind = t.kind
    WHERE t.id > %(last)s ORDER BY t.id LIMIT %(limit)s
), put AS (
    INSERT INTO work_dirty (trait_id, kind, before, after, restated)
    SELECT id, kind, sharers, sharers, true FROM piece WHERE sharers BETWEEN 2 AND hard
)
SELECT max(id) FROM piece
"""  # noqa: S608
ACCOUNTS = """
SELECT a.id, a.ring_id IS NOT NULL
    OR EXISTS (SELECT FROM cases_link l WHERE l.a_id = a.id AND l.strength >= %(join)s)
    OR EXISTS (SELECT FROM cases_link l WHERE l.b_id = a.id AND l.strength >= %(join)s)
FROM cases_account a WHERE a.id > %(last)s ORDER BY a.id LIMIT %(limit)s
"""


class NotInPlace(ValueError):
    """These numbers cannot be changed while hashes are indexed by the old ones."""


def check(before: LinkRules, after: LinkRules) -> None:
    """Refuse a change of what the index of near-duplicates was built with."""
    for kind in sorted({*before.near, *after.near}):
        was = before.near.get(kind), before.caps.get(kind)
        shall = after.near.get(kind), after.caps.get(kind)
        if was != shall:
            raise NotInPlace(
                f"the distance and the hard cap of {kind} are built into its index of"
                f" near-duplicates: {was} cannot become {shall} in place"
            )


def ask(policy: Policy, before: LinkRules, after: LinkRules) -> Relink | None:
    """Begin, if the numbers differ at all. What was under way for older numbers gives way."""
    if replace(before, policy_id=0) == replace(after, policy_id=0):
        return None
    check(before, after)
    Relink.objects.filter(done_at=None).update(done_at=timezone.now())
    return Relink.objects.create(policy=policy)


@transaction.atomic
def step(*, limit: int = PER_STEP) -> bool:
    """Do the next piece; False when nothing is left, or it is another's turn."""
    with working.tables() as cursor:
        if not Relink.objects.filter(done_at=None).exists() or not working.try_lock(cursor):
            return False
        job = Relink.objects.select_for_update().filter(done_at=None).order_by("pk").last()
        if job is None:
            return False
        numbers = rules.links()
        last, moved = _PASSES[P(job.current)](cursor, numbers, {"last": job.last, "limit": limit})
        # Whoever came into a ring in which somebody has a case may be due one, too.
        working.reconsider(cursor, moved)
        job.moved += len(moved)
        if last is not None:
            job.last = last
        elif following := _NEXT[P(job.current)]:
            job.current, job.last = following, 0
        else:
            job.done_at = timezone.now()
            audit.record(
                "policy.links_recomputed", actor=None, obj=job.policy, moved=job.moved,
                version=job.policy.version, typology=job.policy.typology_code,
            )  # fmt: skip
        job.save(update_fields=["current", "last", "moved", "done_at"])
    return True


def waiting() -> bool:
    return Relink.objects.filter(done_at=None).exists()


def _links(cursor, numbers: LinkRules, where: dict) -> tuple[int | None, set[int]]:
    cursor.execute(LINKS, where)
    last = cursor.fetchone()[0]
    changed = links.refresh(cursor, numbers)
    return last, components.take_links(cursor, numbers) if changed else set()


def _traits(cursor, numbers: LinkRules, where: dict) -> tuple[int | None, set[int]]:
    cursor.execute(TRAITS, {**where, **numbers.params()})
    last = cursor.fetchone()[0]
    changed = links.take_changes(cursor, numbers)
    return last, components.take_links(cursor, numbers) if changed else set()


def _rings(cursor, numbers: LinkRules, where: dict) -> tuple[int | None, set[int]]:
    cursor.execute(ACCOUNTS, {**where, "join": numbers.join})
    rows = cursor.fetchall()
    seeds = [account for account, tied in rows if tied]
    moved = components.recompute(cursor, seeds, numbers) if seeds else set()
    return (rows[-1][0] if rows else None), moved


_PASSES = {P.LINKS: _links, P.TRAITS: _traits, P.RINGS: _rings}
