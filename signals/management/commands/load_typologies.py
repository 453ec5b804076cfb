from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from signals import typology_store
from signals.catalogue_file import BadTypology


class Command(BaseCommand):
    help = (
        "Load typologies (catalogue, policy, playbook) from a folder, by default those that come "
        "with the portal. Safe to run at any time: unchanged content changes nothing, changed "
        "content becomes a new version."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", type=Path, default=typology_store.SHIPPED)
        parser.add_argument(
            "--dry-run", action="store_true", help="check and count, change nothing"
        )

    def handle(self, *, folder: Path, dry_run: bool, **options) -> None:
        found = typology_store.folders(folder)
        if not found:
            raise CommandError(f"no catalogue.json in {folder} or in a folder of it")
        for path in found:
            try:
                loaded = typology_store.load(path, dry_run=dry_run)
            except BadTypology as exc:
                raise CommandError(str(exc)) from exc
            catalogue = "new" if loaded.typology_new else "unchanged"
            policy = "new" if loaded.policy_new else "unchanged"
            self.stdout.write(
                f"{loaded.code}: catalogue v{loaded.typology_version} ({catalogue}), "
                f"policy v{loaded.policy_version} ({policy})"
            )
