"""Verification steps: mandated, attempted, recorded."""

from django.db import models
from django.db.models import Q

from cases.models.sight import OfCase


class Outcome(models.TextChoices):
    PASSED = "passed"
    PASSED_ALTERNATIVE = "passed_alternative"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    REFUSED = "refused"
    NO_SHOW = "no_show"
    EXPIRED = "expired"
    NOT_REQUIRED = "not_required"


class Verification(models.Model):
    """A step that a person (or the policy) asks of the account's holder.

    `step` is a key of the typology's protocol (`video_authentication`, `document_recheck`, …).
    `outcome` is that of the attempt which settled it; attempts are added, never edited.
    """

    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="verifications")
    case = models.ForeignKey(
        "cases.Case", models.PROTECT, null=True, blank=True, related_name="verifications"
    )
    typology_code = models.CharField(max_length=40)
    step = models.CharField(max_length=40)
    trigger = models.CharField(max_length=80, help_text="Why: policy rule or a person's request")
    mandated = models.BooleanField(default=False)
    policy = models.ForeignKey("cases.Policy", models.PROTECT, null=True, related_name="+")
    requested_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reason_told = models.TextField(blank=True, help_text="The exact text given to the user")
    accommodation = models.BooleanField(default=False)
    accommodation_reason = models.TextField(blank=True)
    offers = models.PositiveSmallIntegerField(default=1)
    told_at = models.DateTimeField(null=True, help_text="When the platform was asked to tell them")
    alternative = models.CharField(max_length=80, blank=True, help_text="What is offered instead")
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    waived_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    waived_reason = models.TextField(blank=True)

    objects = OfCase.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", settled_at__isnull=True)
                | (~Q(outcome="") & Q(settled_at__isnull=False)),
                name="settled_verification_has_an_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="not_required")
                | (Q(waived_by__isnull=False) & ~Q(waived_reason="")),
                name="waiver_needs_a_person_and_a_reason",
            ),
            models.UniqueConstraint(
                fields=["account", "step", "trigger"],
                condition=Q(outcome=""),
                name="one_pending_verification_per_trigger",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="verification_due", condition=Q(outcome="")),
            models.Index(
                fields=["requested_at"],
                name="verification_untold",
                condition=Q(outcome="", told_at__isnull=True),
            ),
        ]


class VerificationAttempt(models.Model):
    """One try: who performed it, the challenges, what was seen. Never edited."""

    verification = models.ForeignKey(Verification, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    channel = models.CharField(max_length=20)
    performed_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    recorded_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    attested_by = models.ForeignKey(
        "cases.Account", models.PROTECT, null=True, related_name="+", help_text="A client"
    )
    held_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=20, choices=Outcome)
    challenges = models.JSONField(default=list, help_text="[{challenge, given, result}]")
    questions = models.JSONField(default=list)
    observations = models.JSONField(
        default=list, help_text="Codes of the protocol's watch-for list"
    )
    face_matches_document = models.BooleanField(null=True)
    second_reviewer = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    second_review_at = models.DateTimeField(null=True)
    second_review_agrees = models.BooleanField(null=True)
    excuse = models.TextField(blank=True)
    note = models.TextField(blank=True)
    evidence_ref = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["verification", "number"], name="attempts_are_numbered"
            ),
            models.CheckConstraint(
                condition=Q(second_reviewer__isnull=True)
                | ~Q(second_reviewer=models.F("recorded_by")),
                name="adverse_attempt_needs_two_people",
            ),
            models.CheckConstraint(
                condition=Q(second_reviewer__isnull=True, second_review_agrees__isnull=True)
                | Q(second_reviewer__isnull=False, second_review_agrees__isnull=False),
                name="second_review_says_who",
            ),
        ]
