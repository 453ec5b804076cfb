"""Put typologies into the database: versioned, repeatable, never edited in place."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from cases.models import Indicator, Policy, Typology
from signals.catalogue_file import Folder, Row, read

SHIPPED = Path(__file__).parent / "typologies"
LOCK = 0x7479706F  # one loader at a time


@dataclass(frozen=True)
class Loaded:
    code: str
    typology_version: int
    typology_new: bool
    policy_version: int
    policy_new: bool


def folders(root: Path) -> list[Path]:
    """`root` itself when it is a typology, else the typologies in it."""
    if (root / "catalogue.json").exists():
        return [root]
    return sorted(path.parent for path in root.glob("*/catalogue.json"))


@transaction.atomic
def load(path: Path, *, dry_run: bool = False) -> Loaded:
    """Load one folder. Safe to run again: unchanged content changes nothing.

    A changed catalogue or playbook becomes a new version and replaces the active one. A policy
    that was loaded before is left alone, whichever version is active now: people may have
    changed it in the portal since.
    """
    folder = read(path)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    typology, typology_new = _store_catalogue(folder, dry_run=dry_run)
    policy, policy_new = _store_policy(folder, dry_run=dry_run)
    return Loaded(folder.catalogue.code, typology, typology_new, policy, policy_new)


def _store_catalogue(folder: Folder, *, dry_run: bool) -> tuple[int, bool]:
    code, digest = folder.catalogue.code, folder.catalogue_hash
    versions = Typology.objects.filter(code=code)
    active = versions.filter(active=True).first()
    if active is not None and active.content_hash == digest:
        return active.version, False
    version = (versions.aggregate(top=Max("version"))["top"] or 0) + 1
    if dry_run:
        return version, True
    versions.filter(active=True).update(active=False)
    typology = Typology.objects.create(
        code=code,
        version=version,
        title=folder.catalogue.title,
        content_hash=digest,
        sanctions=folder.catalogue.sanctions,
        texts={
            **folder.playbook,
            "sources": msgspec.to_builtins(folder.catalogue.sources),
            "refused_evidence": list(folder.catalogue.refused_evidence),
            "accommodation_fields": {
                row.code: row.accommodation_field
                for row in folder.catalogue.indicators
                if row.accommodation_field
            },
        },
        active=True,
    )
    Indicator.objects.bulk_create(_indicator(typology, row) for row in folder.catalogue.indicators)
    return version, True


def _indicator(typology: Typology, row: Row) -> Indicator:
    plain = msgspec.to_builtins(row)
    link = plain["link"]
    return Indicator(
        typology=typology,
        code=row.code,
        family=row.family,
        subject=row.subject,
        title=row.title,
        description=row.description,
        evidence=[_lean(item) for item in plain["evidence"]],
        weight=Decimal(str(row.weight)),
        weight_rules=plain["weight_rules"],
        context_only=row.context_only,
        link_strength=row.link.default,
        link_rules={"rules": link["rules"], "text": link["text"]},
        rationale=row.rationale,
        innocent=row.innocent,
        sources=plain["sources"],
        documents=list(row.documents),
    )


def _lean(item: dict) -> dict:
    """A field without what is not said of it."""
    lean = {key: value for key, value in item.items() if value}
    if "fields" in lean:
        lean["fields"] = [_lean(inner) for inner in lean["fields"]]
    return lean


def _store_policy(folder: Folder, *, dry_run: bool) -> tuple[int, bool]:
    code, digest = folder.catalogue.code, folder.policy_hash
    versions = Policy.objects.filter(typology_code=code)
    known = versions.filter(content_hash=digest).order_by("-version").first()
    if known is not None:
        return known.version, False
    version = (versions.aggregate(top=Max("version"))["top"] or 0) + 1
    if dry_run:
        return version, True
    versions.filter(active=True).update(active=False)
    Policy.objects.create(
        typology_code=code,
        version=version,
        data=folder.policy,
        content_hash=digest,
        reason="Loaded from the typology's folder",
        activated_at=timezone.now(),
        active=True,
    )
    return version, True
