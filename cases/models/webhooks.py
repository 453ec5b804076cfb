"""What the portal tells the platform, and whether it heard."""

from datetime import timedelta
from uuid import uuid4

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone


class EndpointQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The receivers, for those who look after them or read everything."""
        return self if user.is_active and user.has_perm(WATCH) else self.none()


class DeliveryQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self if user.is_active and user.has_perm(WATCH) else self.none()

    def ready(self):
        """What may be sent now: due, its receiver on and well, nothing older of its key waiting."""
        older = WebhookDelivery.objects.filter(
            state=WebhookDelivery.State.WAITING,
            endpoint=OuterRef("endpoint"),
            order_key=OuterRef("order_key"),
            id__lt=OuterRef("id"),
        )
        return self.filter(
            ~Exists(older),
            Q(endpoint__quiet_until=None) | Q(endpoint__quiet_until__lte=timezone.now()),
            state=WebhookDelivery.State.WAITING,
            due_at__lte=timezone.now(),
            endpoint__state=WebhookEndpoint.State.ON,
        )

    def take(self, pk: int, *, lease: timedelta):
        """The message, ours for `lease`, or None when it is done, not due, taken or not its turn.

        One conditional UPDATE settles who gets it, so no lock is held while sending. A worker
        that dies lets the lease run out, and the next sweep takes over.
        """
        taken = (
            self.filter(pk__in=self.ready().filter(pk=pk).values("pk"))
            .filter(state=WebhookDelivery.State.WAITING, due_at__lte=timezone.now())
            .update(
                attempts=F("attempts") + 1,
                due_at=timezone.now() + lease,
                lease=(token := uuid4()),
            )
        )
        return self.select_related("endpoint").filter(pk=pk, lease=token).first() if taken else None


class AttemptQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self if user.is_active and user.has_perm(WATCH) else self.none()


WATCH = "cases.view_webhookendpoint"


class WebhookEndpoint(models.Model):
    """An address of the platform. Secrets are sealed (`cases.crypto`); two may live at once."""

    class State(models.TextChoices):
        ON = "on"
        PAUSED = "paused"
        DISABLED = "disabled"

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField(max_length=500)
    secrets = models.JSONField(
        default=list, help_text="[{id, sealed, made_at, until}], the newest first"
    )
    event_types = models.JSONField(default=list, help_text="Prefixes; empty: all")
    state = models.CharField(max_length=8, choices=State, default=State.ON)
    state_because = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, over all messages")
    quiet_until = models.DateTimeField(null=True, help_text="Left alone because it keeps failing")

    objects = EndpointQuerySet.as_manager()

    class Meta:
        permissions = [
            ("manage_webhook", "Add receivers, change them and rotate their secrets"),
            ("replay_webhook", "Send a message again"),
        ]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One message to one endpoint; the row is the work. Its public id never changes on retry.

    Without an endpoint the message waits until there is one: nothing is lost meanwhile.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        ACKNOWLEDGED = "acknowledged"
        REFUSED = "refused"
        DEAD = "dead"

    public_id = models.CharField(max_length=40, unique=True)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.PROTECT, null=True, related_name="deliveries"
    )
    event_type = models.CharField(max_length=60)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    order_key = models.CharField(max_length=128, help_text="Deliveries of one key keep their order")
    subject_type = models.CharField(max_length=20, blank=True)
    subject_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    told = models.CharField(
        max_length=12, blank=True, help_text="The last state that the step behind it has heard of"
    )
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    platform_reference = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["due_at"], name="webhook_due", condition=Q(state="waiting")),
            models.Index(
                fields=["order_key", "id"], name="webhook_order", condition=Q(state="waiting")
            ),
            models.Index(fields=["subject_type", "subject_id"], name="webhook_subject"),
            models.Index(
                fields=["id"],
                name="webhook_untold",
                condition=~Q(state="waiting") & ~Q(told=models.F("state")),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class WebhookAttempt(models.Model):
    """One try to send a delivery, as it went. Only added."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="log")
    at = models.DateTimeField(auto_now_add=True)
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=500, blank=True)
    answer = models.TextField(blank=True)

    objects = AttemptQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.delivery_id} at {self.at:%Y-%m-%d %H:%M:%S}"
