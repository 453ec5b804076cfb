from django.utils import timezone
from rest_framework import serializers

from cases.api.base import Strict
from cases.api.serializers.fields import AnyObject, Number, Person, Ref
from cases.models import Case
from cases.models.sight import sees_compliance
from cases.wall import shown_state

NOTE_MAX = 10_000
# What compliance does with a case is not for who stands before the wall.
WALLED = ("assignee", "claimed_until", "snoozed_until", "due_at", "fence", "state_since")


class CaseOut(serializers.Serializer):
    """The work on one account, as far as the reader may know it."""

    ref = serializers.CharField()
    account = Ref()
    typology = serializers.CharField(source="typology_code")
    state = serializers.ChoiceField(choices=Case.State.choices)
    state_since = serializers.DateTimeField(allow_null=True)
    queue = serializers.ChoiceField(choices=Case.Queue.choices)
    severity = serializers.ChoiceField(choices=Case.Severity.choices)
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    score = Number(source="account.score")
    score_at_opening = Number()
    ring = serializers.IntegerField(source="account.ring_id", allow_null=True)
    assignee = Person(allow_null=True)
    claimed_until = serializers.DateTimeField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)
    fence = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField()
    outcome = serializers.CharField(allow_blank=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    reopened_from = Ref(allow_null=True)
    reopened_because = serializers.CharField()
    blockable_interest = serializers.CharField(allow_null=True)

    def to_representation(self, case: Case) -> dict:
        shown = super().to_representation(case)
        if self._behind_the_wall():
            return shown
        shown["blockable_interest"] = None
        if case.queue == Case.Queue.COMPLIANCE:
            shown |= dict.fromkeys(WALLED)
            shown["state"] = str(shown_state(case, compliance=False))
        return shown

    def _behind_the_wall(self) -> bool:
        """Asked once for a whole page."""
        if "sees_compliance" not in self.context:
            self.context["sees_compliance"] = sees_compliance(self.context["request"].user)
        return self.context["sees_compliance"]


class NoteOut(serializers.Serializer):
    id = serializers.IntegerField()
    author = Person()
    text = serializers.CharField()
    wall = serializers.BooleanField()
    replaces = serializers.IntegerField(source="replaces_id", allow_null=True)
    made_at = serializers.DateTimeField()


class VerbOut(serializers.Serializer):
    """A verb, whether the reader may do it now, and if not, why."""

    verb = serializers.CharField()
    allowed = serializers.BooleanField()
    why_not = serializers.CharField()


class CaseDetailOut(CaseOut):
    """One case with why it is here, its notes, and what the reader may do with it."""

    opened_because = AnyObject()
    notes = NoteOut(many=True, source="shown_notes")
    decisions = serializers.ListField(child=serializers.IntegerField(), source="shown_decisions")
    verifications = serializers.ListField(
        child=serializers.IntegerField(), source="shown_verifications"
    )
    verbs = VerbOut(many=True, source="shown_verbs")


class Seen(Strict):
    """What the caller saw: the case's version, and for its holder the claim's fence."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    fence = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, allow_null=True
    )


class Reasoned(Seen):
    note = serializers.CharField(max_length=NOTE_MAX)


class ClaimIn(Strict):
    """Without a version: whoever comes first has it."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class FenceIn(Strict):
    fence = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class ClaimNextIn(Strict):
    queue = serializers.ChoiceField(choices=Case.Queue.choices, required=False)


class AssignIn(Reasoned):
    assignee = serializers.CharField(max_length=150)


class SnoozeIn(Reasoned):
    until = serializers.DateTimeField()

    def validate_until(self, value):
        if value <= timezone.now():
            raise serializers.ValidationError("Must be in the future.", code="past")
        return value


class NoteIn(Strict):
    text = serializers.CharField(max_length=NOTE_MAX)
    replaces = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class ProposeIn(Seen):
    outcome = serializers.ChoiceField(choices=Case.Outcome.choices)
    reason_code = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=NOTE_MAX)
    notice = serializers.CharField(max_length=NOTE_MAX, required=False, allow_blank=True)
