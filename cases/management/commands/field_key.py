import secrets

from django.core.management.base import BaseCommand

from cases import crypto


class Command(BaseCommand):
    help = "Print a fresh key for FIELD_KEYS. Put it first there and keep the older ones after it."

    def add_arguments(self, parser):
        parser.add_argument("--id", default="", help="letters and digits; made up when not given")

    def handle(self, *, id, **options):
        self.stdout.write(crypto.new_key(id or secrets.token_hex(4)))
