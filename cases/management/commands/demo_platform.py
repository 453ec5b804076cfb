from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases import demo_platform


class Command(BaseCommand):
    help = (
        "Play the platform for the demo: hear the portal's messages on this machine, check their "
        "signatures, acknowledge them. Example: manage.py demo_platform --port 8901 "
        "--secret-file .demo/webhook-secret --log .demo/platform.jsonl"
    )

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument(
            "--secret-file", type=Path, required=True, help="whsec_… secrets, one to a line"
        )
        parser.add_argument("--log", type=Path, help="JSON lines of what was heard")
        parser.add_argument("--mode", choices=demo_platform.MODES, default="ok")

    def handle(self, *, port, secret_file, log, mode, **options):
        if not settings.DEMO:
            raise CommandError("this receiver is for the demo only (DEMO=true)")

        def secrets():
            # Read each time, so that a rotated secret counts without a restart.
            return secret_file.read_text().split()

        try:
            secrets()
            platform = demo_platform.Platform(secrets, port=port, log=log, mode=mode)
        except OSError as exc:
            raise CommandError(f"cannot start: {exc}") from exc
        self.stdout.write(f"the platform listens on {platform.url} ({mode})")
        try:
            platform.serve_forever()
        except KeyboardInterrupt:
            platform.server_close()
