from rest_framework import serializers

from cases.api.base import Strict
from cases.api.serializers.fields import AnyObjects, Person, Ref
from cases.models.verification import Outcome


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


TEXT_MAX = 10_000


class ChallengeIn(Strict):
    challenge = serializers.CharField(max_length=80)
    given = serializers.CharField(max_length=500, required=False, allow_blank=True)
    result = serializers.CharField(max_length=80, required=False, allow_blank=True)


class QuestionIn(Strict):
    question = serializers.CharField(max_length=300)
    answer = serializers.CharField(max_length=2_000, required=False, allow_blank=True)
    result = serializers.CharField(max_length=80, required=False, allow_blank=True)


class AttemptIn(Strict):
    """What was tried, what was seen, what came of it."""

    outcome = serializers.ChoiceField(choices=Outcome.choices)
    challenges = ChallengeIn(many=True, required=False, max_length=40)
    questions = QuestionIn(many=True, required=False, max_length=40)
    observations = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=40
    )
    face_matches_document = serializers.BooleanField(required=False, allow_null=True)
    channel = serializers.CharField(max_length=20, required=False, allow_blank=True)
    held_at = serializers.DateTimeField(required=False)
    performed_by = serializers.CharField(max_length=150, required=False)
    attested_by = serializers.CharField(max_length=128, required=False)
    excuse = serializers.CharField(max_length=TEXT_MAX, required=False, allow_blank=True)
    note = serializers.CharField(max_length=TEXT_MAX, required=False, allow_blank=True)
    evidence_ref = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ReviewIn(Strict):
    agrees = serializers.BooleanField()
    note = serializers.CharField(max_length=TEXT_MAX, required=False, allow_blank=True)
