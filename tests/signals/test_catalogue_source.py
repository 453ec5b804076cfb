"""The shipped catalogue against the researched list that it was made from, row by row.

`typologies/indicators.json` is that list as it was written, in words. The catalogue structures it;
nothing may be lost, added in weight or turned stronger on the way.
"""

import json
import re
from pathlib import Path

import pytest

from signals import typology_store
from signals.catalogue_file import Field, Row, read
from signals.door.rules import weight_of

SOURCE = json.loads((Path(__file__).parent / "typologies" / "indicators.json").read_text())
ROWS = {row.code: row for row in read(typology_store.SHIPPED / "dprk_itw").catalogue.indicators}
MARKS = {"●": "text", "○": "summary", "◇": "background"}
# What a conditional weight in words means for evidence: (evidence, weight) of both branches.
BRANCHES = {
    "6 (7 if >=3 countries)": [({"distinct_countries": 2}, 6), ({"distinct_countries": 3}, 7)],
    "5 (7 residential, population <=5)": [
        ({"ip_class": "residential", "population_30d": 6}, 5),
        ({"ip_class": "campus", "population_30d": 2}, 5),
        ({"ip_class": "residential", "population_30d": 5}, 7),
    ],
    "5 (7 if >=2 tools)": [({"tools": ["a"]}, 5), ({"tools": ["a", "b"]}, 7)],
    "6 (2 if public)": [
        ({"known_public_template": False}, 6), ({"known_public_template": True}, 2),
    ],
    "10 (direct), 6 (exposed)": [({"hops": 0}, 10), ({"hops": 2}, 6)],
    "4 (9 with second identifier)": [({"dob_match": False}, 4), ({"dob_match": True}, 9)],
    "6 (9 with same documents)": [({"same_docs": False}, 6), ({"same_docs": True}, 9)],
    "4 (6 if layered)": [({"hops": 0}, 4), ({"hops": 4}, 6)],
    "5 (7 if no relation declared)": [],
}  # fmt: skip


def split(text: str) -> list[str]:
    """Fields at the commas that stand in no bracket."""
    return [part.strip() for part in re.findall(r"(?:[^,{(]|\{[^}]*\}|\([^)]*\))+", text)]


def said(field: Field) -> str:
    """A structured field in the words of the source."""
    kind = field.type
    if field.enum:
        kind = f"enum({'|'.join(field.enum)})"
    elif field.fields:
        kind = "{" + ",".join(f"{inner.name}:{said(inner)}" for inner in field.fields) + "}"
    return kind + ("[]" if field.list else "") + ("?" if field.optional else "")


@pytest.mark.parametrize("row", SOURCE, ids=lambda row: row["code"])
def test_a_row_says_what_its_source_says(row):
    ours: Row = ROWS[row["code"]]
    assert ours.subject == row["subject"]
    assert ours.description.rstrip(".") == row["description"].rstrip(".")
    if row["rationale"]:  # where the source gives none, ours is written from its text
        assert ours.rationale.rstrip(".") == row["rationale"].rstrip(".")
    assert ours.link.text == row["link"]
    for part, source in zip(row["source"].split(";"), ours.sources, strict=True):
        tag = re.sub(r"\s+", " ", re.sub(r"[●○◇]|seed ", "", part)).strip()
        assert re.sub(r"\W", "", source.tag) in re.sub(r"\W", "", tag)
        marks = [MARKS[mark] for mark in re.findall(r"[●○◇]", part)] or ["unmarked"]
        assert source.read in marks


@pytest.mark.parametrize("row", SOURCE, ids=lambda row: row["code"])
def test_the_evidence_has_the_fields_and_types_of_the_source(row):
    ours = {field.name: field for field in ROWS[row["code"]].evidence}
    named = set()
    for part in split(row["evidence"]):
        name, _, kind = part.partition(":")
        named.add(name)
        if kind in ("enum", "{}", "{...}", ""):  # the source leaves the rest open
            assert name in ours
            continue
        assert said(ours[name]).replace(" ", "") == kind.replace(" ", ""), name
    assert all(ours[name].optional for name in ours.keys() - named)


@pytest.mark.parametrize("row", SOURCE, ids=lambda row: row["code"])
def test_the_weight_is_that_of_the_source_in_every_branch(row):
    ours = ROWS[row["code"]]
    assert ours.weight == float(re.match(r"\d+", row["weight"]).group())
    if "(" not in row["weight"]:
        for rule in ours.weight_rules:  # ours alone: what is known to be shared weighs less
            assert [when.field for when in rule.when] == ["known_infrastructure"]
            assert rule.weight < ours.weight
        return
    rules = json.loads(json.dumps([_plain(rule) for rule in ours.weight_rules]))
    assert {rule["weight"] for rule in rules} | {ours.weight} == {
        float(n) for n in re.findall(r"(?:^|\(|, )(\d+)", row["weight"])
    }
    for evidence, weight in BRANCHES[row["weight"]]:
        assert float(weight_of(ours.weight, rules, evidence)) == weight, evidence


@pytest.mark.parametrize("row", SOURCE, ids=lambda row: row["code"])
def test_no_link_is_stronger_than_its_source_allows(row):
    order = ["none", "weak", "medium", "strong"]
    link = ROWS[row["code"]].link
    named = {word.lower() for word in re.findall(r"STRONG|MEDIUM|WEAK|none", row["link"])}
    strongest = max(named, key=order.index)
    used = {link.default, *(rule.strength for rule in link.rules)}
    assert order.index(max(used, key=order.index)) <= order.index(strongest)
    if " if " not in row["link"] and "(" not in row["link"] and len(named) == 1:
        assert link.default in (strongest, *(["strong"] if " within " in row["link"] else []))


def test_no_row_is_missing_and_none_was_added():
    assert [row["code"] for row in SOURCE] == list(ROWS)


def _plain(rule):
    return {
        "when": [{"field": w.field, "op": w.op, "value": w.value} for w in rule.when],
        "weight": rule.weight,
    }
