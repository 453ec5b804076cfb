from rest_framework import serializers

from cases.api.serializers.fields import AnyObjects, Person, Ref


class AttemptOut(serializers.Serializer):
    """One try: who performed it, what was asked, what was seen. Never edited."""

    number = serializers.IntegerField()
    channel = serializers.CharField()
    performed_by = Person(allow_null=True)
    recorded_by = Person(allow_null=True)
    held_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    outcome = serializers.CharField()
    challenges = AnyObjects()
    questions = AnyObjects()
    observations = serializers.ListField(child=serializers.CharField())
    face_matches_document = serializers.BooleanField(allow_null=True)
    second_reviewer = Person(allow_null=True)
    second_review_at = serializers.DateTimeField(allow_null=True)
    second_review_agrees = serializers.BooleanField(allow_null=True)
    excuse = serializers.CharField()
    note = serializers.CharField()
    evidence_ref = serializers.CharField()


class VerificationOut(serializers.Serializer):
    """A step asked of the account's holder, by the policy or by a person."""

    id = serializers.IntegerField()
    account = Ref()
    case = Ref(allow_null=True)
    typology = serializers.CharField(source="typology_code")
    step = serializers.CharField()
    trigger = serializers.CharField()
    mandated = serializers.BooleanField()
    requested_by = Person(allow_null=True)
    requested_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    reason_told = serializers.CharField()
    accommodation = serializers.BooleanField()
    offers = serializers.IntegerField()
    outcome = serializers.CharField(allow_blank=True, help_text="Empty while it is pending")
    settled_at = serializers.DateTimeField(allow_null=True)
    waived_by = Person(allow_null=True)
    waived_reason = serializers.CharField()


class VerificationDetailOut(VerificationOut):
    """The step with every attempt; reading it is recorded."""

    attempts = AttemptOut(many=True, source="shown_attempts")
