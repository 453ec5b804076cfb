"""Items that the correlator could not work in and set aside, so that the rest goes on."""

from django.db import models

from signals.models.intake import IntakeBatch, IntakeKind


class QuarantinedItemQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Like what the door refused: for those who mend it, and shown to them masked."""
        if user.is_active and user.has_perm("signals.manage_detector"):
            return self
        return self.none()

    def waiting(self):
        return self.filter(released_at=None, discarded_at=None)


class QuarantinedItem(models.Model):
    """One accepted item that made its round fail. It is left out until somebody releases it.

    Written by `signals.correlation.poison`; released and discarded by `signals.quarantine`. Its
    batch counts as done without it.
    """

    batch = models.ForeignKey(IntakeBatch, models.PROTECT, related_name="quarantined")
    kind = models.CharField(max_length=8, choices=IntakeKind)
    item_id = models.UUIDField(unique=True)
    error = models.TextField()
    found_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    discarded_at = models.DateTimeField(null=True)
    discarded_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")

    objects = QuarantinedItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(released_at=None) | models.Q(discarded_at=None),
                name="quarantine_ends_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} item {self.item_id}"
