"""The API's OpenAPI document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from webhooks.api.bodies import Reason
from webhooks.api.problems import KINDS, MEDIA_TYPE
from webhooks.api.rows import ProgramView
from webhooks.api.tokens import SCHEME, TokenAuthentication
from webhooks.api.wanted import PREVIEWS, RUNS
from webhooks.models import Effect, Event

REF = "#/components/schemas/{name}"

CHOICES: Mapping[type[Any], str] = {
    Event.Status: "EventStatus",
    Effect.State: "EffectStatus",
    Effect.Integration: "IntegrationAlias",
}
"""What the choices that bodies have are called in the document, which has them from answers."""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What is wrong, as RFC 9457 has it.",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Of which kind it is."},
        "title": {"type": "string", "description": "The same for all of a kind."},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
INVALID: dict[str, Any] = {
    **PROBLEM,
    "properties": {
        **PROBLEM["properties"],
        "errors": {
            "type": "object",
            "description": "What is wrong, by parameter or field; `non_field_errors` where it is"
            " none of them.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": [*PROBLEM["required"], "errors"],
}

HEADERS = {
    "401": {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    "429": {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
}


@method_decorator(cache_page(3600), name="dispatch")
class SchemaView(ProgramView, SpectacularAPIView):
    """Serves the document to everybody: it says nothing that this repository does not."""

    # It takes a while to make, and strangers may ask for it.
    throttle_classes = [AnonRateThrottle, UserRateThrottle]
    api_version = "1"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # its registry's
    """Says so in the OpenAPI document; drf-spectacular finds it by being imported."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 -- spectacular's signature
        """Describe the header."""
        return {
            "type": "http",
            "scheme": SCHEME.lower(),
            "description": "A token of one person, made with `manage.py create_api_token`.",
        }


def describe_body(kind: type[Struct]) -> dict[str, Any]:
    """Return what drf-spectacular takes for a body that is read as `kind`."""
    return {"application/json": {"$ref": REF.format(name=kind.__name__)}}


def describe_bodies(kinds: Iterable[type[Struct]]) -> dict[str, Any]:
    """Return what drf-spectacular takes for a body that is read as one of `kinds`."""
    refs = [{"$ref": REF.format(name=kind.__name__)} for kind in kinds]
    return {"application/json": {"oneOf": refs}}


def describe_rest(
    result: dict[str, Any],
    generator: SchemaGenerator,  # noqa: ARG001 -- spectacular's signature
    request: Request | None,  # noqa: ARG001
    public: bool,  # noqa: ARG001, FBT001
) -> dict[str, Any]:
    """Add what bodies have, and the answers that are no successes; a hook of drf-spectacular."""
    result["components"]["schemas"] |= build_body_schemas()
    result["components"]["schemas"] |= {"Problem": PROBLEM, "InvalidRequest": INVALID}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            answers = operation["responses"]
            answers |= {
                status: describe_problem(status)
                for status in sorted(list_refusals(path, method, operation))
            }
    return result


def build_body_schemas() -> dict[str, Any]:
    """Return the schemas of all bodies, by name."""
    kinds = [Reason, *PREVIEWS.values(), *RUNS.values()]
    _, schemas = msgspec.json.schema_components(
        kinds,
        schema_hook=lambda kind: {"$ref": REF.format(name=CHOICES[kind])},
        ref_template=REF,
    )
    return schemas


def list_refusals(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Yield the statuses of an operation's answers that are no successes."""
    yield from ("400", "401", "403", "406", "429", "503")
    if "{" in path:
        yield "404"
    if path.endswith("/payload/"):
        yield "410"
    if "requestBody" in operation:
        yield from ("413", "415")
    if method == "post" and not path.endswith("/preview/"):
        yield "409"


def describe_problem(status: str) -> dict[str, Any]:
    """Return what an answer looks like that is no success."""
    schema = {"$ref": REF.format(name="InvalidRequest" if status == "400" else "Problem")}
    described: dict[str, Any] = {
        "description": KINDS[int(status)][1],
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if status in HEADERS:
        described["headers"] = HEADERS[status]
    return described
