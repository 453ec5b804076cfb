from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from cases import grants


class Command(BaseCommand):
    help = (
        "Give a database role the rights that the portal needs, and only to add to the audit "
        "trail. Run it as the owner of the tables, after each migration. "
        "Example: manage.py grant_app_role portal_app --create"
    )

    def add_arguments(self, parser):
        parser.add_argument("role")
        parser.add_argument("--create", action="store_true", help="make the role if it is missing")

    def handle(self, *, role, create, **options):
        try:
            tables = grants.grant_application_role(role, create=create)
        except DatabaseError as exc:
            raise CommandError(f"{role} was not granted anything: {exc}") from exc
        self.stdout.write(
            f"{role} may use {tables} tables; {', '.join(grants.APPEND_ONLY)} can only be added to"
        )
