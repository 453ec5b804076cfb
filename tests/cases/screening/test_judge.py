"""`judge.py` over a few invented entries: bands, births, weak names, identifiers."""

import pytest

from cases.screening.index import Index, Listed
from cases.screening.judge import ALERT, REVIEW, Bands, Question, judge

BORN = (("1983-11-25", "1983-11-25", False),)


@pytest.fixture(scope="module")
def index():
    def listed(key, kind, name, **facts):
        return Listed(key, kind, name, **facts)

    return Index(
        [
            (
                listed(1, "person", "Ro Tae Jun", births=BORN, nationalities=frozenset({"KP"})),
                [("Ro Tae Jun", "primary"), ("Anton Kessler", "weak")],
                [("document", "109 484-100"), ("wallet", "0xAbC" + "0" * 36 + "f")],
            ),
            (
                listed(2, "person", "Milos Varga", births=(("1971-01-01", "1971-12-31", False),)),
                [("Milos Varga", "primary")],
                [],
            ),
            (
                listed(3, "entity", "Grey Harbour Trading Co."),
                [("Grey Harbour Trading Co.", "primary"), ("GHT (Harbour Works)", "strong")],
                [("wallet", "bc1qExample")],
            ),
            *((listed(n, "person", f"Person {n}"), [(f"Person {n}", "primary")], [])
              for n in range(10, 40)),
        ]
    )  # fmt: skip


def ask(index, name="", **facts):
    return judge(index, Question(name, **facts), Bands())


def test_a_listed_name_alerts(index):
    (match,) = ask(index, "Milos Varga")
    assert (match.key, match.band, match.score) == (2, ALERT, 1.0)


def test_a_birth_that_contradicts_pulls_down_and_a_missing_one_does_not(index):
    (match,) = ask(index, "Milos Varga", birth="1990-05-05")
    assert match.band == REVIEW
    assert any("1971" in word for word in match.explanation["against"])


def test_a_birth_that_agrees_ranks_up(index):
    (match,) = ask(index, "Noh Tae-joon", birth="1983-11-25", countries=frozenset({"KP"}))
    assert match.band == ALERT
    assert match.corroboration == 4


def test_a_weak_name_alone_raises_nothing(index):
    assert ask(index, "Anton Kessler") == []


def test_a_weak_name_with_the_same_birth_is_a_quiet_look(index):
    (match,) = ask(index, "Anton Kessler", birth="1983-11-25")
    assert match.band == REVIEW


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        ("document", "109484100", 1),
        ("wallet", "0XABC".lower() + "0" * 36 + "F", 1),
        ("wallet", "bc1qExample", 3),
    ],
)
def test_identifiers_match_exactly_and_at_once(index, kind, value, key):
    (match,) = ask(index, identifiers=((kind, value),))
    assert (match.key, match.band, match.score) == (key, ALERT, 1.0)


def test_a_wallet_that_is_not_evm_keeps_its_case(index):
    assert ask(index, identifiers=(("wallet", "BC1QEXAMPLE"),)) == []


def test_names_in_brackets_are_found_by_themselves(index):
    assert ask(index, "Harbour Works", kind="entity")[0].key == 3


def test_a_person_is_not_compared_with_companies(index):
    assert ask(index, "Grey Harbour Trading", kind="person") == []


def test_a_document_that_comes_hashed_is_found(index):
    from cases.screening.entries import hash_identifier

    digest = hash_identifier("document", "109484100")
    assert ask(index, identifiers=(("document_hash", digest),))[0].key == 1
