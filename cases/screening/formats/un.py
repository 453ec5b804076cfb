"""The UN Security Council's consolidated XML."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

from cases.screening import countries
from cases.screening.entries import (
    ENTITY,
    PERSON,
    PRIMARY,
    STRONG,
    WEAK,
    Birth,
    Entry,
    Identifier,
    Name,
)
from cases.screening.formats.stream import Unreadable, elements, text

# Several aliases stand in one cell, split by ";" or by "b)".
_CELL = re.compile(r"\s*;\s*|\s+[a-z]\)\s+|^[a-z]\)\s+")
_KINDS = {"INDIVIDUAL": PERSON, "ENTITY": ENTITY}


def read(path: Path, about: dict) -> Iterator[Entry]:
    found = False
    for tag, element in elements(path, frozenset(_KINDS)):
        if tag in _KINDS:
            found = True
            yield _entry(element, _KINDS[tag]).tidy()
        elif tag == "CONSOLIDATED_LIST":
            about["published"] = _date(element.get("dateGenerated", ""))
    if not found:
        raise Unreadable("this is not the UN's consolidated XML: it names nobody")


def _date(value: str) -> date | None:
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _entry(element: Element, kind: str) -> Entry:
    uid = text(element, "REFERENCE_NUMBER") or text(element, "DATAID")
    entry = Entry(uid, kind)
    parts = [text(element, f"{n}_NAME") for n in ("FIRST", "SECOND", "THIRD", "FOURTH")]
    entry.names.append(Name(" ".join(filter(None, parts)), PRIMARY))
    if original := text(element, "NAME_ORIGINAL_SCRIPT"):
        entry.names.append(Name(original, PRIMARY, "native"))
    prefix = "INDIVIDUAL" if kind == PERSON else "ENTITY"
    for alias in element.iter(f"{prefix}_ALIAS"):
        strength = WEAK if text(alias, "QUALITY") == "Low" else STRONG
        for cell in alias.iter("ALIAS_NAME"):
            entry.names += [Name(part, strength) for part in _CELL.split(text(cell)) if part]
    for nationality in element.iter("NATIONALITY"):
        entry.nationalities += [countries.code(text(v)) for v in nationality.iter("VALUE")]
    for address in element.iter(f"{prefix}_ADDRESS"):
        entry.countries.append(countries.code(text(address, "COUNTRY")))
    for birth in element.iter("INDIVIDUAL_DATE_OF_BIRTH"):
        if found := _birth(birth):
            entry.births.append(found)
    for document in element.iter("INDIVIDUAL_DOCUMENT"):
        what = text(document, "TYPE_OF_DOCUMENT2") or text(document, "TYPE_OF_DOCUMENT")
        issuer = text(document, "ISSUING_COUNTRY") or text(document, "COUNTRY_OF_ISSUE")
        number = text(document, "NUMBER")
        entry.identifiers.append(Identifier("document", number, what, countries.code(issuer)))
    entry.programmes.append(text(element, "UN_LIST_TYPE"))
    entry.details["listed on"] = text(element, "LISTED_ON")
    updated = [text(v) for v in element.iterfind("LAST_DAY_UPDATED/VALUE")]
    entry.details["updated"] = max([entry.details["listed on"], *updated])
    return entry


def _birth(element: Element) -> Birth | None:
    circa = text(element, "TYPE_OF_DATE") == "APPROXIMATELY"
    if day := _date(text(element, "DATE")):
        return Birth(day.isoformat(), day.isoformat(), "day", circa)
    with suppress(ValueError):
        since = int(text(element, "FROM_YEAR") or text(element, "YEAR"))
        until = int(text(element, "TO_YEAR") or since)
        precision = "year" if since == until else "range"
        return Birth(f"{since:04}-01-01", f"{until:04}-12-31", precision, circa)
    return None
