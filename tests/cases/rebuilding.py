"""A case told from its events alone, to be held against its row."""

from dataclasses import dataclass

from cases.models import Case
from cases.states import RULES, WAITING, State, Verb

_FAILED = (Verb.REJECT, Verb.WITHDRAW, Verb.VOID)


@dataclass
class Told:
    """What the events say of a case."""

    state: str = State.OPEN
    version: int = 0
    holder: int | None = None
    outcome: str = ""


def rebuild(case: Case) -> Told:
    """Fold the events of `case`, each of which must begin where the one before ended."""
    told, stood = Told(), Told()
    for event in case.events.order_by("id"):
        if event.verb not in RULES or "after" not in event.data:
            continue
        data = event.data
        assert data["before"] == told.state, f"{event.verb} does not follow"
        assert data["after"] in RULES[Verb(event.verb)].moves[data["before"]].targets
        assert data["version"] == told.version + RULES[Verb(event.verb)].counts
        if event.verb == Verb.OVERTURN:
            stood = Told(holder=told.holder, outcome=told.outcome)
        told.state, told.version = data["after"], data["version"]
        if event.verb in (Verb.CLAIM, Verb.OVERTURN):
            told.holder = event.actor_id
        elif event.verb == Verb.ASSIGN:
            told.holder = data["to"]
        if told.state in WAITING.values():
            told.holder = None
        if told.state != State.CLOSED:
            told.outcome = ""
        elif event.verb == Verb.CLOSE:
            told.outcome = data["outcome"]
        elif event.verb in _FAILED:
            told.holder, told.outcome = stood.holder, stood.outcome
    return told


def agrees(case: Case) -> None:
    """The row of `case` is what its events say."""
    row = Case.objects.get(pk=case.pk)
    told = rebuild(row)
    assert told == Told(row.state, row.version, row.assignee_id, row.outcome)
