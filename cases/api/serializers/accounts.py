from rest_framework import serializers

from cases.api.serializers.fields import Number
from cases.models import Account


class ScoreLineOut(serializers.Serializer):
    """One line of the score's sum, with the innocent reading of the same finding."""

    family = serializers.CharField()
    code = serializers.CharField()
    title = serializers.CharField()
    detector = serializers.CharField()
    finding = serializers.IntegerField()
    weight = Number()
    confidence = Number()
    points = Number(help_text="weight × confidence")
    share = Number(help_text="How much of the points its place in the family leaves")
    counted = Number(help_text="What this line adds to the score")
    why = serializers.CharField(help_text="Why it counts as much as it does, as a code")
    reason = serializers.CharField(help_text="The same in words")
    innocent = serializers.CharField()


class AccountOut(serializers.Serializer):
    """A platform account without its holder: what lists show."""

    ref = serializers.CharField()
    kind = serializers.ChoiceField(choices=Account.Kind.choices)
    identity = serializers.ChoiceField(choices=Account.Identity.choices)
    claimed_country = serializers.CharField()
    opened_at = serializers.DateTimeField(allow_null=True)
    first_seen_at = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True)
    score = Number()
    scored_at = serializers.DateTimeField(allow_null=True)
    ring = serializers.IntegerField(source="ring_id", allow_null=True)
    case = serializers.CharField(
        source="shown_case", allow_null=True, help_text="The open case, else the last one"
    )
    hold = serializers.CharField(source="shown_hold", help_text="What its money is under")


class AccountDetailOut(AccountOut):
    """One account with its score line by line. Personal data is masked; reading is recorded."""

    display_name = serializers.CharField(source="masked_name")
    email = serializers.CharField(source="masked_email")
    phone = serializers.CharField(source="masked_phone")
    policy = serializers.IntegerField(
        source="score_policy.version", default=None, allow_null=True, help_text="Of the score"
    )
    score_lines = ScoreLineOut(many=True, source="shown_lines")
