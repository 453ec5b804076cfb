"""Sanctions lists as loaded, and what was found against them."""

from django.db import models
from django.db.models import F, Q

from cases.models.sight import ForCompliance, OfAccount, OfPolicy


class SanctionsList(models.Model):
    """A list that an authority publishes (`ofac_sdn`, `un`, `uk`)."""

    code = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    authority = models.CharField(max_length=200, blank=True)


class ListVersion(models.Model):
    """One load of a list, with its hash and counts. Every version is kept."""

    list = models.ForeignKey(SanctionsList, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    published = models.DateField(null=True)
    source = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    loaded_at = models.DateTimeField(auto_now_add=True)
    loaded_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    entries = models.PositiveIntegerField(default=0)
    names = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    current = models.BooleanField(default=False)
    status = models.CharField(
        max_length=10,
        choices=[("current", "current"), ("superseded", "superseded"), ("refused", "refused")],
        default="superseded",
    )
    note = models.CharField(max_length=300, blank=True)
    screened_at = models.DateTimeField(
        null=True, help_text="When its changes were compared with the accounts"
    )

    objects = OfPolicy.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="list_version_unscreened",
                condition=Q(screened_at__isnull=True) & ~Q(status="refused"),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["list", "number"], name="list_versions_are_numbered"),
            models.UniqueConstraint(
                fields=["list"], condition=Q(current=True), name="one_current_version_per_list"
            ),
        ]


class ListEntry(models.Model):
    """A listed party under one content; a changed entry is a new row, the old one keeps its span.

    Valid from version `first` until before `ended` (null: still listed in that form).
    """

    uid = models.CharField(max_length=80)
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12)
    primary_name = models.CharField(max_length=500)
    programmes = models.JSONField(default=list)
    births = models.JSONField(default=list, help_text="[{date, precision}]")
    nationalities = models.JSONField(default=list)
    details = models.JSONField(default=dict)
    # Below the fields whose default is Python's `list`, which this name hides from here on.
    list = models.ForeignKey(SanctionsList, models.PROTECT, related_name="entries")
    first = models.ForeignKey(ListVersion, models.PROTECT, related_name="+")
    ended = models.ForeignKey(ListVersion, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "list entries"
        constraints = [
            models.UniqueConstraint(
                fields=["list", "uid"],
                condition=Q(ended__isnull=True),
                name="one_current_entry_per_uid",
            )
        ]


class ListName(models.Model):
    entry = models.ForeignKey(ListEntry, models.CASCADE, related_name="names")
    name = models.CharField(max_length=500)
    strength = models.CharField(max_length=8)
    script = models.CharField(max_length=20, blank=True)
    parts = models.JSONField(default=dict)


class ListIdentifier(models.Model):
    """A document, wallet, e-mail or website of an entry: compared exactly."""

    entry = models.ForeignKey(ListEntry, models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=300)
    normal = models.CharField(max_length=300, db_index=True)
    note = models.CharField(max_length=100, blank=True)


class ScreeningHit(models.Model):
    """An account looks like an entry. Never cleared by the machine."""

    class State(models.TextChoices):
        OPEN = "open"
        REVIEW = "review"
        SAME = "same"
        NOT_SAME = "not_same"
        DELISTED = "delisted"
        SUPERSEDED = "superseded"

    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="screening_hits")
    entry = models.ForeignKey(ListEntry, models.PROTECT, related_name="hits")
    list_version = models.ForeignKey(ListVersion, models.PROTECT, related_name="+")
    screened = models.CharField(max_length=300, help_text="What of the account was compared")
    screened_kind = models.CharField(max_length=20)
    score = models.DecimalField(max_digits=4, decimal_places=3)
    band = models.CharField(max_length=10)
    explanation = models.JSONField(default=dict)
    engine = models.CharField(max_length=20)
    pair_hash = models.CharField(max_length=64, help_text="Of both sides: a memory lapses with it")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    found_at = models.DateTimeField()
    delisted_at = models.DateTimeField(null=True)

    objects = OfAccount.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["-score", "id"], name="hit_open", condition=Q(state__in=["open", "review"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "pair_hash"], name="one_hit_per_pair")
        ]


class HitDecision(models.Model):
    """A person's finding on a hit; above the policy's score it needs a second person."""

    hit = models.ForeignKey(ScreeningHit, models.PROTECT, related_name="decisions")
    same = models.BooleanField()
    reason = models.TextField()
    made_by = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    needs_second = models.BooleanField(default=False)
    second_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    second_at = models.DateTimeField(null=True)

    objects = ForCompliance.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(second_by__isnull=True) | ~Q(second_by=F("made_by")),
                name="hit_decision_second_person_is_another",
            )
        ]


class ScreeningRecord(models.Model):
    """Somebody searched: what was asked and how many were found, also when nothing was."""

    asked_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    query = models.JSONField(default=dict)
    versions = models.JSONField(default=dict)
    hits = models.PositiveIntegerField()
    best = models.DecimalField(max_digits=4, decimal_places=3, null=True)

    objects = ForCompliance.as_manager()


class ScreeningMark(models.Model):
    """How far new accounts and payout methods have been compared with the lists. One row."""

    name = models.CharField(max_length=20, unique=True)
    account = models.BigIntegerField(default=0)
    payout = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)
