"""Who may knock at the door: detectors, and the keys that open it for them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

SOURCE = RegexValidator(
    r"\A/[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*){1,4}\Z",
    "A source is a path like /detectors/login-watch (a-z, 0-9, . _ -).",
)


class DetectorQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The detectors `user` may read about. A detector's figures show no person."""
        if user.is_active and (
            user.has_perm("signals.view_detector") or user.has_perm("signals.manage_detector")
        ):
            return self
        return self.none()


class Detector(models.Model):
    """A program outside the portal that posts findings, or the platform that posts facts.

    Written by `signals.detectors`. Never deleted: what it sent refers to it for good.
    """

    class Kind(models.TextChoices):
        DETECTOR = "detector"
        PLATFORM = "platform"

    class State(models.TextChoices):
        ON = "on"
        SHADOW = "shadow"
        OFF = "off"

    source = models.CharField(max_length=120, unique=True, validators=[SOURCE])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DETECTOR)
    typology = models.SlugField(
        max_length=40,
        blank=True,
        help_text="The only typology it may report on; empty: any that is active.",
    )
    allowed_indicators = ArrayField(
        models.CharField(max_length=120),
        default=list,
        blank=True,
        help_text="Codes it may report; empty: every indicator of the typology.",
    )
    state = models.CharField(max_length=8, choices=State, default=State.ON)
    off_reason = models.CharField(max_length=400, blank=True)
    state_since = models.DateTimeField(default=timezone.now)
    quota_per_minute = models.PositiveIntegerField(null=True, blank=True)
    quota_per_day = models.PositiveIntegerField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)

    objects = DetectorQuerySet.as_manager()

    class Meta:
        ordering = ["source"]
        permissions = [
            ("manage_detector", "Can register detectors, switch them and make their keys"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["on", "shadow", "off"]), name="detector_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["detector", "platform"]), name="detector_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="off") | ~Q(off_reason=""),
                name="a_detector_is_switched_off_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.source


class DetectorKeyQuerySet(models.QuerySet):
    def live(self):
        """Keys that open the door now."""
        return self.filter(revoked_at=None).filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        )


class DetectorKey(models.Model):
    """One key of a detector: `prefix.secret`, of which only the secret's hash is kept.

    The secret has 256 random bits, so a plain SHA-256 is as good as a slow hash and costs a
    request nothing. Written by `signals.keys`, which keeps at most two alive per detector.
    """

    detector = models.ForeignKey(Detector, models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # coarse: see signals.door.access

    objects = DetectorKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.prefix

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )
