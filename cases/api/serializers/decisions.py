from rest_framework import serializers

from cases import evidence
from cases.api.base import Strict
from cases.api.serializers.fields import AnyObject, AnyObjects, Number, Person, Ref
from cases.models import Action, Case, Decision
from cases.models.sight import sees_compliance

REASON_MAX = 10_000


class ActionOut(serializers.Serializer):
    """One step of carrying out a decision."""

    id = serializers.IntegerField()
    position = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=Action.State.choices)
    reversible = serializers.BooleanField()
    attempts = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    platform_reference = serializers.CharField()
    last_error = serializers.CharField()


class DecisionOut(serializers.Serializer):
    """A proposed outcome and, once a second person agreed, the final one."""

    id = serializers.IntegerField()
    case = Ref()
    account = Ref(source="case.account")
    outcome = serializers.ChoiceField(choices=Case.Outcome.choices)
    state = serializers.ChoiceField(choices=Decision.State.choices)
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    notice = serializers.CharField()
    digest = serializers.CharField()
    score = Number()
    needs_second = serializers.BooleanField()
    needs_officer = serializers.BooleanField()
    proposed_by = Person()
    proposed_at = serializers.DateTimeField()
    approved_by = Person(allow_null=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    ended_by = Person(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_because = serializers.CharField()
    replaces = serializers.IntegerField(source="replaces_id", allow_null=True)


class DecisionDetailOut(DecisionOut):
    """The decision with its plan, what its digest was made of, and how far it is carried out."""

    plan = AnyObjects()
    evidence = AnyObject()
    actions = ActionOut(many=True, source="shown_actions")

    def to_representation(self, decision: Decision) -> dict:
        shown = super().to_representation(decision)
        if not sees_compliance(self.context["request"].user):
            shown["evidence"] = evidence.before_the_wall(shown["evidence"])
        return shown


class _Version(Strict):
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ApproveIn(_Version):
    digest = serializers.CharField(max_length=64, help_text="Of the proposal that was read")


class RejectIn(_Version):
    reason = serializers.CharField(max_length=REASON_MAX)


class WithdrawIn(_Version):
    reason = serializers.CharField(max_length=REASON_MAX, required=False, allow_blank=True)
