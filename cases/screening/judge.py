"""From "these names are alike" to what a person should look at, with the reasons in words.

Pure: an index, a question and the policy's bands in, matches out. Birth and nationality never
make a match; they pull a wrong one down and rank the right one up.
"""

from dataclasses import dataclass, field
from datetime import date

from cases.screening.entries import ENTITY, PERSON, WEAK
from cases.screening.index import Index, Listed, ListedName
from cases.screening.matching import ENGINE, Pairing

ALERT, REVIEW, NONE = "alert", "review", "none"


@dataclass(frozen=True, slots=True)
class Bands:
    """The policy's numbers for screening."""

    alert: float = 0.70
    korean_without_birth: float = 0.85
    review: float = 0.60
    second_person: float = 0.85


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to look for. Everything but one of name and identifiers may be missing."""

    name: str = ""
    kind: str = ""
    birth: str = ""
    countries: frozenset[str] = frozenset()
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Match:
    """One entry that the question met. `key` is the index's handle of the entry."""

    key: int
    score: float
    band: str
    corroboration: int
    listed_name: str
    explanation: dict = field(default_factory=dict)

    @property
    def order(self) -> tuple:
        """Best first: what is confirmed by something else, before what is spelled alike."""
        return (-(self.band == ALERT), -self.corroboration, -self.score, self.key)


def judge(index: Index, question: Question, bands: Bands) -> list[Match]:
    """Every entry at or over the review band, best first."""
    exact = _identifiers(index, question)
    named: dict[int, tuple[ListedName, Pairing, list[str]]] = {}
    korean = False
    if question.name:
        person = {PERSON: True, ENTITY: False}.get(question.kind)
        for number, pairing in index.find(question.name, person=person, cutoff=bands.review):
            name = index.names[number]
            known = named.get(name.entry)
            if known is None:
                named[name.entry] = (name, pairing, [])
            elif name.strength == WEAK and known[0].strength != WEAK:
                known[2].append(name.form.text)
            elif known[0].strength == WEAK and name.strength != WEAK:
                named[name.entry] = (name, pairing, [known[0].form.text])
    matches = []
    for entry in named.keys() | exact.keys():
        listed = index.entries[entry]
        name, pairing, weak = named.get(entry, (None, None, []))
        korean = name is not None and name.form.looks_korean
        match = _match(listed, question, bands, name, pairing, weak, exact.get(entry, []), korean)
        if match.band != NONE:
            matches.append(match)
    return sorted(matches, key=lambda match: match.order)


def _identifiers(index: Index, question: Question) -> dict[int, list[dict]]:
    from_entry: dict[int, list[dict]] = {}
    for kind, value in question.identifiers:
        for entry in set(index.identified(kind, value)):
            from_entry.setdefault(entry, []).append({"kind": kind, "value": value})
    return from_entry


def _match(
    listed: Listed,
    question: Question,
    bands: Bands,
    name: ListedName | None,
    pairing: Pairing | None,
    weak: list[str],
    exact: list[dict],
    korean: bool,
) -> Match:
    speaks_for: list[str] = []
    against: list[str] = []
    points, score = 0, 0.0
    born = ""
    if pairing is not None and name is not None:
        score = pairing.score
        speaks_for.append(pairing.rule)
        if listed.kind == PERSON:
            born, birth_points, shift, words = _birth(question.birth, listed.births)
            points += birth_points
            score = max(0.0, min(1.0, score + shift))
            if words:
                (speaks_for if birth_points else against).append(words)
        if weak:
            points += 1
            speaks_for.append(f"also a weak a.k.a.: {', '.join(weak)}")
    points += _countries(question, listed, speaks_for, against)
    band = _band(score, bands, korean and not question.birth)
    if name is not None and name.strength == WEAK:
        # A weak a.k.a. confirms; by itself it raises nothing but a quiet look.
        against.append("only a weak a.k.a. matches")
        score = min(score, bands.alert - 0.001)
        band = REVIEW if band != NONE and born == "same day" else NONE
    if exact:
        points += 5
        score, band = 1.0, ALERT
        speaks_for += [f"the same {item['kind']}: {item['value']}" for item in exact]
    explanation = {
        "asked": question.name,
        "listed": name.form.text if name else listed.primary,
        "strength": name.strength if name else "",
        "primary": listed.primary,
        "kind": listed.kind,
        "for": speaks_for,
        "against": against,
        "identifiers": exact,
        "corroboration": points,
        "band": band,
        "engine": ENGINE,
        **(pairing.explain() if pairing else {"rule": "identifier", "tokens": []}),
    }
    listed_name = name.form.text if name else listed.primary
    return Match(listed.key, round(score, 3), band, points, listed_name, explanation)


def _band(score: float, bands: Bands, korean_without_birth: bool) -> str:
    alert = bands.korean_without_birth if korean_without_birth else bands.alert
    if score >= alert:
        return ALERT
    return REVIEW if score >= bands.review else NONE


def _span(birth: str) -> tuple[str, str] | None:
    if len(birth) == 4 and birth.isdigit():
        return f"{birth}-01-01", f"{birth}-12-31"
    if len(birth) == 7:
        return f"{birth}-01", f"{birth}-31"
    try:
        date.fromisoformat(birth)
    except ValueError:
        return None
    return birth, birth


def _birth(asked: str, listed: tuple[tuple[str, str, bool], ...]) -> tuple[str, int, float, str]:
    """How the births agree: a word, points, the shift of the score, and a sentence."""
    span = _span(asked) if asked else None
    known = [birth for birth in listed if birth[0]]
    if span is None or not known:
        return "", 0, 0.0, ""
    for since, until, _ in known:
        if span == (since, until) and since == until:
            return "same day", 3, 0.03, f"born on the same day ({since})"
    for since, until, circa in known:
        slack = 2 if circa else 0
        if (
            int(since[:4]) - slack <= int(span[1][:4])
            and int(span[0][:4]) <= int(until[:4]) + slack
        ):
            if span[0] == span[1] and since == until:
                if span[0][5:7] == since[8:10] and span[0][8:10] == since[5:7]:
                    return "swapped", 2, 0.0, "day and month of birth are swapped"
                return "same year", 0, -0.06, f"same year of birth, another day ({since})"
            return "same year", 2, 0.02, f"births agree as far as they are known ({since[:4]})"
    nearest = min(abs(int(since[:4]) - int(span[0][:4])) for since, _, _ in known)
    years = ", ".join(sorted({since[:4] for since, _, _ in known}))
    shift = -0.12 if nearest == 1 else -0.32
    return "other", 0, shift, f"born {asked}, listed: {years}"


def _countries(
    question: Question, listed: Listed, speaks_for: list[str], against: list[str]
) -> int:
    if not question.countries:
        return 0
    points = 0
    if shared := question.countries & listed.nationalities:
        points += 1
        speaks_for.append(f"same nationality ({', '.join(sorted(shared))})")
    elif listed.nationalities:
        against.append(f"listed nationality is {', '.join(sorted(listed.nationalities))}")
    if shared := question.countries & listed.countries:
        points += 1
        speaks_for.append(f"a listed address is in {', '.join(sorted(shared))}")
    return points
