from rest_framework import serializers

from cases.api.base import Strict
from cases.api.serializers.fields import Number, Person, Ref
from cases.models import RingOverride


class LinkOut(serializers.Serializer):
    """Two accounts and how strongly they hang together."""

    a = serializers.CharField()
    b = serializers.CharField()
    strength = Number()


class OfferOut(serializers.Serializer):
    """A weaker link from a member to somebody outside: a possible join, never made by itself."""

    member = serializers.CharField()
    account = serializers.CharField()
    strength = Number()


class OverrideOut(serializers.Serializer):
    """An analyst's hand on the ring; kept by every recomputation until it is undone."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=RingOverride.Kind.choices)
    account = Ref()
    other = Ref(allow_null=True)
    reason = serializers.CharField()
    made_by = Person()
    made_at = serializers.DateTimeField()


class RingOut(serializers.Serializer):
    """Accounts joined by links over the threshold, as the analysts left them."""

    id = serializers.IntegerField()
    size = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    dissolved_at = serializers.DateTimeField(allow_null=True)
    members = serializers.ListField(child=serializers.CharField(), source="shown_members")
    links = LinkOut(many=True, source="shown_links")
    offered = OfferOut(many=True, source="shown_offers")
    overrides = OverrideOut(many=True, source="shown_overrides")


REF_MAX, REASON_MAX = 128, 10_000


class PairIn(Strict):
    account = serializers.CharField(max_length=REF_MAX)
    other = serializers.CharField(max_length=REF_MAX, help_text="A member of the ring")
    reason = serializers.CharField(max_length=REASON_MAX)


class CutIn(Strict):
    accounts = serializers.ListField(
        child=serializers.CharField(max_length=REF_MAX), min_length=1, max_length=100
    )
    reason = serializers.CharField(max_length=REASON_MAX)


class UndoIn(Strict):
    override = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    reason = serializers.CharField(max_length=REASON_MAX)
