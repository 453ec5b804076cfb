"""What the portal tells the platform, and whether it heard."""

from django.db import models
from django.db.models import Q


class WebhookEndpoint(models.Model):
    """An address of the platform. Secrets are sealed (`cases.crypto`); two may live at once."""

    class State(models.TextChoices):
        ON = "on"
        PAUSED = "paused"
        DISABLED = "disabled"

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField(max_length=500)
    secrets = models.JSONField(default=list)
    event_types = models.JSONField(default=list, help_text="Empty: all")
    state = models.CharField(max_length=8, choices=State, default=State.ON)
    state_because = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class WebhookDelivery(models.Model):
    """One message to one endpoint; the row is the work. Its public id never changes on retry."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        ACKNOWLEDGED = "acknowledged"
        DEAD = "dead"

    public_id = models.CharField(max_length=40, unique=True)
    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries")
    event_type = models.CharField(max_length=60)
    payload = models.JSONField()
    order_key = models.CharField(max_length=128, help_text="Deliveries of one key keep their order")
    subject_type = models.CharField(max_length=20, blank=True)
    subject_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    platform_reference = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["due_at"], name="webhook_due", condition=Q(state="waiting")),
            models.Index(
                fields=["order_key", "id"], name="webhook_order", condition=Q(state="waiting")
            ),
            models.Index(fields=["subject_type", "subject_id"], name="webhook_subject"),
        ]


class WebhookAttempt(models.Model):
    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="log")
    at = models.DateTimeField(auto_now_add=True)
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=500, blank=True)
    answer = models.TextField(blank=True)
