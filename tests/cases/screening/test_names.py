"""`names.py`, `korean.py`, `matching.py`: which spellings are one name, and which are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.screening import korean, names
from cases.screening.matching import Weights, compare, prepare

PLAIN = Weights()


def score(asked: str, listed: str, *, person: bool = True) -> float:
    forms = (prepare(text, PLAIN, person=person) for text in (asked, listed))
    return compare(*forms, person=person).score


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Sim Hyon Sop", "Sim, Hyo'n-so'p"),
        ("Shim Hyun-sup", "Sim Hyon Sop"),
        ("심현섭", "Sim Hyon Sop"),
        ("Lee Yong-ho", "Ri Yong Ho"),
        ("Yong Ho Choi", "Choe Yong Ho"),
        ("Kim Jung-eun", "Kim Jong Un"),
        ("Park Jin-hyeok", "Pak Chin-hyok"),
        ("Noh Kwang-chul", "No Kwang Chol"),
        ("Yoo Chul Woo", "Ryu Chol U"),
        ("Lim Kyung-su", "Rim Kyong Su"),
        ("KimJongUn", "Kim Jong Un"),
    ],
)
def test_spellings_of_one_korean_name_meet(asked, listed):
    assert score(asked, listed) >= 0.85


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Kim Sang Man", "Kim Song Min"),
        ("Kim Yong Chol", "Kim Yong Chun"),
        ("Ri Yong Ho", "Ri Yong Gil"),
        ("Pak Jin Hyok", "Pak Jin Song"),
        ("Kim Chol", "Kim Chol Man"),
    ],
)
def test_one_other_syllable_is_another_person(asked, listed):
    assert score(asked, listed) < 0.70


@pytest.mark.parametrize(
    ("asked", "listed", "person"),
    [
        ("Владимир Петров", "PETROV, Vladimir", True),
        ("Muhammad Hasan", "Mohammed Hassan", True),
        ("Usama bin Ladin", "BIN LADEN, Osama", True),
        ("José Núñez", "Jose Nunez", True),
        ("Ivan Petrovich Sidorov", "Ivan Sidorov", True),
        ("Αλέξανδρος Παπαδόπουλος", "Alexandros Papadopoulos", True),
        ("Jinyong IT Cooperation", "Chinyong Information Technology Cooperation Company", False),
        ("Silver Star Yanbian", "Yanbian Silverstar Co., Ltd.", False),
        ("Blue Lantern LLC", "BLUE LANTERN L.L.C.", False),
    ],
)
def test_other_spellings_meet(asked, listed, person):
    assert score(asked, listed, person=person) >= 0.70


@pytest.mark.parametrize(
    ("asked", "listed", "person"),
    [
        ("Corp", "Yanbian Silverstar Corp", False),
        ("Trading Co., Ltd.", "Lantern Trading Co., Ltd.", False),
        ("John Smith", "John Miller", True),
        ("Mohammed", "Mohammed Hassan Ali", True),
        ("Olga Ivanova", "Oleg Ivanov", True),
        ("J. Smith", "James Smithson", True),
    ],
)
def test_little_in_common_is_no_match(asked, listed, person):
    assert score(asked, listed, person=person) < 0.70


def test_the_explanation_says_which_words_met_how():
    asked, listed = (prepare(t, PLAIN) for t in ("Muhammad Hasan Lopez", "HASSAN, Mohammed"))

    said = compare(asked, listed, person=True).explain()

    assert {(t["asked"], t["listed"]) for t in said["tokens"]} == {
        ("muhammad", "mohammed"),
        ("hasan", "hassan"),
    }
    assert said["asked_only"] == ["lopez"]


@pytest.mark.parametrize(("token", "count"), [("yongho", 2), ("hyon", 1), ("jongun", 2), ("xq", 0)])
def test_words_are_cut_into_syllables(token, count):
    readings = korean.split(token)
    assert len(readings[0]) == count if count else not readings


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_breaks_the_comparison(one, other):
    a, b = prepare(one, PLAIN), prepare(other, PLAIN)

    there, back = compare(a, b, person=True).score, compare(b, a, person=True).score

    assert 0 <= there <= 1
    assert abs(there - back) < 0.35
    if a.tokens:
        assert compare(a, a, person=True).score == 1.0


@given(st.text(alphabet=st.characters(categories=["L"]), min_size=1, max_size=30))
def test_normalising_twice_changes_nothing(text):
    once = names.normalise(text)
    assert names.normalise(once) == once


def test_the_family_may_stand_first_or_last():
    first = korean.read_name(("choe", "yong", "ho"))
    last = korean.read_name(("yong", "ho", "choe"))
    assert any(korean.agree(a, b)[0] == 3 for a in first for b in last)
