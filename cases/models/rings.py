"""Rings: accounts joined by links over the join threshold, as the analysts left them."""

from django.db import models
from django.db.models import Q

from cases.models.sight import OfAccount


class RingQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The rings `user` may read about."""
        if user.is_active and user.has_perm("cases.view_case"):
            return self
        return self.none()


class Ring(models.Model):
    """A derived group. Its number is kept while it keeps members; a case never moves.

    `dissolved_at` is set when nobody is left; the row stays, since people referred to it.
    """

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    size = models.PositiveIntegerField(default=0)
    dissolved_at = models.DateTimeField(null=True)

    objects = RingQuerySet.as_manager()


class RingOverride(models.Model):
    """An analyst's hand on a ring: recomputation keeps it until it is undone.

    pin:     `account` belongs with `other`, whatever the links say
    cut:     `account` stays out of any ring that holds one of `anchors` (or, with `other`, the
             link account–other does not join)
    decline: the offered join account–other was looked at and refused
    """

    class Kind(models.TextChoices):
        PIN = "pin"
        CUT = "cut"
        DECLINE = "decline"

    kind = models.CharField(max_length=8, choices=Kind)
    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="overrides")
    other = models.ForeignKey("cases.Account", models.PROTECT, null=True, related_name="+")
    anchors = models.JSONField(default=list, help_text="Account ids of the ring it was cut from")
    reason = models.TextField()
    made_by = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    objects = OfAccount.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["account"],
                name="ring_override_live",
                condition=Q(undone_at__isnull=True),
            )
        ]
