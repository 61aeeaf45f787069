"""The HTTP API: who may ask, how often, and how its OpenAPI document looks."""

from typing import Any

from config.settings.environment import whole_number

API_ACTIONS_PER_MINUTE = whole_number("API_ACTIONS_PER_MINUTE", 120)
"""How often one user may have something done, such as a replay, which may be of many rows."""
API_REQUESTS_PER_MINUTE = whole_number("API_REQUESTS_PER_MINUTE", 3000)
"""How often one user may ask. Each receiver process counts for itself, so this is a brake for a
client that has gone wild and not a quota."""

REST_FRAMEWORK: dict[str, Any] = {
    # The first one names the scheme in WWW-Authenticate, which makes a missing token a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "webhooks.api.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "webhooks.api.pages.NewestFirst",
    "DEFAULT_THROTTLE_RATES": {
        "user": f"{API_REQUESTS_PER_MINUTE}/minute",
        "action": f"{API_ACTIONS_PER_MINUTE}/minute",
        "anon": "60/minute",
    },
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "webhooks.api.problems.answer_error",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Switchboard",
    "DESCRIPTION": "What came in, what was made of it, and having it put right. What goes wrong is"
    " answered as `application/problem+json`: 404 for an unknown address and 405 with `Allow` for"
    " a method that an address does not have, too.",
    "VERSION": "1",
    # 3.1 is plain JSON Schema: a null is a type there and not an extension.
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "webhooks.models.Event.Status",
        "EffectStatus": "webhooks.models.Effect.State",
        "IntegrationAlias": "webhooks.models.Effect.Integration",
        "AttemptOutcome": "webhooks.models.Attempt.Outcome",
        "DeliveryOutcome": "webhooks.models.Delivery.Outcome",
        "Verification": "webhooks.models.Delivery.Verification",
        "RunAction": "webhooks.models.Replay.Action",
        "RunState": "webhooks.models.Replay.State",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "webhooks.api.schema.describe_rest",
    ],
}
