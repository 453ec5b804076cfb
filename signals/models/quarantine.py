"""Items that the correlator could not work in and set aside, so that the rest goes on."""

from django.db import models

from signals.models.intake import IntakeBatch, IntakeKind


class QuarantinedItem(models.Model):
    """One accepted item that made its round fail. It is left out until somebody releases it.

    Written by `signals.correlation.poison`. Its batch counts as done without it.
    """

    batch = models.ForeignKey(IntakeBatch, models.PROTECT, related_name="quarantined")
    kind = models.CharField(max_length=8, choices=IntakeKind)
    item_id = models.UUIDField(unique=True)
    error = models.TextField()
    found_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.kind} item {self.item_id}"
