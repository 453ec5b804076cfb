"""Work that happens without a person: jobs and what they found."""

from django.db import models
from django.db.models import Q

from cases.models.sight import OfCase
from cases.work import WorkQuerySet


class EnrichmentJobQuerySet(WorkQuerySet, OfCase):
    """Work that is seen by who sees its case."""


class EnrichmentJob(models.Model):
    """One analyzer on one subject; the row is the work, Celery only carries its id.

    `key` is analyzer + version + subject + list version: the same work is one row.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        DEAD = "dead"
        SKIPPED = "skipped"

    key = models.CharField(max_length=200, unique=True)
    analyzer = models.CharField(max_length=40)
    analyzer_version = models.CharField(max_length=20)
    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="enrichment_jobs")
    case = models.ForeignKey(
        "cases.Case", models.PROTECT, null=True, related_name="enrichment_jobs"
    )
    reason = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict)

    objects = EnrichmentJobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="enrichment_due",
                condition=Q(state__in=["waiting", "running", "failed"]),
            ),
            models.Index(fields=["account"], name="enrichment_account"),
        ]


class AnalyzerHealth(models.Model):
    """How an analyzer fares, for all processes: failures in a row, and until when it pauses."""

    analyzer = models.CharField(max_length=40, unique=True)
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "analyzer health"
