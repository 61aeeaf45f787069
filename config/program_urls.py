"""The addresses that programs ask for: senders, load balancers, orchestrators."""

from django.urls import include, path

from webhooks.operations.health import show_health, show_readiness

urlpatterns = [
    path("", include("webhooks.urls")),
    # Without a final slash, as the programs that ask them are used to.
    path("healthz", show_health, name="healthz"),
    path("readyz", show_readiness, name="readyz"),
]
