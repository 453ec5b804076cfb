from rest_framework import serializers

from cases.api.base import Strict
from cases.api.serializers.fields import Person, Ref
from cases.models import Hold, HoldRequest


class HoldIn(Strict):
    """Which level the account's money shall go to, and why."""

    level = serializers.ChoiceField(choices=Hold.Level.choices)
    reason = serializers.CharField(max_length=10_000)
    basis = serializers.CharField(max_length=12, required=False)
    case = serializers.CharField(max_length=20, required=False)


class HoldOut(serializers.Serializer):
    """What the portal has told the platform to do with an account's money."""

    account = Ref()
    level = serializers.ChoiceField(choices=Hold.Level.choices)
    reason = serializers.CharField()
    set_by = Person(allow_null=True)
    second_by = Person(allow_null=True)
    set_at = serializers.DateTimeField()
    review_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()


class HoldRequestOut(serializers.Serializer):
    """A change of a hold that waits for a second person. Until then nothing moves."""

    id = serializers.IntegerField()
    account = Ref()
    level = serializers.ChoiceField(choices=Hold.Level.choices)
    state = serializers.ChoiceField(choices=HoldRequest.State.choices)
    reason = serializers.CharField()
    asked_by = Person()
    asked_at = serializers.DateTimeField()
    ended_by = Person(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_because = serializers.CharField()


class ReasonIn(Strict):
    reason = serializers.CharField(max_length=10_000)
