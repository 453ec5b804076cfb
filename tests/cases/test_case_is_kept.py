"""What decides who the second person may be is not for anybody to change."""

import pytest
from django.db import DatabaseError, connection, transaction

from cases import decisions, queue
from tests.cases import life


def refused(name, sql, *values):
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)
    assert caught.value.__cause__.diag.constraint_name == name


@pytest.mark.parametrize(
    "change", ["account_id = %s", "score_at_opening = 0 * %s", "typology_code = 'other' || %s"]
)
def test_a_case_keeps_its_account_its_typology_and_its_opening_score(
    make_case, make_account, change
):
    case, other = make_case(), make_account()
    refused(
        "case_keeps_its_account",
        f"UPDATE cases_case SET {change} WHERE id = %s",
        other.pk,
        case.pk,
    )


@pytest.fixture
def proposal(make_case, rita):
    life.load()
    case = make_case(score_at_opening=9)
    queue.claim(case, actor=rita)
    return decisions.propose(
        case, "offboarded", actor=rita, reason_code="false_identity", reason="r"
    )


APPROVE = (
    "UPDATE cases_decision SET state = 'approved', approved_by_id = %s, approved_at = now()"
    " WHERE id = %s"
)
FORGED = """
INSERT INTO cases_decision (case_id, outcome, reason_code, reason, notice, plan, digest, evidence,
    score, needs_second, needs_officer, wall, state, proposed_by_id, proposed_at, approved_by_id,
    approved_at, ended_because)
SELECT case_id, outcome, reason_code, reason, notice, plan, digest, evidence, score, true, false,
    wall, 'approved', proposed_by_id, proposed_at, %s, now(), ''
FROM cases_decision WHERE id = %s
"""


def test_who_left_approves_nothing(proposal, sam):
    sam.is_active = False
    sam.save()
    refused("approver_is_with_us", APPROVE, sam.pk, proposal.pk)


def test_a_forged_row_that_asks_for_no_officer_is_refused(proposal, ana):
    refused("officer_approves_under_sanctions", FORGED, ana.pk, proposal.pk)
