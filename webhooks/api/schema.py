"""The API's OpenAPI document."""

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from webhooks.api.views import GetOnly

ERRORS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
    },
    "FieldErrors": {
        "type": "object",
        "description": "What is wrong, by parameter; `non_field_errors` where it is none of them.",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
}

DESCRIPTIONS = {
    "400": "Something in the request cannot be meant.",
    "401": "Nobody is logged in, or the token is not known.",
    "403": "The permission for it is missing.",
    "404": "There is none of this name.",
    "410": "The payload was removed.",
    "429": "Asked too often; `Retry-After` says when to come back.",
    "503": "The database did not answer in time.",
}


@method_decorator(cache_page(3600), name="dispatch")
class SchemaView(GetOnly, SpectacularAPIView):
    """Serves the document to everybody: it says nothing that this repository does not."""

    # It takes a while to make, and strangers may ask for it.
    throttle_classes = [AnonRateThrottle, UserRateThrottle]
    api_version = "1"


def describe_errors(
    result: dict[str, Any],
    generator: SchemaGenerator,  # noqa: ARG001 -- spectacular's signature
    request: Request | None,  # noqa: ARG001
    public: bool,  # noqa: ARG001, FBT001
) -> dict[str, Any]:
    """Add the answers that are no successes to every operation; a hook of drf-spectacular."""
    result["components"]["schemas"] |= ERRORS
    for path, operations in result["paths"].items():
        for operation in operations.values():
            names = ["400", "401", "403", "429", "503"]
            names += ["404"] if "{" in path else []
            names += ["410"] if path.endswith("/payload/") else []
            for name in sorted(names):
                kind = "FieldErrors" if name == "400" else "Error"
                operation["responses"][name] = {
                    "description": DESCRIPTIONS[name],
                    "content": {
                        "application/json": {"schema": {"$ref": f"#/components/schemas/{kind}"}}
                    },
                }
    return result
