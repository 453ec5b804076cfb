"""How alike two names are, and why.

Words are paired by sound and spelling, weighed by how rare they are on the lists, and the share
of each name that found a partner makes the score. Korean names are compared syllable by
syllable: there, one other syllable is another person.
"""

from dataclasses import dataclass, field
from math import log

from cases.screening import korean, names
from cases.screening.names import LEGAL_FORMS, PARTICLES, likeness

ENGINE = "names-1"


class Weights:
    """How much a word tells: the rarer on the lists, the more. Safe to share."""

    def __init__(self, counts: dict[str, int] | None = None, total: int = 1) -> None:
        self._counts, self._top = counts or {}, log(max(total, 2))
        self._total = max(total, 2)

    def of(self, token: str) -> float:
        if token in LEGAL_FORMS:
            return 0.08
        if token in PARTICLES:
            return 0.12
        if len(token) == 1:
            return 0.2
        seen = self._counts.get(token, 0)
        return max(0.3, min(1.0, log(self._total / (seen + 1)) / self._top))


@dataclass(slots=True, frozen=True)
class Form:
    """A name made ready for comparing."""

    text: str
    tokens: tuple[str, ...]
    weights: tuple[float, ...]
    total: float
    joined: str
    korean: tuple[korean.Reading, ...]

    @property
    def looks_korean(self) -> bool:
        return bool(self.korean)


def prepare(text: str, weights: Weights, *, person: bool = True) -> Form:
    """`text` as a form; only people's names are read as Korean names."""
    tokens = names.tokens(text)
    readings = korean.read_name(tokens) if person else ()
    tokens = names.romanised(tokens)
    each = tuple(map(weights.of, tokens))
    return Form(text, tokens, each, sum(each) or 1.0, "".join(tokens), readings)


@dataclass(slots=True)
class Pairing:
    """Which words met how, and what was left over."""

    score: float
    rule: str
    pairs: list[tuple[str, str, str, float]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)

    def explain(self) -> dict:
        return {
            "rule": self.rule,
            "tokens": [
                {"asked": a, "listed": b, "how": how, "likeness": round(alike, 2)}
                for a, b, how, alike in self.pairs
            ],
            "asked_only": self.left,
            "listed_only": self.right,
        }


_NOTHING = Pairing(0.0, "nothing in common")


def compare(asked: Form, listed: Form, *, person: bool) -> Pairing:
    """The pairing of two names with its score, 0 to 1."""
    if not asked.tokens or not listed.tokens:
        return _NOTHING
    if asked.tokens == listed.tokens:
        pairs = [(t, t, "same", 1.0) for t in asked.tokens]
        return Pairing(1.0, "the same words", pairs)
    if asked.joined == listed.joined:
        pairs = [(" ".join(asked.tokens), " ".join(listed.tokens), "same when joined", 1.0)]
        return Pairing(0.98, "the same letters, cut into words differently", pairs)
    pairing = _pair_words(asked, listed)
    if person and asked.korean and listed.korean:
        return _korean(asked, listed, pairing)
    return _capped(pairing, asked, listed, person)


def _pair_words(asked: Form, listed: Form) -> Pairing:
    pairs: list[tuple[str, str, str, float]] = []
    mine = dict(enumerate(asked.tokens))
    theirs = dict(enumerate(listed.tokens))
    got_a = got_l = 0.0

    def met(left: tuple[int, ...], right: tuple[int, ...], how: str, alike: float) -> None:
        nonlocal got_a, got_l
        a = " ".join(mine.pop(i) for i in left)
        b = " ".join(theirs.pop(i) for i in right)
        got_a += alike * sum(asked.weights[i] for i in left)
        got_l += alike * sum(listed.weights[i] for i in right)
        pairs.append((a, b, how, alike))

    by_token = {token: i for i, token in theirs.items()}
    for i, token in list(mine.items()):
        j = by_token.pop(token, None)
        if j is not None:
            met((i,), (j,), "same", 1.0)
    if mine and theirs:
        alike = sorted(
            (
                (-score, i, j)
                for i, a in mine.items()
                for j, b in theirs.items()
                if (score := likeness(a, b)) >= 0.75
            ),
        )
        for score, i, j in alike:
            if i in mine and j in theirs:
                met((i,), (j,), "sounds or is spelled alike", -score)
    if mine and theirs and (len(mine) > 1 or len(theirs) > 1):
        for two, one, ours in ((mine, theirs, True), (theirs, mine, False)):
            for i in sorted(two)[:-1]:
                if i not in two or i + 1 not in two:
                    continue
                joined = two[i] + two[i + 1]
                for j, word in list(one.items()):
                    if len(joined) > 4 and likeness(joined, word) >= 0.95:
                        apart: tuple[int, ...] = (i, i + 1)
                        left, right = (apart, (j,)) if ours else ((j,), apart)
                        met(left, right, "one word or two", 0.96)
                        break
    if mine and theirs:
        for i, a in list(mine.items()):
            for j, b in list(theirs.items()):
                if (len(a) == 1) != (len(b) == 1) and a[0] == b[0] and i in mine:
                    met((i,), (j,), "initial", 0.6)
                    break
    share_a, share_l = got_a / asked.total, got_l / listed.total
    score = 0.55 * max(share_a, share_l) + 0.45 * min(share_a, share_l)
    rest_a = sum(asked.weights[i] for i in mine)
    rest_l = sum(listed.weights[i] for i in theirs)
    if rest_a and rest_l:
        # Both have a word that the other lacks: not "less told" but "told differently".
        score -= 0.25 * min(rest_a, rest_l) / min(asked.total, listed.total)
    return Pairing(max(score, 0.0), "words", pairs, list(mine.values()), list(theirs.values()))


def _solid(pairing: Pairing) -> int:
    """How many words of substance met."""
    count = 0
    for a, b, _, _ in pairing.pairs:
        count += sum(
            len(w) > 1 and w not in PARTICLES and w not in LEGAL_FORMS
            for w in max(a.split(), b.split(), key=len)
        )
    return count


def _substance(form: Form) -> int:
    return sum(len(t) > 1 and t not in PARTICLES and t not in LEGAL_FORMS for t in form.tokens)


def _capped(pairing: Pairing, asked: Form, listed: Form, person: bool) -> Pairing:
    solid, most = _solid(pairing), max(_substance(asked), _substance(listed))
    if solid == 0 and pairing.score > 0.5:
        pairing.score, pairing.rule = 0.5, "only legal forms, particles or initials met"
    elif solid == 1 and most > 1 and pairing.score > 0.62:
        pairing.score, pairing.rule = 0.62, "one word of several"
    elif most == 1 and pairing.score > 0.62 and all(alike < 0.95 for *_, alike in pairing.pairs):
        pairing.score, pairing.rule = 0.62, "a single word that is only similar"
    elif person and pairing.left and pairing.right and pairing.score > 0.80:
        pairing.score = 0.80
    elif person and abs(_substance(asked) - _substance(listed)) > 1:
        # Two common words out of four are not a name.
        pairing.score *= 0.92
    return pairing


def _korean(asked: Form, listed: Form, pairing: Pairing) -> Pairing:
    """Two names that read as Korean: all syllables agree, or it is another person."""
    best: tuple[int, int, int] | None = None
    same_length = False
    for a in asked.korean:
        for b in listed.korean:
            if len(a) != len(b):
                continue
            same_length = True
            same, spelled = korean.agree(a, b)
            if best is None or (same, spelled) > best[:2]:
                best = (same, spelled, len(a))
    if best is not None and best[0] == best[2]:
        _, spelled, count = best
        syllables = _syllable_pairs(asked, listed)
        score = 0.99 - 0.02 * (count - spelled) - (0.10 if count == 2 else 0.0)
        rule = f"all {count} Korean syllables agree, {spelled} of them spelled alike"
        return Pairing(max(score, min(pairing.score, 0.99)), rule, syllables)
    if same_length and any(
        korean.keys(a) & korean.keys(b) for a in asked.korean for b in listed.korean
    ):
        return Pairing(0.80, "the same Korean syllables in another order", pairing.pairs)
    rule = "another Korean syllable is another person" if same_length else "fewer Korean syllables"
    cap = 0.58 if same_length else 0.62
    return Pairing(min(pairing.score, cap), rule, pairing.pairs, pairing.left, pairing.right)


def _syllable_pairs(asked: Form, listed: Form) -> list[tuple[str, str, str, float]]:
    for a in asked.korean:
        for b in listed.korean:
            if len(a) == len(b) and korean.agree(a, b)[0] == len(a):
                return [
                    (x, y, "same" if x == y else "same Korean syllable", 1.0 if x == y else 0.94)
                    for (x, _), (y, _) in zip(a, b, strict=True)
                ]
    return []
