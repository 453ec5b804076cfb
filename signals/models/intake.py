"""What came in: signals, activity, what was refused, and the balance of it all.

The rows of `Signal` and `ActivityEvent` are written by `signals.door.storage` alone, in sets,
and never changed. Their references to a batch, a detector and an indicator carry no foreign-key
trigger: the door resolves them in the same transaction, none of the three is ever deleted, and
a check per row would lock the detector's row once for each signal and cost a third of the speed.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from signals.models.detectors import Detector


class IntakeKind(models.TextChoices):
    SIGNALS = "signals"
    ACTIVITY = "activity"


class IntakeBatchQuerySet(models.QuerySet):
    def pending(self):
        """Accepted and not yet correlated, in order of arrival; uses intake_batch_pending."""
        return self.filter(done_at=None).order_by("pk")


class IntakeBatch(models.Model):
    """What one request (or one slice of a stream) brought that was new: the unit of correlation.

    Its rows have ids from `first_id` to `last_id`, with none of another batch between them, so
    that they are read by primary key. `done_at` is set by the correlator, and by nobody else.
    """

    kind = models.CharField(max_length=8, choices=IntakeKind)
    detector = models.ForeignKey(Detector, models.PROTECT, related_name="+", db_constraint=False)
    received_at = models.DateTimeField()
    count = models.PositiveIntegerField()
    first_id = models.UUIDField()
    last_id = models.UUIDField()
    done_at = models.DateTimeField(null=True)

    objects = IntakeBatchQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                include=["kind", "count"],
                condition=Q(done_at=None),
                name="intake_batch_pending",
            )
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.count} {self.kind}"


class ReceivedQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Signals and activity are about accounts: who may read those may read these."""
        if user.is_active and user.has_perm("cases.view_case"):
            return self
        return self.none()


class Signal(models.Model):
    """One finding of a detector about one subject. Immutable.

    `(detector, event_id)` names it for ever. `weight` is what the catalogue's rules gave for
    its evidence when it came in; `accommodation` says that the catalogue's field for one was set
    (recorded, never scored). `shadow` signals are kept and counted and change no score.
    """

    id = models.UUIDField(primary_key=True)
    batch = models.ForeignKey(
        IntakeBatch, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    detector = models.ForeignKey(
        Detector, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    event_id = models.TextField()
    indicator = models.ForeignKey(
        "cases.Indicator", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    subject_kind = models.TextField()
    account_ref = models.TextField()
    confidence = models.DecimalField(max_digits=4, decimal_places=3)
    weight = models.DecimalField(max_digits=4, decimal_places=1)
    fingerprint = models.TextField()
    accommodation = models.BooleanField(default=False)
    shadow = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    detector_version = models.TextField(blank=True)
    content_hash = models.BinaryField(max_length=32)
    data = models.JSONField()
    extensions = models.JSONField(null=True)

    objects = ReceivedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["detector", "event_id"], name="a_signal_comes_once"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0) & Q(confidence__lte=1),
                name="signal_confidence_is_a_share",
            ),
        ]
        indexes = [models.Index(fields=["account_ref", "id"], name="signal_of_account")]

    def __str__(self) -> str:
        return str(self.pk)


class ActivityEvent(models.Model):
    """A fact that the platform reported. Immutable, named by `(detector, event_id)`."""

    id = models.UUIDField(primary_key=True)
    batch = models.ForeignKey(
        IntakeBatch, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    detector = models.ForeignKey(
        Detector, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    event_id = models.TextField()
    type = models.TextField()
    subject_kind = models.TextField()
    subject_ref = models.TextField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=32)
    data = models.JSONField()
    extensions = models.JSONField(null=True)

    objects = ReceivedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["detector", "event_id"], name="a_fact_comes_once"),
        ]
        indexes = [
            models.Index(fields=["subject_ref", "type", "occurred_at"], name="activity_of_subject")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class RejectedItemQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Refused items are for those who mend them, and are shown to them masked."""
        if user.is_active and user.has_perm("signals.manage_detector"):
            return self
        return self.none()

    def waiting(self):
        return self.filter(replayed_at=None, dismissed_at=None)


class RejectedItem(models.Model):
    """An item that the door refused, kept so that the detector's owner can mend and replay it.

    Only the newest `REJECTS_KEPT` of a detector are kept. The body is what was sent, cut to
    `REJECT_BODY_MAX` characters; it may hold personal data and is not for detector engineers'
    eyes unmasked: pages show it masked (`signals.rejects`).
    """

    detector = models.ForeignKey(Detector, models.PROTECT, related_name="rejects")
    kind = models.CharField(max_length=8, choices=IntakeKind)
    received_at = models.DateTimeField()
    event_id = models.TextField(blank=True)
    type = models.TextField(blank=True)
    codes = ArrayField(models.TextField())
    errors = models.JSONField()
    body = models.TextField()
    truncated = models.BooleanField(default=False)
    replayed_at = models.DateTimeField(null=True)
    replayed_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    replay_outcome = models.CharField(max_length=10, blank=True)
    dismissed_at = models.DateTimeField(null=True)

    objects = RejectedItemQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["detector", "-id"], name="rejects_of_detector")]

    def __str__(self) -> str:
        return f"reject {self.pk} of {self.detector_id}"


class IntakeBalance(models.Model):
    """How many items of a detector ended how on a day. Every item that came in is in one sum.

    A day's figure is the sum over its shards: several web processes count side by side without
    waiting for each other's commit. `minute` and `minute_received` serve the quota.
    """

    detector = models.ForeignKey(Detector, models.PROTECT, related_name="+", db_constraint=False)
    day = models.DateField()
    kind = models.CharField(max_length=8, choices=IntakeKind)
    shard = models.SmallIntegerField(default=0)
    received = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    conflict = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    minute = models.DateTimeField(null=True)
    minute_received = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["detector", "day", "kind", "shard"], name="one_balance_per_day_and_shard"
            ),
            models.CheckConstraint(
                condition=Q(
                    received=F("accepted") + F("duplicate") + F("conflict") + F("rejected")
                ),
                name="every_item_has_one_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.detector_id} {self.day} {self.kind}"
