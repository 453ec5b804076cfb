"""Every move of the table is walked once, through the verbs that people use."""

import pytest
from django.db import connection, transaction

from cases.states import RULES, Verb
from tests.cases import life, rebuilding
from tests.cases.edges import Road, edges

PEOPLE = {
    "rita": "analyst", "ana": "senior", "sam": "officer", "kim": "officer", "lee": "legal",
}  # fmt: skip


@pytest.fixture
def people(person):
    life.load()
    for name, role in PEOPLE.items():
        person(name, role)


def test_every_move_of_the_table_is_walked(make_case, people):
    walked = set()
    for verb, source, target in edges():
        with transaction.atomic():
            road = Road(make_case, verb, source, target)
            road.drive()
            seen = road.case.events.count()
            road.walk()
            case = road.fresh()
            events = case.events.order_by("id")[seen:]
            moves = [e for e in events if e.verb in RULES and "after" in e.data]
            edge = (verb.value, source.value, target.value)
            assert [(e.verb, e.data["before"], e.data["after"]) for e in moves][-1] == edge
            assert case.state == target, edge
            assert (moves[-1].actor is None) == (
                not RULES[verb].moves[source].permissions or verb == Verb.VOID
            ), edge
            rebuilding.agrees(case)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            walked.add(edge)
            transaction.set_rollback(True)
    assert len(walked) == len(edges())
