"""Loading a published list as a new version of it.

A version is stored whole or not at all. What did not change is not touched; what changed is a
new row beside the old one, so that every version that was ever in force can be told again.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cases import audit
from cases.models import ListEntry, ListVersion, SanctionsList, ScreeningHit, User
from cases.screening import confirmed
from cases.screening.entries import Entry, normal_identifier
from cases.screening.formats import FORMATS, Source, open_list

CHUNK = 1_000
_NAME, _VALUE, _NOTE = 500, 300, 100


class Refused(Exception):
    """The file is a list, but not one to put in force. The message says why."""


@dataclass(slots=True)
class Load:
    """What a load did. `version` is None on a trial run."""

    version: ListVersion | None
    new: bool
    entries: int = 0
    names: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0


class _Trial(Exception):
    """Ends the transaction of a trial run."""


def load(
    format_name: str,
    path: Path,
    *,
    actor: User | None,
    code: str = "",
    title: str = "",
    accept_loss: bool = False,
    dry_run: bool = False,
) -> Load:
    """Put the list in `path` in force as a new version, or say that it already is.

    Loading the same file twice changes nothing. A list that lost more than
    `SCREENING_MAX_LOSS` of its entries, or is older than the one in force, is refused and the
    refusal kept, unless `accept_loss`. `code` loads it as a list of its own (a demo, a private
    list) instead of the format's.
    """
    source = open_list(format_name, path)
    about = FORMATS[format_name]
    digest = _digest(path)
    result = Load(None, True)
    code = code or about.code
    try:
        with transaction.atomic():
            sanctions_list = _locked(code, title or about.title, about.authority)
            current = sanctions_list.versions.filter(current=True).first()
            if current and current.sha256 == digest:
                return Load(current, False, current.entries, current.names, same=current.entries)
            version = _begin(sanctions_list, path, digest, actor)
            _store(source, sanctions_list, version, result)
            version.published = source.published
            _check(current, version, result, accept_loss=accept_loss)
            _finish(current, version, result, actor)
            result.version = version
            if dry_run:
                raise _Trial
    except _Trial:
        result.version = None
    except Refused as refusal:
        if not dry_run:
            _keep_refusal(code, source, path, digest, result, str(refusal), actor)
        raise
    return result


def _digest(path: Path) -> str:
    """One hash over the file, or over all files of a folder with their names."""
    whole = hashlib.sha256()
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            whole.update(file.name.encode() + b"\0")
        with file.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                whole.update(chunk)
    return whole.hexdigest()


def _locked(code: str, title: str, authority: str) -> SanctionsList:
    defaults = {"title": title, "authority": authority}
    found, _ = SanctionsList.objects.get_or_create(code=code, defaults=defaults)
    # Two loads of one list at once: the second waits and then sees the first.
    return SanctionsList.objects.select_for_update().get(pk=found.pk)


def _begin(
    sanctions_list: SanctionsList, path: Path, digest: str, actor: User | None
) -> ListVersion:
    newest = sanctions_list.versions.order_by("-number").first()
    return ListVersion.objects.create(
        list=sanctions_list,
        number=newest.number + 1 if newest else 1,
        source=path.name[:300],
        sha256=digest,
        loaded_by=actor,
    )


def _store(
    source: Source, sanctions_list: SanctionsList, version: ListVersion, result: Load
) -> None:
    in_force = {
        uid: (pk, digest)
        for uid, pk, digest in ListEntry.objects.filter(list=sanctions_list, ended=None)
        .values_list("uid", "pk", "content_hash")
        .iterator()
    }
    seen: set[str] = set()
    chunk: list[tuple[Entry, str]] = []
    replaced: list[int] = []
    for entry in source.entries:
        if entry.uid in seen:
            raise Refused(f"entry {entry.uid} stands in the file twice")
        seen.add(entry.uid)
        result.entries += 1
        result.names += len(entry.names)
        digest = entry.content_hash()
        known = in_force.get(entry.uid)
        if known is None:
            result.added += 1
        elif known[1] == digest:
            result.same += 1
            continue
        else:
            result.changed += 1
            replaced.append(known[0])
        chunk.append((entry, digest))
        if len(chunk) == CHUNK:
            _write(chunk, replaced, sanctions_list, version)
            chunk, replaced = [], []
    _write(chunk, replaced, sanctions_list, version)
    gone = [pk for uid, (pk, _) in in_force.items() if uid not in seen]
    ListEntry.objects.filter(pk__in=gone).update(ended=version)
    result.removed = len(gone)


def _write(
    chunk: list[tuple[Entry, str]],
    replaced: list[int],
    sanctions_list: SanctionsList,
    version: ListVersion,
) -> None:
    """Write new entries with their names and identifiers: three COPYs a chunk."""
    if replaced:
        ListEntry.objects.filter(pk__in=replaced).update(ended=version)
    if not chunk:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('cases_listentry', 'id'))"
            " FROM generate_series(1, %s)",
            [len(chunk)],
        )
        ids = [row[0] for row in cursor.fetchall()]
        numbered = list(zip(ids, chunk, strict=True))
        _copy(
            cursor,
            "COPY cases_listentry (id, list_id, uid, content_hash, kind, primary_name, programmes,"
            " births, nationalities, details, first_id) FROM STDIN",
            (
                (
                    pk, sanctions_list.pk, entry.uid[:80], digest, entry.kind,
                    entry.primary_name[:_NAME], json.dumps(entry.programmes),
                    json.dumps([asdict(birth) for birth in entry.births]),
                    json.dumps(entry.nationalities),
                    json.dumps({**entry.details, "countries": entry.countries,
                                "relations": entry.relations}),
                    version.pk,
                )
                for pk, (entry, digest) in numbered
            ),
        )  # fmt: skip
        _copy(
            cursor,
            "COPY cases_listname (entry_id, name, strength, script, parts) FROM STDIN",
            (
                (pk, name.full[:_NAME], name.strength, name.script, json.dumps(name.parts))
                for pk, (entry, _) in numbered
                for name in entry.names
            ),
        )
        _copy(
            cursor,
            "COPY cases_listidentifier (entry_id, kind, value, normal, note) FROM STDIN",
            (
                (
                    pk, item.kind, item.value[:_VALUE],
                    normal_identifier(item.kind, item.value)[:_VALUE],
                    " ".join(filter(None, (item.note, item.country)))[:_NOTE],
                )
                for pk, (entry, _) in numbered
                for item in entry.identifiers
            ),
        )  # fmt: skip


def _copy(cursor, statement: str, rows: Iterable[tuple]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([v.replace("\0", "") if isinstance(v, str) else v for v in row])


def _check(
    current: ListVersion | None, version: ListVersion, result: Load, *, accept_loss: bool
) -> None:
    if not result.entries:
        raise Refused("the file names nobody")
    if current is None or accept_loss:
        return
    if version.published and current.published and version.published < current.published:
        raise Refused(f"published {version.published}, the one in force {current.published}")
    if result.removed > max(3, current.entries * settings.SCREENING_MAX_LOSS):
        raise Refused(
            f"{result.removed} of {current.entries} entries would be gone;"
            f" at most {settings.SCREENING_MAX_LOSS:.0%} may without being confirmed"
        )


def _finish(
    current: ListVersion | None, version: ListVersion, result: Load, actor: User | None
) -> None:
    if current:
        current.current, current.status = False, "superseded"
        current.save(update_fields=["current", "status"])
    for name in ("entries", "names", "added", "changed", "removed"):
        setattr(version, name, getattr(result, name))
    version.current, version.status = True, "current"
    version.save()
    with connection.cursor() as cursor:
        # So many new rows at once: the planner must not go by what the tables were before.
        cursor.execute("ANALYZE cases_listentry, cases_listname, cases_listidentifier")
    delisted = _mark_delisted(version)
    audit.record(
        "list.loaded", actor=actor, obj=version, list=version.list.code, number=version.number,
        sha256=version.sha256, added=result.added, changed=result.changed,
        removed=result.removed, hits_delisted=delisted,
    )  # fmt: skip


def _mark_delisted(version: ListVersion) -> int:
    """Hits on entries that are no longer listed at all say so; they stay for a person.

    What was judged to be the same party counts no longer: its finding is withdrawn.
    """
    gone = (
        ListEntry.objects.filter(ended=version)
        .exclude(uid__in=ListEntry.objects.filter(list=version.list, ended=None).values("uid"))
        .values("uid")
    )
    hits = ScreeningHit.objects.filter(entry__list=version.list, entry__uid__in=gone)
    same = list(
        hits.filter(state=ScreeningHit.State.SAME)
        .select_related("account", "entry__list")
        .order_by("pk")
    )
    marked = hits.filter(state__in=["open", "review", "same"]).update(
        state=ScreeningHit.State.DELISTED, delisted_at=timezone.now()
    )
    reason = f"Delisted by {version.list.code} version {version.number}"
    confirmed.take_back(same, actor=None, reason=reason)
    return marked


@transaction.atomic
def _keep_refusal(
    code: str, source: Source, path: Path, digest: str, result: Load, why: str, actor: User | None
) -> None:
    sanctions_list = _locked(code, source.format.title, source.format.authority)
    version = _begin(sanctions_list, path, digest, actor)
    version.status, version.note, version.published = "refused", why[:300], source.published
    version.entries, version.removed = result.entries, result.removed
    version.save()
    audit.record(
        "list.refused", actor=actor, obj=version, list=code, number=version.number, why=why
    )
