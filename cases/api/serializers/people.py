from rest_framework import serializers


class MeOut(serializers.Serializer):
    """Who is asking, and what they may do."""

    username = serializers.CharField()
    display_name = serializers.CharField()
    time_zone = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())
