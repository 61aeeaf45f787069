"""Create in HubSpot what the backends need there."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.clients.hubspot.backend import HubSpotBackend
from integrations.clients.hubspot.setup import create_property
from integrations.exceptions import IntegrationError
from integrations.kinds import REQUESTS
from integrations.registry import get_backend


class Command(BaseCommand):
    help = (
        "Creates the properties in HubSpot by which records are told apart, for each integration"
        " that INTEGRATIONS binds to HubSpot. What is there already stays as it is, so it can be"
        " run again at any time. The key needs the scope crm.schemas.contacts.write for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be created, and create nothing"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        backends = list(find_backends())
        if not backends:
            raise CommandError(
                "INTEGRATIONS binds nothing to HubSpot: see docs/integrations/hubspot.md."
            )
        done = set()
        for backend in backends:
            account = (backend.options.base_url, backend.options.access_token)
            for needed in backend.properties:
                if (account, needed) in done:
                    continue
                done.add((account, needed))
                try:
                    outcome = create_property(backend.client, needed, dry_run=options["dry_run"])
                except IntegrationError as error:
                    raise CommandError(f"{needed.object_type}.{needed.name}: {error}") from error
                self.stdout.write(f"{needed.object_type}.{needed.name} {outcome}.")


def find_backends() -> Iterator[HubSpotBackend[Any]]:
    """Yield the backends that write to HubSpot. Raises `CommandError` for a wrong setting."""
    for alias in REQUESTS:
        try:
            backend = get_backend(alias)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if isinstance(backend, HubSpotBackend):
            yield backend
