"""Small pieces that several shapes share."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cases.models import User


class Number(serializers.FloatField):
    """A decimal of ours as a JSON number: two or three digits lose nothing."""


class Person(serializers.CharField):
    """Somebody who works here, by user name."""

    def to_representation(self, value: User) -> str:
        return value.username


class Ref(serializers.CharField):
    """Another object, by the reference that people know it by."""

    def to_representation(self, value: Any) -> str:
        return value.ref


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObject(serializers.JSONField):
    """An object whose members we do not promise."""


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class AnyObjects(serializers.JSONField):
    """A list of objects whose members we do not promise."""
