"""Outcomes suggested by one person and approved by another, what they do, and the money."""

from django.db import models
from django.db.models import F, Q

from cases.models.sight import ForCompliance, OfAccount, WalledOfCase

ADVERSE = ("restricted", "offboarded")


class Decision(models.Model):
    """A proposed outcome and, once a second person agreed, the final one. Never edited.

    To overturn it, add another that `replaces` it. `digest` binds it to the evidence that the
    proposer saw; `needs_second` is settled at the proposal from the outcome and the score.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        VOID = "void"

    case = models.ForeignKey("cases.Case", models.PROTECT, related_name="decisions")
    outcome = models.CharField(
        max_length=12,
        choices=[
            ("cleared", "cleared"),
            ("monitor", "monitor"),
            ("restricted", "restricted"),
            ("offboarded", "offboarded"),
        ],
    )
    reason_code = models.CharField(max_length=40)
    reason = models.TextField()
    notice = models.TextField(blank=True, help_text="What the user is told")
    plan = models.JSONField(default=list, help_text="The actions, in order, as previewed")
    digest = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict, help_text="What the digest was made of")
    score = models.DecimalField(max_digits=8, decimal_places=2)
    policy = models.ForeignKey("cases.Policy", models.PROTECT, null=True, related_name="+")
    needs_second = models.BooleanField(default=True)
    needs_officer = models.BooleanField(default=False)
    wall = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="replacements")

    objects = WalledOfCase.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(needs_second=False)
                | ~Q(approved_by=F("proposed_by")),
                name="decision_needs_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=ADVERSE) | Q(needs_second=True),
                name="adverse_outcome_needs_a_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="approved_decision_says_who",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="proposed"), name="one_live_proposal_per_case"
            ),
            models.UniqueConstraint(
                fields=["replaces"],
                condition=Q(state__in=["proposed", "approved"]),
                name="decision_is_overturned_once",
            ),
        ]


class Hold(models.Model):
    """What the portal has told the platform to do with an account's money; one live row each.

    Only a person with the right role ends it. `delivered`/`acknowledged` follow the webhook.
    """

    class Level(models.TextChoices):
        NORMAL = "normal"
        SOFT = "soft_hold"
        COMPLIANCE = "compliance_hold"
        BLOCKED = "blocked_property"
        RELEASED = "released"
        RETURNED = "returned_to_client"

    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="holds")
    case = models.ForeignKey("cases.Case", models.PROTECT, null=True, related_name="holds")
    level = models.CharField(max_length=20, choices=Level)
    previous = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    reason = models.TextField()
    set_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    second_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()
    review_at = models.DateTimeField(null=True, help_text="Shouts when passed; never releases")
    blocked_at = models.DateTimeField(null=True)
    report_due_at = models.DateTimeField(null=True, help_text="31 CFR 501.603")
    basis = models.CharField(
        max_length=12,
        blank=True,
        choices=[("licence", "licence"), ("delisting", "delisting"), ("error", "blocked in error")],
        help_text="Why blocked property may leave",
    )
    live = models.BooleanField(default=True)
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    platform_reference = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True)

    objects = OfAccount.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(live=True), name="one_live_hold_per_account"
            ),
            models.CheckConstraint(
                condition=~Q(level__in=["released", "returned_to_client"])
                | Q(set_by__isnull=False),
                name="money_is_released_by_a_person",
            ),
            models.CheckConstraint(
                condition=Q(second_by__isnull=True) | ~Q(second_by=F("set_by")),
                name="hold_second_person_is_another",
            ),
        ]


class HoldRequest(models.Model):
    """A change of a hold that needs two people, asked for by one. Nothing moves until it is met."""

    class State(models.TextChoices):
        WAITING = "waiting"
        CONFIRMED = "confirmed"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        VOID = "void"

    account = models.ForeignKey("cases.Account", models.PROTECT, related_name="hold_requests")
    case = models.ForeignKey("cases.Case", models.PROTECT, null=True, related_name="hold_requests")
    level = models.CharField(max_length=20, choices=Hold.Level)
    basis = models.CharField(max_length=12, blank=True)
    reason = models.TextField()
    on = models.ForeignKey(Hold, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)

    objects = ForCompliance.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state="waiting"),
                name="one_waiting_hold_request_per_account",
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed")
                | (Q(ended_by__isnull=False) & ~Q(ended_by=F("asked_by"))),
                name="hold_request_is_met_by_another",
            ),
        ]


class EvidenceSnapshot(models.Model):
    """The evidence as it was when a decision was carried out, with its hash. Never altered."""

    decision = models.OneToOneField(Decision, models.PROTECT, related_name="snapshot")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)

    objects = ForCompliance.as_manager()


class Action(models.Model):
    """One step of carrying out a decision, in order, retried and acknowledged on its own."""

    class State(models.TextChoices):
        PLANNED = "planned"
        SENT = "sent"
        ACKNOWLEDGED = "acknowledged"
        FAILED = "failed"
        UNDONE = "undone"
        SKIPPED = "skipped"

    decision = models.ForeignKey(Decision, models.PROTECT, related_name="actions")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=14, choices=State, default=State.PLANNED)
    undo_of = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")
    reversible = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    platform_reference = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True)
    skipped_by = models.ForeignKey("cases.User", models.PROTECT, null=True, related_name="+")
    skipped_because = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="skipped")
                | (Q(skipped_by__isnull=False) & ~Q(skipped_because="")),
                name="skipped_action_says_who_and_why",
            ),
            models.UniqueConstraint(fields=["decision", "position"], name="actions_have_one_order"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="action_due",
                condition=Q(state__in=["planned", "sent", "failed"]),
            )
        ]
