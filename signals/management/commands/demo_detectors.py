import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from signals import detectors, keys
from signals.models import Detector

SOURCES = {
    "/platform/lantern": ("platform", "Lantern's platform"),
    "/detectors/lantern-demo": ("detector", "Lantern's detectors"),
    "/platform/demo": ("platform", "Spare platform"),
    "/detectors/demo": ("detector", "Spare detector"),
}


class Command(BaseCommand):
    help = (
        "Register the demo's four sources and print a key of each as JSON: {source: key}. Each "
        "run makes new keys and revokes the older of two. Refuses to run outside the demo."
    )

    def handle(self, **options) -> None:
        if not settings.DEMO:
            raise CommandError("this makes detectors for the demo; set DEMO=true")
        made = {}
        with transaction.atomic():
            for source, (kind, name) in SOURCES.items():
                detector = Detector.objects.filter(source=source).first()
                if detector is None:
                    detector = detectors.register(
                        source,
                        actor=None,
                        name=name,
                        kind=kind,
                        quota_per_minute=None,
                        quota_per_day=None,
                    )
                made[source] = keys.rotate(detector, actor=None).text
        self.stdout.write(json.dumps(made))
