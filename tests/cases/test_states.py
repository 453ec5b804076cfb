"""The table itself."""

import re
from pathlib import Path

import pytest

from cases.models import Case
from cases.states import QUEUE_OF, RULES, WAITING, WORKING, State, Verb


def test_every_verb_has_a_rule():
    assert set(RULES) == set(Verb)


def test_the_model_knows_the_same_states():
    assert list(Case.State) == list(State)


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_left(state):
    assert any(
        target != state
        for rule in RULES.values()
        if state in rule.moves
        for target in rule.moves[state].targets
    )


def test_every_state_can_be_reached_from_open():
    reached, fresh = set(), {State.OPEN}
    while fresh:
        reached |= fresh
        fresh = {
            target
            for rule in RULES.values()
            for state in fresh
            if state in rule.moves
            for target in rule.moves[state].targets
        } - reached
    assert reached == set(State)


def test_only_an_approval_leads_to_execution():
    ways = [
        (verb, state)
        for verb, rule in RULES.items()
        for state, move in rule.moves.items()
        if State.EXECUTING in move.targets and state != State.EXECUTING
    ]
    assert ways == [(Verb.APPROVE, State.PENDING_APPROVAL)]


def test_waiting_and_working_states_name_their_queue():
    for queue, state in [*WAITING.items(), *WORKING.items()]:
        assert QUEUE_OF[state] == queue


def test_the_printed_table_is_that_of_the_code():
    """`docs/states.md` shows every verb with its sources, targets and rights, and nothing else."""
    page = (Path(__file__).parents[2] / "docs" / "states.md").read_text()
    printed = set(re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|", page, re.M))
    assert printed == {
        (verb.value, move.source.value, _targets(move), _rights(move))
        for verb, rule in RULES.items()
        for move in rule.moves.values()
    }


def _targets(move):
    return ", ".join(dict.fromkeys(target.value for target in move.targets))


def _rights(move):
    who = ", ".join(right.removeprefix("cases.") for right in move.permissions) or "the portal"
    return who + (" (holder)" if move.holder else "")
