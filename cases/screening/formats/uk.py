"""The UK Sanctions List as flat tables.

Given the file of subjects (`subjects.csv`, packed or not), or the folder that holds it; names,
births, countries and identifiers lie beside it and are in the order of their subjects' ids.
"""

import calendar
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cases.screening import countries
from cases.screening.entries import (
    ENTITY,
    PERSON,
    PRIMARY,
    STRONG,
    VESSEL,
    WEAK,
    Birth,
    Entry,
    Identifier,
    Name,
)
from cases.screening.formats.stream import Unreadable, rows

_KINDS = {"individual": PERSON, "entity": ENTITY, "ship": VESSEL}


def read(path: Path, about: dict) -> Iterator[Entry]:
    folder = path if path.is_dir() else path.parent
    subjects = {row["unique_id"]: _subject(row) for row in rows(_table(folder, "subjects"))}
    if not subjects:
        raise Unreadable("no subjects in the UK list")
    newest = max((s.details["updated"] for s in subjects.values()), default="")
    with suppress(ValueError):
        about["published"] = datetime.fromisoformat(newest).date()
    for row in rows(_table(folder, "subject_names")):
        if entry := subjects.get(row["unique_id"]):
            entry.names.append(_name(row))
    for row in rows(_table(folder, "subject_dobs")):
        entry, birth = subjects.get(row["unique_id"]), _birth(row)
        if entry and birth:
            entry.births.append(birth)
    for uid, nationalities, places in _countries(folder):
        if entry := subjects.get(uid):
            entry.nationalities, entry.countries = sorted(nationalities), sorted(places)
    for row in rows(_table(folder, "subject_identifiers")):
        if entry := subjects.get(row["unique_id"]):
            what = row["identifier_type"] or "document"
            entry.identifiers.append(Identifier("document", row["raw_value"], what[:60]))
    while subjects:
        _, entry = subjects.popitem()
        yield entry.tidy()


def _table(folder: Path, name: str) -> Path:
    for suffix in (".csv", ".csv.gz", ".csv.bz2"):
        if (path := folder / f"{name}{suffix}").exists():
            return path
    raise Unreadable(f"{name}.csv is missing beside the UK list's subjects")


def _subject(row: dict[str, str]) -> Entry:
    try:
        kind = _KINDS.get(row["subject_type"], ENTITY)
        entry = Entry(row["unique_id"], kind, programmes=[row["unique_id"].rstrip("0123456789")])
        entry.details = {
            "listed on": _iso(row["date_designated"]),
            "updated": _iso(row["last_updated"]),
        }
        if row["un_reference_number"]:
            entry.details["un reference"] = row["un_reference_number"]
    except KeyError as missing:
        raise Unreadable(f"the UK list's subjects have no column {missing}") from missing
    return entry


def _iso(day: str) -> str:
    try:
        return datetime.strptime(day, "%d/%m/%Y").date().isoformat()
    except ValueError:
        return ""


def _name(row: dict[str, str]) -> Name:
    if row["alias_strength"] == "low_quality_aka":
        strength = WEAK
    else:
        strength = PRIMARY if row["name_type"] == "primary" else STRONG
    given = " ".join(filter(None, (row[f"name_{n}"] for n in range(1, 6))))
    parts = {"Last Name": row["name_6"], "First Name": given} if given and row["name_6"] else {}
    return Name(" ".join(row["full_name"].split()), strength, "", parts)


def _birth(row: dict[str, str]) -> Birth | None:
    if not row["year"].isdigit():
        return None
    year = int(row["year"])
    if row["precision"] == "exact":
        day = f"{year:04}-{row['month']:0>2}-{row['day']:0>2}"
        return Birth(day, day, "day")
    if row["precision"] == "month_year" and row["month"].isdigit():
        month = int(row["month"])
        last = calendar.monthrange(year, month)[1]
        return Birth(f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{last}", "month")
    return Birth(f"{year:04}-01-01", f"{year:04}-12-31", "year")


def _countries(folder: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    """Nationalities and addresses per subject; the table repeats them, sets do not."""
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for row in rows(_table(folder, "subject_countries")):
        value = row["iso"] or countries.code(row["raw_value"])
        if row["country_type"] == "nationality":
            found[row["unique_id"]][0].add(value)
        elif row["country_type"] == "address":
            found[row["unique_id"]][1].add(value)
    for uid, (nationalities, places) in found.items():
        yield uid, nationalities, places
