"""The addresses beneath `/api/`."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from webhooks.api.errors import answer_unknown_address
from webhooks.api.schema import SchemaView
from webhooks.api.views import ConversationViewSet, EffectViewSet, EventViewSet

router = SimpleRouter()
router.register("events", EventViewSet)
router.register("conversations", ConversationViewSet)
router.register("effects", EffectViewSet)

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SchemaView.as_view(), name="api_schema"),
    # Only with the final slash, so that Django still adds one that is missing.
    re_path(r"^(?:[\s\S]*/)?$", answer_unknown_address),
]
