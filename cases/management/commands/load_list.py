"""Put a published sanctions list in force."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from cases.screening import lists
from cases.screening.formats import FORMATS, Unreadable
from cases.tasks import screen_list_changes


class Command(BaseCommand):
    help = "Load a published sanctions list as a new version. Loading a file twice does nothing."

    def add_arguments(self, parser):
        parser.add_argument("path", type=Path, help="the file, or the folder of a flat list")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument("--code", default="", help="load as a list of its own under this code")
        parser.add_argument("--accept-loss", action="store_true", help="even if many are gone")
        parser.add_argument("--dry-run", action="store_true", help="count, change nothing")

    def handle(self, *, path, format, code, accept_loss, dry_run, **options):
        if not path.exists():
            raise CommandError(f"there is no {path}")
        try:
            result = lists.load(
                format, path, actor=None, code=code, accept_loss=accept_loss, dry_run=dry_run
            )
        except (Unreadable, lists.Refused) as problem:
            raise CommandError(f"not loaded: {problem}") from problem
        if not result.new:
            self.stdout.write(f"version {result.version.number} is in force already")
            return
        counts = (
            f"{result.entries} entries, {result.names} names: {result.added} added,"
            f" {result.changed} changed, {result.removed} removed, {result.same} as before"
        )
        if dry_run:
            self.stdout.write(f"would load {counts}")
            return
        self.stdout.write(f"version {result.version.number} is in force: {counts}")
        screen_list_changes.nudge(result.version.pk)
