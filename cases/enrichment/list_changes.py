"""A new list version against our accounts: only what changed is compared, with every account."""

from dataclasses import dataclass

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from cases.enrichment import subject
from cases.enrichment.jobs import request_many
from cases.enrichment.sanctions import questions
from cases.models import Account, ListEntry, ListIdentifier, ListVersion, Trait
from cases.screening import bands, engine

log = structlog.get_logger("cases.screening")

BATCH = 1_000


@dataclass(slots=True)
class Screened:
    accounts: int = 0
    met: int = 0


def screen(version: ListVersion) -> Screened:
    """Find the accounts that meet what `version` added or changed, and have them looked at.

    Accounts that met something get their sanctions jobs for the new lists, which find and store
    the hits; the others are known not to be concerned. Safe to run again.
    """
    changed = ListEntry.objects.filter(first=version, ended=None)
    done = Screened()
    if changed.exists():
        lists = engine.over(changed, weights=engine.current().index.weights)
        numbers = bands.in_force()
        holders = _holders_of_changed(changed)
        last = 0
        while True:
            ids = list(
                Account.objects.filter(pk__gt=last)
                .order_by("pk")
                .values_list("pk", flat=True)[:BATCH]
            )
            if not ids:
                break
            last = ids[-1]
            subjects = subject.load(ids)
            met = [
                found.account
                for found in subjects.values()
                if found.account.pk in holders
                or any(lists.ask(question, numbers) for _, question in questions(found))
            ]
            done.accounts += len(ids)
            done.met += len(met)
            with transaction.atomic():
                reason = f"{version.list.code} version {version.number}"
                request_many(_with_open_case(met), reason=reason)
    ListVersion.objects.filter(pk=version.pk).update(screened_at=timezone.now())
    return done


def _holders_of_changed(changed) -> set[int]:
    """Accounts that use a wallet of a changed entry."""
    wallets = ListIdentifier.objects.filter(kind="wallet", entry__in=changed)
    values = {v for pair in wallets.values_list("value", "normal") for v in pair}
    found = set(
        Trait.objects.filter(kind="wallet", value__in=values).values_list(
            "sightings__account", flat=True
        )
    )
    return {pk for pk in found if pk is not None}


def _with_open_case(accounts: list[Account]) -> list:
    cases = {
        case.account_id: case
        for account in accounts
        for case in account.cases.exclude(state="closed")[:1]
    }
    return [cases.get(account.pk, account) for account in accounts]


@shared_task(
    name="screening.changes", queue="enrichment", acks_late=True, ignore_result=True,
    soft_time_limit=3600, time_limit=3660,
)  # fmt: skip
def screen_list_changes(version_id: int) -> None:
    """Compare a version's changes with the accounts. Running it twice is harmless."""
    version = ListVersion.objects.filter(pk=version_id, screened_at=None).first()
    if version is None or version.status == "refused":
        return
    done = screen(version)
    log.info("list_changes_screened", version=version_id, accounts=done.accounts, met=done.met)


@shared_task(name="screening.sweep", queue="enrichment", ignore_result=True)
def sweep_list_changes() -> None:
    """Find versions whose changes nobody has compared yet."""
    waiting = ListVersion.objects.filter(screened_at=None).exclude(status="refused")
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:10]:
        if not screen_list_changes.nudge(pk):
            return
