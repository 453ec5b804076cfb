"""Work in what the door took in, in this process."""

import time

from django.core.management.base import BaseCommand

from signals.correlation import correlator
from signals.models import IntakeBatch


class Command(BaseCommand):
    help = "Correlate what is pending. Safe to run at any time, beside workers too."

    def add_arguments(self, parser):
        parser.add_argument("--watch", action="store_true", help="go on until interrupted")
        parser.add_argument("--items", type=int, default=correlator.ITEMS_PER_ROUND)
        parser.add_argument("--interval", type=float, default=0.2, help="pause when idle, seconds")
        parser.add_argument("--dry-run", action="store_true", help="count, change nothing")

    def handle(self, *, watch, items, interval, dry_run, **options):
        if dry_run:
            pending = IntakeBatch.objects.pending().values_list("count", flat=True)
            self.stdout.write(f"{sum(pending)} items in {len(pending)} batches wait")
            return
        while True:
            done = correlator.correlate(items=items)
            if not done.idle:
                spent = " ".join(f"{step} {took:.2f}" for step, took in done.seconds.items())
                self.stdout.write(
                    f"{done.signals} signals and {done.activity} facts in {done.batches} batches,"
                    f" {done.opened} cases opened, {done.quarantined} items set aside ({spent})"
                )
            if not watch:
                return
            time.sleep(interval)
