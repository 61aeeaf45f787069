"""The addresses beneath `/api/`."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from webhooks.api.conversations import ConversationViewSet
from webhooks.api.deliveries import DeliveryViewSet
from webhooks.api.effects import EffectViewSet
from webhooks.api.events import EventViewSet
from webhooks.api.integrations import IntegrationViewSet
from webhooks.api.problems import answer_unknown_address
from webhooks.api.replays import ReplayViewSet
from webhooks.api.schema import SchemaView
from webhooks.api.sources import SourceViewSet

router = SimpleRouter()
router.register("deliveries", DeliveryViewSet)
router.register("events", EventViewSet)
router.register("conversations", ConversationViewSet)
router.register("effects", EffectViewSet)
router.register("replays", ReplayViewSet)
router.register("integrations", IntegrationViewSet, basename="integration")
router.register("sources", SourceViewSet)

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SchemaView.as_view(), name="api_schema"),
    # Whatever characters an address has, line feeds among them.
    re_path(r"^[\s\S]*$", answer_unknown_address),
]
