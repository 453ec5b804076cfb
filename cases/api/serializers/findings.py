from rest_framework import serializers

from cases.api.serializers.fields import AnyObject, Number, Ref
from cases.masking import masked
from cases.models import Finding


class FindingOut(serializers.Serializer):
    """One finding of one detector about one account, however often it was seen."""

    id = serializers.IntegerField()
    account = Ref()
    typology = serializers.CharField(source="typology_code")
    code = serializers.CharField()
    family = serializers.CharField()
    detector = serializers.CharField()
    detector_version = serializers.CharField()
    fingerprint = serializers.CharField()
    weight = Number()
    confidence = Number()
    points = Number()
    accommodation = serializers.BooleanField()
    shadow = serializers.BooleanField()
    withdrawn = serializers.BooleanField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    times = serializers.IntegerField()


class FindingDetailOut(FindingOut):
    """The finding with its evidence, names and contacts masked; reading it is recorded."""

    evidence = AnyObject()

    def to_representation(self, finding: Finding) -> dict:
        shown = super().to_representation(finding)
        return shown | {"evidence": masked(shown["evidence"])}
