"""The HTTP API: who may ask, how often, and how its OpenAPI document looks."""

from typing import Any

from config.settings.environment import whole_number

API_REQUESTS_PER_MINUTE = whole_number("API_REQUESTS_PER_MINUTE", 3000)
"""How often one user may ask. Each receiver process counts for itself, so this is a brake for a
client that has gone wild and not a quota."""

REST_FRAMEWORK: dict[str, Any] = {
    # The first one names the scheme in WWW-Authenticate, which makes a missing token a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "webhooks.api.pages.NewestFirst",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": f"{API_REQUESTS_PER_MINUTE}/minute", "anon": "60/minute"},
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "webhooks.api.errors.answer_error",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Switchboard",
    "DESCRIPTION": "Events, the conversations they tell of, and the effects they owe.",
    "VERSION": "1",
    # 3.1 is plain JSON Schema: a null is a type there and not an extension.
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "webhooks.models.Event.Status",
        "EffectStatus": "webhooks.models.Effect.State",
        "Integration": "webhooks.models.Effect.Integration",
        "AttemptOutcome": "webhooks.models.Attempt.Outcome",
        "DeliveryOutcome": "webhooks.models.Delivery.Outcome",
        "Verification": "webhooks.models.Delivery.Verification",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "webhooks.api.schema.describe_errors",
    ],
}
