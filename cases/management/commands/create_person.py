from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cases import people, permissions


class Command(BaseCommand):
    help = (
        "Make a person with roles and print the path at which they set a password. For the first "
        "administrator; after that use the page. "
        "Example: manage.py create_person ada --email ada@example.org --role administrator"
    )

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="", help="how the person is shown")
        parser.add_argument(
            "--role", action="append", default=[], choices=list(permissions.ROLES), dest="roles"
        )

    def handle(self, *, username, email, name, roles, **options):
        try:
            with transaction.atomic():
                user = people.create(
                    username, actor=None, email=email, display_name=name, roles=roles
                )
                path = people.invitation(user, actor=None)
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        except people.NotPossible as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{username} sets a password at {path}")
