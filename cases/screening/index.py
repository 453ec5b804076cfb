"""The lists in memory, found by their rarest words. Pure: built from entries, asked for names.

A name's candidates are those that share, by spelling or sound, the words that tell most. The
same scorer over every listed name (`scan`) is the yardstick that `find` is measured with.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

from cases.screening import korean
from cases.screening.entries import PERSON, WEAK, hash_identifier, normal_identifier
from cases.screening.matching import Form, Pairing, Weights, compare, prepare
from cases.screening.names import LEGAL_FORMS, PARTICLES, likeness, romanised, sound, tokens

_BRACKETS = re.compile(r"([^()]+?)\s*\(([^()]+)\)\s*")
_BUDGET = 4_000
_DEPTH = 60
_SLACK = 0.08


@dataclass(slots=True, frozen=True)
class Listed:
    """An entry as the index needs it: `key` is the caller's handle."""

    key: int
    kind: str
    primary: str
    births: tuple[tuple[str, str, bool], ...] = ()
    nationalities: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()


@dataclass(slots=True, frozen=True)
class ListedName:
    entry: int
    form: Form
    strength: str


class Index:
    """Built once, then only read: safe to share between threads."""

    def __init__(
        self,
        entries: Iterable[tuple[Listed, Iterable[tuple[str, str]], Iterable[tuple[str, str]]]],
        *,
        weights: Weights | None = None,
    ) -> None:
        self.entries: list[Listed] = []
        self.names: list[ListedName] = []
        self.identifiers: dict[tuple[str, str], list[int]] = defaultdict(list)
        raw: list[tuple[int, str, str]] = []
        counts: dict[str, int] = defaultdict(int)
        for listed, names, identifiers in entries:
            number = len(self.entries)
            self.entries.append(listed)
            for text, strength in _variants(names):
                raw.append((number, text, strength))
                for token in set(romanised(tokens(text))):
                    counts[token] += 1
            for kind, value in identifiers:
                normal = normal_identifier(kind, value)
                self.identifiers[kind, normal].append(number)
                if kind == "document":
                    digest = hash_identifier(kind, value)
                    self.identifiers["document_hash", digest].append(number)
        self.weights = weights or Weights(counts, len(raw))
        self._build(raw)
        self.similar = lru_cache(maxsize=100_000)(self._similar)

    def identified(self, kind: str, value: str) -> list[int]:
        """Entries that carry exactly this identifier; a document also by its SHA-256."""
        return self.identifiers.get((kind, normal_identifier(kind, value)), [])

    def _build(self, raw: list[tuple[int, str, str]]) -> None:
        self.vocabulary: dict[str, int] = {}
        self.words: list[str] = []
        self.postings: list[array] = []
        self._sounds: dict[str, list[int]] = defaultdict(list)
        self._deletes: dict[str, list[int]] = defaultdict(list)
        self._korean_words: dict[str, list[int]] = defaultdict(list)
        self._joins: dict[str, list[int]] = defaultdict(list)
        self._korean: dict[str, list[int]] = defaultdict(list)
        self._word_sets: list[frozenset[int]] = []
        for entry, text, strength in raw:
            person = self.entries[entry].kind == PERSON
            form = prepare(text, self.weights, person=person)
            number = len(self.names)
            self.names.append(ListedName(entry, form, strength))
            ids = frozenset(map(self._word, form.tokens))
            self._word_sets.append(ids)
            for word in ids:
                self.postings[word].append(number)
            for a, b in zip(form.tokens, form.tokens[1:], strict=False):
                if len(a) + len(b) > 4:
                    self._joins[a + b].append(number)
            if len(form.tokens) > 2:
                self._joins[form.joined].append(number)
            for key in {k for reading in form.korean for k in korean.keys(reading)}:
                self._korean[key].append(number)

    def _word(self, token: str) -> int:
        known = self.vocabulary.get(token)
        if known is not None:
            return known
        word = self.vocabulary[token] = len(self.words)
        self.words.append(token)
        self.postings.append(array("I"))
        if len(token) > 2 and not token.isdigit():
            self._sounds[sound(token)].append(word)
            if len(token) > 3:
                for delete in _deletes(token):
                    self._deletes[delete].append(word)
            for key in _word_keys(token):
                self._korean_words[key].append(word)
        return word

    def _similar(self, token: str) -> tuple[tuple[int, float], ...]:
        """Listed words that the scorer would pair with `token`, the likest first."""
        known = self.vocabulary.get(token)
        found = {known: 1.0} if known is not None else {}
        if len(token) > 2 and not token.isdigit():
            maybe = set(self._sounds.get(sound(token), ()))
            maybe.update(self._deletes.get(token, ()))
            for delete in _deletes(token):
                other = self.vocabulary.get(delete)
                if other is not None:
                    maybe.add(other)
                maybe.update(self._deletes.get(delete, ()))
            for key in _word_keys(token):
                maybe.update(self._korean_words.get(key, ()))
            for word in maybe:
                if word != known and (alike := likeness(token, self.words[word])) >= 0.75:
                    found[word] = alike
        return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def candidates(self, form: Form, *, cutoff: float = 0.5) -> list[int]:
        """The listed names worth scoring, at most `_DEPTH` of them, plus the sure ones."""
        groups = []
        for token, weight in zip(form.tokens, form.weights, strict=True):
            if token in LEGAL_FORMS or token in PARTICLES or len(token) == 1:
                continue
            similar = self.similar(token)
            size = sum(len(self.postings[word]) for word, _ in similar)
            if size:
                groups.append((size, weight, similar))
        groups.sort(key=lambda group: group[0])
        gained: dict[int, float] = {}
        visited = 0
        for size, weight, similar in groups:
            if gained and visited + size > _BUDGET:
                words = {word for word, _ in similar}
                for number in gained:
                    if not words.isdisjoint(self._word_sets[number]):
                        gained[number] += weight
                continue
            visited += size
            for word, alike in similar:
                gain = weight * alike
                for number in self.postings[word]:
                    gained[number] = gained.get(number, 0.0) + gain
        sure = self._sure(form)
        joins = self._joined(form)
        names, total = self.names, form.total
        floor = 0.3 * total
        promising = []
        for number, gain in gained.items():
            if gain < floor:
                continue
            # What the scorer would give at most, were there no word joined or abbreviated.
            asked, listed = gain / total, gain / names[number].form.total
            bound = 0.55 * asked + 0.45 * listed if asked > listed else 0.45 * asked + 0.55 * listed
            if bound >= cutoff - _SLACK:
                promising.append((bound, number))
        if len(promising) > _DEPTH:
            promising = nlargest(_DEPTH, promising)
        return list({*sure, *joins, *(number for _, number in promising)})

    def _sure(self, form: Form) -> set[int]:
        found: set[int] = set()
        for reading in form.korean:
            for key in korean.keys(reading):
                found.update(self._korean.get(key, ()))
        return found

    def _joined(self, form: Form) -> set[int]:
        found: set[int] = set(self._joins.get(form.joined, ()))
        for a, b in zip(form.tokens, form.tokens[1:], strict=False):
            for word, alike in self.similar(a + b):
                if alike >= 0.95 and len(self.postings[word]) <= 200:
                    found.update(self.postings[word])
        for token in form.tokens:
            together = self._joins.get(token, ())
            if len(token) > 4 and len(together) <= 200:
                found.update(together)
        return found

    def find(
        self, text: str, *, person: bool | None = None, cutoff: float = 0.5
    ) -> list[tuple[int, Pairing]]:
        """Listed names at or over `cutoff` with their pairing, best first.

        `person` narrows to people or to everything else; None asks both.
        """
        form = prepare(text, self.weights, person=person is not False)
        numbers = self.candidates(form, cutoff=cutoff)
        return self._score(form, numbers, person, cutoff)

    def scan(
        self, text: str, *, person: bool | None = None, cutoff: float = 0.5
    ) -> list[tuple[int, Pairing]]:
        """As `find`, by comparing with every listed name. Slow: the yardstick of tests."""
        form = prepare(text, self.weights, person=person is not False)
        return self._score(form, range(len(self.names)), person, cutoff)

    def _score(
        self, form: Form, numbers: Iterable[int], person: bool | None, cutoff: float
    ) -> list[tuple[int, Pairing]]:
        found = []
        for number in numbers:
            name = self.names[number]
            is_person = self.entries[name.entry].kind == PERSON
            if person is not None and is_person != person:
                continue
            pairing = compare(form, name.form, person=is_person)
            if pairing.score >= cutoff:
                found.append((number, pairing))
        found.sort(key=lambda item: (-item[1].score, self.names[item[0]].strength == WEAK))
        return found


def _variants(names: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Each name, and where it has an addition in brackets, both of its halves."""
    for text, strength in names:
        yield text, strength
        found = _BRACKETS.fullmatch(text)
        if found:
            for part in found.groups():
                if len(part) > 2:
                    yield part, strength


def _deletes(token: str) -> set[str]:
    return {token[:i] + token[i + 1 :] for i in range(len(token))}


def _word_keys(token: str) -> set[str]:
    """Korean keys of a word of two or three syllables: "chinyong" and "jinyong" share one."""
    if len(token) < 5:
        return set()
    return {
        key for reading in korean.split(token) if len(reading) > 1 for key in korean.keys(reading)
    }
