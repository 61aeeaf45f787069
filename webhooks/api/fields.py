"""Fields that several kinds of rows have.

What was said (numbers, summaries, requests) is in no list, and in a single row it is null unless
somebody who has the permission `webhooks.view_payload` asks for it.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class WithheldField(serializers.Field[None, None, None, Any]):
    """Stands in the place of a field that is not shown; does not touch the column."""

    def get_attribute(self, instance: object) -> None:  # noqa: ARG002 -- DRF's signature
        """Return nothing, whatever the row holds."""
        return

    def to_representation(self, value: None) -> None:
        """Return nothing."""
        return value


class PayloadAwareSerializer(serializers.Serializer[Any]):
    """Has null in the fields named `payload_fields`, unless the view says `shows_payload`."""

    payload_fields: tuple[str, ...] = ()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields, the withheld ones replaced."""
        fields = super().get_fields()
        if not self.context.get("shows_payload", False):
            fields |= {name: WithheldField() for name in self.payload_fields}
        return fields


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class RequestField(serializers.JSONField):
    """What is asked of an integration, or sent to it: an object whose fields depend on its kind."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class ChosenField(serializers.JSONField):
    """How the rows of a run were chosen."""
