from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases import demo_people


class Command(BaseCommand):
    help = (
        "Make one login and one token per role for the demo, and write them to a file. Safe to "
        "repeat: what works is kept. Example: manage.py demo_people --file .demo/credentials.json"
    )

    def add_arguments(self, parser):
        parser.add_argument("--file", type=Path, required=True)

    def handle(self, *, file, **options):
        if not settings.DEMO:
            raise CommandError("people with known passwords are for the demo only (DEMO=true)")
        found = demo_people.read(file)
        found["users"] = demo_people.ensure(found.get("users") or {})
        demo_people.write(file, found)
        self.stdout.write(f"{len(found['users'])} people can sign in; see {file}")
