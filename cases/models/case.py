"""The work on one account."""

from django.db import models
from django.db.models import Q

from cases import states
from cases.models.accounts import Account
from cases.models.sight import WalledOfCase


class CaseQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The cases `user` may read. Every view and serializer starts here; others are a 404."""
        if not user.is_active or not user.has_perm("cases.view_case"):
            return self.none()
        if user.has_perm("cases.read_restricted_case"):
            return self
        return self.exclude(restricted=True)

    def claimable(self):
        """What waits in a queue, most urgent first; the order is that of the index `case_queue`."""
        waiting = self.filter(state__in=[Case.State.OPEN, Case.State.ESCALATED])
        return waiting.filter(snoozed_until=None).order_by("-severity", "due_at", "id")

    def open(self):
        return self.exclude(state=Case.State.CLOSED)


class Case(models.Model):
    """At most one open case per account. `state` is written by `cases.transitions` alone.

    `version` grows with each move; who acts on a page says which version it showed.
    `fence` grows with each claim; a holder whose lease ran out cannot write any more.
    """

    State = states.State
    Queue = states.Queue

    class Outcome(models.TextChoices):
        CLEARED = "cleared"
        MONITOR = "monitor"
        RESTRICTED = "restricted"
        OFFBOARDED = "offboarded"

    class Severity(models.IntegerChoices):
        LOW = 1
        MEDIUM = 2
        HIGH = 3
        CRITICAL = 4

    ref = models.CharField(max_length=20, unique=True)
    account = models.ForeignKey(Account, models.PROTECT, related_name="cases")
    typology_code = models.CharField(max_length=40)
    state = models.CharField(max_length=24, choices=State, default=State.OPEN)
    state_since = models.DateTimeField()
    queue = models.CharField(max_length=12, choices=Queue, default=Queue.REVIEW)
    severity = models.SmallIntegerField(choices=Severity, default=Severity.MEDIUM)
    opened_at = models.DateTimeField()
    opened_because = models.JSONField(default=dict, help_text="{rule, detail, policy version}")
    due_at = models.DateTimeField()
    score_at_opening = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    assignee = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="assigned_cases"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snooze = models.JSONField(default=dict, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    cleared_families = models.JSONField(
        default=dict, help_text="{family: highest weight} that were judged when it was closed"
    )
    reopened_from = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    reopened_because = models.CharField(max_length=300, blank=True)
    escalated_by = models.ForeignKey(
        "cases.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    blockable_interest = models.CharField(
        max_length=12,
        choices=[("undetermined", "undetermined"), ("yes", "yes"), ("no", "no")],
        default="undetermined",
        help_text="An officer's finding; independent of list screening (31 CFR 510.201)",
    )
    restricted = models.BooleanField(default=False)
    flags = models.JSONField(default=dict, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        permissions = [
            ("review_case", "Review cases, request verification, propose"),
            ("approve_case", "Second signature on cases"),
            ("comply_case", "Decide as sanctions compliance officer"),
            ("legal_case", "Decide as legal"),
            ("read_restricted_case", "Read restricted cases"),
            ("audit_case", "Read everything, access log among it"),
            ("manage_people", "Manage people and roles"),
            ("reveal_person", "Reveal masked personal data"),
            ("export_case", "Export case data"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=~Q(state="closed"),
                name="one_open_case_per_account",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="closed_case_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | ~Q(outcome=""), name="closed_case_has_an_outcome"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["in_review", "in_compliance"])
                | Q(assignee__isnull=False, claimed_until__isnull=False),
                name="claimed_case_has_a_holder",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["open", "in_review"], queue="compliance")
                & ~Q(state__in=["escalated", "in_compliance"], queue="review"),
                name="case_waits_in_the_queue_of_its_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["in_review", "in_compliance"])
                | Q(claimed_until__isnull=True),
                name="only_a_claimed_case_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "-severity", "due_at", "id"],
                name="case_queue",
                condition=Q(state__in=["open", "escalated"], snoozed_until__isnull=True),
            ),
            models.Index(
                fields=["claimed_until"],
                name="case_lease",
                condition=Q(claimed_until__isnull=False),
            ),
            models.Index(
                fields=["snoozed_until"],
                name="case_snooze",
                condition=Q(snoozed_until__isnull=False),
            ),
            models.Index(
                fields=["-severity", "due_at", "id"],
                name="case_open_list",
                condition=~Q(state="closed"),
            ),
            models.Index(
                fields=["due_at", "id"], name="case_open_due", condition=~Q(state="closed")
            ),
            models.Index(
                fields=["opened_at", "id"], name="case_open_age", condition=~Q(state="closed")
            ),
            # The smaller queue, which the others would be searched for in vain.
            models.Index(
                fields=["-severity", "due_at", "id"],
                name="case_compliance",
                condition=Q(queue="compliance") & ~Q(state="closed"),
            ),
            models.Index(
                fields=["closed_at", "id"], name="case_closed", condition=Q(state="closed")
            ),
            models.Index(
                fields=["opened_at", "id"], name="case_closed_age", condition=Q(state="closed")
            ),
            models.Index(fields=["assignee", "state"], name="case_assignee"),
        ]

    def __str__(self) -> str:
        return self.ref


class CaseSkip(models.Model):
    """A person passed this case over, or must not work on it (conflict of interest)."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="skips")
    user = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    conflict = models.BooleanField(default=False)
    reason = models.CharField(max_length=300)
    until = models.DateTimeField(null=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_skip_per_person")]


class CaseWorker(models.Model):
    """Everybody who ever held the case: they may not approve what is decided on it."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="workers")
    user = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    first_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_row_per_worker")]


class CaseVisit(models.Model):
    """When a person last looked at the case: what is new since then is marked."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="visits")
    user = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    at = models.DateTimeField()
    previous_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user"], name="one_visit_per_person")
        ]


class Note(models.Model):
    """What a person wrote. A correction is a new note that `replaces` the old; none is deleted."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="notes")
    author = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    text = models.TextField()
    wall = models.BooleanField(default=False, help_text="Only for compliance")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = WalledOfCase.as_manager()


class Attachment(models.Model):
    """A file that a person put to the case, with its hash; stored outside the database."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="attachments")
    added_by = models.ForeignKey("cases.User", models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    wall = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)

    objects = WalledOfCase.as_manager()
