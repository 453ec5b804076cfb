"""Lists against our accounts: what changed on a list with every account, every new account with
every list.

Here accounts are only sorted into "met something" and "did not". Who met something gets its
enrichment jobs, which find, store and explain the hits.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from cases.enrichment import subject
from cases.enrichment.jobs import request_many
from cases.enrichment.sanctions import questions
from cases.models import (
    Account,
    Case,
    ListEntry,
    ListVersion,
    PayoutMethod,
    ScreeningMark,
    Sighting,
)
from cases.screening import bands, engine
from cases.screening.entries import normal_identifier

log = structlog.get_logger("cases.screening")

BATCH = 1_000
# Rounds of one run over new accounts: the next sweep goes on, others want the worker too.
ROUNDS = 50


@dataclass(slots=True)
class Screened:
    accounts: int = 0
    met: int = 0

    def add(self, other: "Screened") -> None:
        self.accounts += other.accounts
        self.met += other.met


def screen(version: ListVersion) -> Screened:
    """Find the accounts that meet what `version` added or changed. Safe to run again.

    What it removed was marked when the list was loaded.
    """
    changed = ListEntry.objects.filter(first=version, ended=None)
    done = Screened()
    if changed.exists():
        lists = engine.over(changed, weights=engine.current().index.weights)
        reason = f"{version.list.code} version {version.number}"
        last = 0
        while ids := _accounts_after(last):
            last = ids[-1]
            done.add(_compare(ids, lists, reason))
    ListVersion.objects.filter(pk=version.pk).update(screened_at=timezone.now())
    return done


def screen_new() -> Screened:
    """Compare accounts and payout methods that came since last time with all lists in force.

    One run at a time; where it stopped is kept with what it asked for, so nothing is skipped.
    """
    done = Screened()
    if not ListVersion.objects.filter(current=True).exists():
        return done
    ScreeningMark.objects.get_or_create(name="new")
    for _ in range(ROUNDS):
        with transaction.atomic():
            mark = (
                ScreeningMark.objects.select_for_update(skip_locked=True).filter(name="new").first()
            )
            if mark is None:
                break  # another worker is at it
            fresh = _accounts_after(mark.account)
            payouts = list(
                PayoutMethod.objects.filter(pk__gt=mark.payout)
                .order_by("pk")
                .values_list("pk", "account_id")[:BATCH]
            )
            if not fresh and not payouts:
                break
            ids = {*fresh, *(account for _, account in payouts)}
            done.add(_compare(ids, engine.current(), "new account or payout method"))
            mark.account = fresh[-1] if fresh else mark.account
            mark.payout = payouts[-1][0] if payouts else mark.payout
            mark.save()
    return done


def _accounts_after(last: int) -> list[int]:
    rows = Account.objects.filter(pk__gt=last).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _compare(ids: Collection[int], lists: engine.Engine, reason: str) -> Screened:
    """Write jobs for those of `ids` who meet something in `lists`."""
    numbers = bands.in_force()
    wallets = _users_of_listed_wallets(ids, lists)
    met = {
        pk
        for pk, found in subject.load(ids).items()
        if pk in wallets or any(lists.ask(question, numbers) for _, question in questions(found))
    }
    request_many(_cases_or_accounts(met), reason=reason)
    return Screened(len(ids), len(met))


def _users_of_listed_wallets(ids: Collection[int], lists: engine.Engine) -> set[int]:
    used = Sighting.objects.filter(account__in=ids, trait__kind="wallet").values_list(
        "account_id", "trait__value"
    )
    by_normal = {(account, normal_identifier("wallet", value)) for account, value in used}
    return {account for account, normal in by_normal if lists.index.identified("wallet", normal)}


def _cases_or_accounts(met: Collection[int]) -> list[Case | Account]:
    """The open case of each account, so that the jobs show there; else the account."""
    cases = {c.account_id: c for c in Case.objects.open().filter(account__in=met)}
    accounts = Account.objects.in_bulk([pk for pk in met if pk not in cases])
    return [*cases.values(), *accounts.values()]


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
    """Find versions whose changes nobody has compared yet, and accounts that are new."""
    waiting = ListVersion.objects.filter(screened_at=None).exclude(status="refused")
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:10]:
        screen_list_changes.nudge(pk)
    done = screen_new()
    if done.accounts:
        log.info("new_accounts_screened", accounts=done.accounts, met=done.met)
