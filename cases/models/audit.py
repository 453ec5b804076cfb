"""Who did what, when: rows that are only added."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import BigIntegerField, Func, Q, TextField
from django.db.models.functions import Cast, Now

from cases.models.sight import sees_compliance


class AuditQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The events `user` may read.

        Auditors read all. Who works cases reads what happened to cases and accounts, behind the
        wall only who stands there, and what they did themselves. Who manages people or detectors
        reads about those, and nothing about cases.
        """
        if not user.is_active:
            return self.none()
        if user.has_perm("cases.audit_case"):
            return self
        seen = Q(pk__in=[])
        if user.has_perm("cases.view_case"):
            seen |= _about_cases(user) | Q(case=None, actor=user)
        about_nobody = Q(case=None, account=None, wall=False)
        if user.has_perm("cases.manage_people"):
            seen |= about_nobody
        if user.has_perm("signals.manage_detector"):
            seen |= about_nobody & Q(object_type__in=("detector", "detectorkey"))
        return self.filter(seen)


def _about_cases(user) -> Q:
    seen = Q(case__isnull=False) | Q(account__isnull=False)
    if not user.has_perm("cases.read_restricted_case"):
        seen &= Q(case=None) | Q(case__restricted=False)
    return seen if sees_compliance(user) else seen & Q(wall=False)


def _transaction_id():
    """The writing transaction's id as a number that never wraps, given by the database."""
    return Cast(Cast(Func(function="pg_current_xact_id"), TextField()), BigIntegerField())


class AuditEvent(models.Model):
    """One change, denied attempt, read or export. Written by `cases.audit` alone, never altered."""

    txid = models.BigIntegerField(
        db_default=_transaction_id(), help_text="Transaction that wrote it: the seal's horizon"
    )
    at = models.DateTimeField(db_default=Now())
    verb = models.CharField(max_length=60)
    actor = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    case = models.ForeignKey("cases.Case", models.PROTECT, null=True, related_name="events")
    account = models.ForeignKey("cases.Account", models.PROTECT, null=True, related_name="+")
    object_type = models.CharField(max_length=40, blank=True)
    object_ref = models.CharField(max_length=128, blank=True)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    wall = models.BooleanField(default=False, help_text="Only for compliance, legal and auditors")
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["case", "-id"], name="audit_of_case"),
            models.Index(fields=["account", "-id"], name="audit_of_account"),
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["verb", "-id"], name="audit_by_verb"),
            models.Index(fields=["-at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.verb}"
