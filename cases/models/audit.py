"""Who did what, when: rows that are only added."""

from django.db import models


class AuditQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The events `user` may read: what lies behind the wall is for compliance and auditors."""
        if not user.is_active or not user.has_perm("cases.view_case"):
            return self.none()
        if user.has_perm("cases.audit_case") or user.has_perm("cases.comply_case"):
            return self
        return self.filter(wall=False)


class AuditEvent(models.Model):
    """One change, denied attempt, read or export. Written by `cases.audit` alone, never altered."""

    txid = models.BigIntegerField(help_text="Transaction that wrote it: the seal's horizon")
    at = models.DateTimeField()
    verb = models.CharField(max_length=60)
    actor = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    case = models.ForeignKey("cases.Case", models.PROTECT, null=True, related_name="events")
    account = models.ForeignKey("cases.Account", models.PROTECT, null=True, related_name="+")
    object_type = models.CharField(max_length=40, blank=True)
    object_ref = models.CharField(max_length=128, blank=True)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    wall = models.BooleanField(default=False)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True)

    objects = AuditQuerySet.as_manager()
