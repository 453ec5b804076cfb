"""Load the invented lists of the demo."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases.enrichment.list_changes import screen, screen_new
from cases.models import ListVersion
from cases.screening import lists
from cases.screening.formats import Unreadable

# (format, path under demo/lists, code): codes of their own, so that real lists stay apart.
DEMO = [
    ("ofac_advanced", "ofac_advanced.xml", "demo_ofac"),
    ("un", "un.xml", "demo_un"),
    ("uk", "uk", "demo_uk"),
    ("wallets", "wallets", "demo_wallets"),
]


class Command(BaseCommand):
    help = "Load the invented lists in demo/lists and compare the accounts with them. Repeatable."

    def add_arguments(self, parser):
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "demo" / "lists")
        parser.add_argument("--no-screening", action="store_true", help="leave it to the workers")
        parser.add_argument("--dry-run", action="store_true", help="read, change nothing")

    def handle(self, *, folder, no_screening, dry_run, **options):
        if not settings.DEMO:
            raise CommandError("invented listed people are for the demo only (DEMO=true)")
        for format_name, name, code in DEMO:
            try:
                result = lists.load(
                    format_name, folder / name, actor=None, code=code,
                    title=f"Invented demo list ({format_name})", dry_run=dry_run,
                )  # fmt: skip
            except (Unreadable, lists.Refused, OSError) as problem:
                raise CommandError(f"{code}: {problem}") from problem
            said = "new" if result.new else "in force already"
            self.stdout.write(f"{code}: {result.entries} entries, {said}")
        if no_screening or dry_run:
            return
        for version in ListVersion.objects.filter(screened_at=None).exclude(status="refused"):
            done = screen(version)
            self.stdout.write(
                f"{version.list.code}: {done.accounts} accounts compared, {done.met} to look at"
            )
        done = screen_new()
        self.stdout.write(f"{done.accounts} new accounts compared, {done.met} to look at")
