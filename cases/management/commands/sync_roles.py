from django.core.management.base import BaseCommand
from django.db import transaction

from cases import permissions


class Command(BaseCommand):
    help = "Bring the role groups in line with cases/permissions.py. Safe to run at any time."

    def add_arguments(self, parser):
        parser.add_argument("--dry-run", action="store_true", help="say what would change")

    def handle(self, *, dry_run, **options):
        with transaction.atomic():
            changed = permissions.sync_roles()
            transaction.set_rollback(dry_run)
        verb = "would change" if dry_run else "changed"
        self.stdout.write(
            f"{len(changed)} roles {verb}{': ' if changed else ''}{', '.join(changed)}"
        )
