"""The threat as data: typologies, their indicators and the policies over them."""

from django.db import models
from django.db.models import Q

from cases.models.sight import OfPolicy


class Typology(models.Model):
    """A kind of threat, one row per version of its catalogue. Never edited in place.

    The version that is `active` is the one that the door checks against.
    """

    code = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    content_hash = models.CharField(max_length=64)
    texts = models.JSONField(default=dict, help_text="Playbook, verification steps, notice texts")
    sanctions = models.BooleanField(
        default=False, help_text="Off-boarding under it needs a sanctions compliance officer"
    )
    active = models.BooleanField(default=False)
    loaded_at = models.DateTimeField(auto_now_add=True)

    objects = OfPolicy.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "version"], name="one_row_per_typology_version"
            ),
            models.UniqueConstraint(
                fields=["code"], condition=Q(active=True), name="one_active_version_per_typology"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class Indicator(models.Model):
    """A row of a typology's catalogue: what a detector may find, and how much it says."""

    class Strength(models.TextChoices):
        STRONG = "strong"
        MEDIUM = "medium"
        WEAK = "weak"
        NONE = "none"

    typology = models.ForeignKey(Typology, models.PROTECT, related_name="indicators")
    code = models.CharField(max_length=80)
    family = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    description = models.TextField()
    evidence = models.JSONField(default=list, help_text="[{name, type, optional, list, enum}]")
    weight = models.DecimalField(max_digits=4, decimal_places=1)
    weight_rules = models.JSONField(default=list, help_text="[{field, op, value, weight}]")
    context_only = models.BooleanField(default=False)
    link_strength = models.CharField(max_length=6, choices=Strength, default=Strength.NONE)
    link_rules = models.JSONField(default=dict)
    rationale = models.TextField()
    innocent = models.TextField(help_text="The innocent reading of the same finding")
    sources = models.JSONField(default=list, help_text="[{tag, read}]")
    documents = models.JSONField(default=list)

    objects = OfPolicy.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["typology", "code"], name="one_row_per_indicator_and_typology_version"
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=0, weight__lte=10), name="indicator_weight_is_0_to_10"
            ),
        ]
        indexes = [models.Index(fields=["code"], name="indicator_code")]

    def __str__(self) -> str:
        return self.code


class Policy(models.Model):
    """Numbers that rule scoring, linking, opening, deadlines and mandates. Versioned, immutable.

    A change is a new version; `activated_at` is set once. The newest active one is in force.
    """

    typology_code = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    data = models.JSONField()
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=False)

    objects = OfPolicy.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["typology_code", "version"], name="one_row_per_policy_version"
            ),
            models.UniqueConstraint(
                fields=["typology_code"], condition=Q(active=True), name="one_active_policy"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.typology_code} policy v{self.version}"


class Relink(models.Model):
    """Links and rings on their way to a policy's new link numbers: where the work has come to.

    Written by `cases.relink` alone. At most one is under way; a newer one ends the older.
    """

    class Pass(models.TextChoices):
        LINKS = "links"
        TRAITS = "traits"
        RINGS = "rings"

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="+")
    current = models.CharField(max_length=6, choices=Pass, default=Pass.LINKS)
    last = models.BigIntegerField(default=0, help_text="The id up to which this pass is done")
    moved = models.PositiveIntegerField(default=0, help_text="Accounts whose ring changed")
    asked_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(done_at__isnull=True), name="one_relink_under_way"
            )
        ]
