"""OFAC's "advanced" XML.

The file tells a party in four places: places and documents before the parties, programmes and
relations after them. One pass keeps what is small and gives the parties at the end of it.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

from cases.screening import countries
from cases.screening.entries import (
    AIRCRAFT,
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
from cases.screening.formats.stream import Unreadable, elements, text

_KINDS = {"Individual": PERSON, "Entity": ENTITY, "Other Entity": ENTITY}
_WANTED = frozenset(
    {
        "DateOfIssue", "ReferenceValueSets", "Location", "IDRegDocument", "DistinctParty",
        "ProfileRelationship", "SanctionsEntry",
    }
)  # fmt: skip
_WALLET = "Digital Currency Address - "


class _Reference:
    """The file's own code tables: ids mean nothing outside it."""

    def __init__(self, sets: Element) -> None:
        self.tables = {
            table.tag.removesuffix("Values"): {
                row.get("ID", ""): " ".join((row.text or "").split()) for row in table
            }
            for table in sets
        }
        self.iso = {
            row.get("ID", ""): row.get("ISO2") or text(row)
            for row in sets.find("CountryValues") or ()
        }
        self.iso.update((row.get("ID", ""), text(row)) for row in sets.find("AreaCodeValues") or ())
        self.party_of = {
            row.get("ID", ""): row.get("PartyTypeID", "")
            for row in sets.find("PartySubTypeValues") or ()
        }

    def name(self, table: str, ident: str | None) -> str:
        return self.tables.get(table, {}).get(ident or "", "")

    def kind(self, subtype: str | None) -> str:
        what = self.name("PartyType", self.party_of.get(subtype or ""))
        if what == "Transport":
            return AIRCRAFT if self.name("PartySubType", subtype) == "Aircraft" else VESSEL
        return _KINDS.get(what, ENTITY)


def read(path: Path, about: dict) -> Iterator[Entry]:
    reference: _Reference | None = None
    places: dict[str, str] = {}
    documents: dict[str, list[Identifier]] = defaultdict(list)
    parties: dict[str, Entry] = {}
    for tag, element in elements(path, _WANTED):
        if tag == "DateOfIssue":
            about["published"] = _day(element)
        elif tag == "ReferenceValueSets":
            reference = _Reference(element)
        elif tag not in _WANTED:
            continue
        elif reference is None:
            raise Unreadable("this is not OFAC's advanced XML: its code tables are missing")
        elif tag == "Location":
            if country := _country(element, reference):
                places[element.get("ID", "")] = country
        elif tag == "IDRegDocument":
            documents[element.get("IdentityID", "")].append(_document(element, reference))
        elif tag == "DistinctParty":
            entry = _party(element, reference, places, documents)
            parties[entry.uid] = entry
        elif tag == "ProfileRelationship":
            _relate(element, reference, parties)
        elif tag == "SanctionsEntry":
            _programmes(element, reference, parties)
    if reference is None or not parties:
        raise Unreadable("this is not OFAC's advanced XML: it names no parties")
    while parties:
        _, entry = parties.popitem()
        yield entry.tidy()


def _day(element: Element | None) -> date | None:
    if element is None:
        return None
    try:
        year, month, day = (int(text(element, part)) for part in ("Year", "Month", "Day"))
        return date(year, month, day)
    except ValueError:
        return None


def _country(location: Element, reference: _Reference) -> str:
    for tag, attribute in (("LocationCountry", "CountryID"), ("LocationAreaCode", "AreaCodeID")):
        found = location.find(tag)
        if found is not None:
            return reference.iso.get(found.get(attribute, ""), "")
    # Some nationalities are only written out, as the part of a place.
    return countries.code(text(location, "LocationPart/LocationPartValue/Value"))


def _document(element: Element, reference: _Reference) -> Identifier:
    country = reference.iso.get(element.get("IssuedBy-CountryID", ""), "")
    what = reference.name("IDRegDocType", element.get("IDRegDocTypeID"))
    return Identifier("document", text(element, "IDRegistrationNo"), what, country)


def _party(
    party: Element,
    reference: _Reference,
    places: dict[str, str],
    documents: dict[str, list[Identifier]],
) -> Entry:
    profile = party.find("Profile")
    if profile is None:
        raise Unreadable(f"party {party.get('FixedRef')} has no profile")
    entry = Entry(party.get("FixedRef", ""), reference.kind(profile.get("PartySubTypeID")))
    for identity in profile.iter("Identity"):
        entry.names += _names(identity, reference)
        entry.identifiers += documents.pop(identity.get("ID", ""), [])
    for feature in profile.iter("Feature"):
        _feature(entry, feature, reference, places)
    return entry


def _names(identity: Element, reference: _Reference) -> Iterator[Name]:
    kinds = {
        group.get("ID", ""): reference.name("NamePartType", group.get("NamePartTypeID"))
        for group in identity.iter("NamePartGroup")
    }
    for alias in identity.iter("Alias"):
        weak, main = alias.get("LowQuality") == "true", alias.get("Primary") == "true"
        strength = WEAK if weak else PRIMARY if main else STRONG
        for documented in alias.iter("DocumentedName"):
            parts: dict[str, str] = {}
            script = ""
            for value in documented.iter("NamePartValue"):
                kind = kinds.get(value.get("NamePartGroupID", ""), "")
                parts[kind] = f"{parts[kind]} {text(value)}" if kind in parts else text(value)
                script = reference.name("Script", value.get("ScriptID"))
            full = " ".join(parts.values())
            native = "" if script == "Latin" else script
            yield Name(full, strength, native, parts if len(parts) > 1 else {})


def _feature(entry: Entry, feature: Element, reference: _Reference, places: dict[str, str]) -> None:
    kind = reference.name("FeatureType", feature.get("FeatureTypeID"))
    for version in feature.iter("FeatureVersion"):
        detail = text(version, "VersionDetail")
        location = version.find("VersionLocation")
        place = places.get(location.get("LocationID", ""), "") if location is not None else ""
        if kind == "Birthdate":
            entry.births += [_birth(period) for period in version.iter("DatePeriod")]
        elif kind in ("Nationality Country", "Citizenship Country"):
            entry.nationalities.append(place or countries.code(detail))
        elif kind.startswith(_WALLET):
            entry.identifiers.append(Identifier("wallet", detail, kind.removeprefix(_WALLET)))
        elif kind == "Email Address":
            entry.identifiers.append(Identifier("email", detail))
        elif kind == "Website":
            entry.identifiers.append(Identifier("website", detail))
        elif kind == "Place of Birth" and (detail or place):
            entry.details["place of birth"] = detail or place
        elif kind == "Location":
            entry.countries.append(place)


def _birth(period: Element) -> Birth:
    start, end = period.find("Start"), period.find("End")
    since = _day(start.find("From")) if start is not None else None
    until = _day(end.find("To")) if end is not None else None
    since, until = since or until, until or since
    if since is None or until is None:
        return Birth("", "", "unknown")
    days = (until - since).days
    precision = "day" if days == 0 else "month" if days < 31 else "year" if days < 366 else "range"
    circa = start is not None and start.get("Approximate") == "true"
    return Birth(since.isoformat(), until.isoformat(), precision, circa)


def _relate(element: Element, reference: _Reference, parties: dict[str, Entry]) -> None:
    entry = parties.get(element.get("From-ProfileID", ""))
    other = parties.get(element.get("To-ProfileID", ""))
    if entry is not None and other is not None:
        kind = reference.name("RelationType", element.get("RelationTypeID"))
        entry.relations.append({"kind": kind, "uid": other.uid, "name": other.primary_name})


def _programmes(element: Element, reference: _Reference, parties: dict[str, Entry]) -> None:
    entry = parties.get(element.get("ProfileID", ""))
    if entry is None:
        return
    listed = _day(element.find("EntryEvent/Date"))
    if listed:
        entry.details["listed on"] = listed.isoformat()
    for measure in element.iter("SanctionsMeasure"):
        if reference.name("SanctionsType", measure.get("SanctionsTypeID")) == "Program":
            entry.programmes.append(text(measure, "Comment"))
