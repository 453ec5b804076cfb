"""Where the account's addresses are and whose they are, by files that the operator set.

Hosting counts by itself: commercial VPN exits often stand in the data-centre lists and not in
the VPN ones.
"""

import threading
from collections import Counter
from ipaddress import ip_address
from itertools import chain
from pathlib import Path

import maxminddb
from django.conf import settings

from cases.enrichment.outcome import Found, Outcome
from cases.enrichment.ranges import Ranges, as_numbers, as_ranges, country_ranges, text_ranges
from cases.enrichment.subject import Subject, digest

FILES = ("country", "asn", "hosting", "hosting_asn", "vpn", "vpn_asn", "tor", "sanctioned")


def paths() -> dict[str, list[Path]]:
    """The files of each kind that the operator named and that exist."""
    named = settings.NETWORK_FILES
    return {
        kind: [path for path in map(Path, named.get(kind, ())) if path.is_file()] for kind in FILES
    }


def _stamp(found: dict[str, list[Path]]) -> tuple:
    return tuple(
        (kind, str(path), path.stat().st_mtime_ns, path.stat().st_size)
        for kind, files in sorted(found.items())
        for path in files
    )


class Database:
    """All files together, read once."""

    def __init__(self, found: dict[str, list[Path]]) -> None:
        packed = [path for path in found["country"] if path.suffix == ".mmdb"]
        plain = [path for path in found["country"] if path.suffix != ".mmdb"]
        self.countries = [maxminddb.open_database(path) for path in packed]
        self.country_ranges = Ranges(chain.from_iterable(map(country_ranges, plain)))
        self.networks = Ranges(chain.from_iterable(map(as_ranges, found["asn"])))
        self.kinds = {
            kind: Ranges(chain.from_iterable(text_ranges(p, p.name) for p in found[kind]))
            for kind in ("hosting", "vpn", "tor", "sanctioned")
        }
        self.kind_numbers = {
            kind: frozenset().union(*map(as_numbers, found[f"{kind}_asn"]))
            for kind in ("hosting", "vpn")
        }

    def look_up(self, address: str) -> dict:
        """{country, asn, organisation, kinds: {kind: source}} of one address."""
        network = self.networks.find(address)
        number, _, organisation = (network or "").partition(" ")
        asn = int(number[2:]) if number else None
        kinds = {kind: src for kind, ranges in self.kinds.items() if (src := ranges.find(address))}
        for kind, numbers in self.kind_numbers.items():
            if asn in numbers:
                kinds.setdefault(kind, f"AS{asn}")
        return {
            "country": self._country(address), "asn": asn, "organisation": organisation,
            "kinds": kinds,
        }  # fmt: skip

    def _country(self, address: str) -> str:
        if written := self.country_ranges.find(address):
            return written
        for reader in self.countries:
            record = reader.get(address)
            if isinstance(record, dict):
                country = record.get("country")
                if isinstance(country, dict):
                    country = country.get("iso_code")
                if code := country or record.get("country_code"):
                    return str(code)
        return ""


_lock = threading.Lock()
_held: tuple[tuple, Database] | None = None


def database() -> Database:
    """The files as they are now; read again when one of them changed."""
    global _held
    found = paths()
    stamp = _stamp(found)
    with _lock:
        if _held is None or _held[0] != stamp:
            _held = (stamp, Database(found))
        return _held[1]


class Network:
    name = "network"
    title = "Network"
    version = "1"
    seconds = 30.0

    def wants(self, subject: Subject) -> bool:
        return bool(subject.used("ip"))

    def inputs(self, subject: Subject) -> str:
        # Asked for each account of a batch: looking at a handful of files is cheap.
        return digest(_stamp(paths()), sorted(t.value for t in subject.used("ip")))

    def look_at(self, subject: Subject) -> Outcome:
        if not any(paths().values()):
            return Outcome("No network files are set: addresses could not be looked up.")
        known = database()
        facts, findings = [], []
        countries: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        used = subject.used("ip")
        for trait in used:
            try:
                address = str(ip_address(trait.value))
            except ValueError:
                continue
            found = known.look_up(address)
            countries[found["country"] or "unknown"] += 1
            kinds.update(found["kinds"].keys())
            facts.append(_fact(address, found, trait.sharers))
            # A declared campus, kiosk or carrier stays what it was declared as.
            if not trait.infrastructure or "sanctioned" in found["kinds"]:
                findings += _findings(address, found)
        facts.sort(key=lambda fact: (-len(fact["kinds"]), fact["label"]))
        places = ", ".join(f"{country} {n}" for country, n in countries.most_common(6))
        marks = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        return Outcome(
            f"{len(used)} addresses: {places or 'none readable'}{'; ' + marks if marks else ''}"[
                :500
            ],
            facts=facts[:60],
            findings=findings[:60],
        )


def _fact(address: str, found: dict, sharers: int) -> dict:
    words = [found["country"] or "country unknown"]
    if found["asn"]:
        words.append(f"AS{found['asn']} {found['organisation']}".strip())
    words += [f"{kind} ({source})" for kind, source in found["kinds"].items()]
    if sharers > 1:
        words.append(f"used by {sharers} accounts")
    return {"label": address, "value": ", ".join(words), "kinds": sorted(found["kinds"])}


def _findings(address: str, found: dict) -> list[Found]:
    kinds, made = found["kinds"], []
    if source := kinds.get("sanctioned"):
        evidence = {"ip": address, "range": source, "geo_source": source, "geo_confidence": 0.95}
        made.append(Found("login.sanctioned_geo", 0.95, digest("geo", address), evidence))
    elif found["country"] == "KP":
        evidence = {
            "ip": address, "range": "", "geo_source": "country file", "geo_confidence": 0.8
        }  # fmt: skip
        made.append(Found("login.sanctioned_geo", 0.8, digest("geo", address), evidence))
    if "hosting" in kinds:
        evidence = {"ip": address, "asn": found["asn"], "hosting_org": found["organisation"]}
        made.append(Found("login.hosting_vps_ip", 0.8, digest("hosting", address), evidence))
    if source := kinds.get("vpn") or kinds.get("tor"):
        evidence = {"ip": address, "asn": found["asn"], "provider": source}
        made.append(Found("login.vpn_exit", 0.8, digest("vpn", address), evidence))
    return made
