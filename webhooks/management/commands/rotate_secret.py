"""Change a source's signing secret without losing a delivery."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from webhooks.audit import actor_of_command, record
from webhooks.management.terminal import explain, print_table, read_secret
from webhooks.models import AuditEntry, Source
from webhooks.operations.sources import add_secret, retire_secret


class Command(BaseCommand):
    help = (
        "Adds a signing secret to a source, beside those that it has: deliveries signed with the"
        " old and the new one are in flight at the same time. Once the old one is no longer used,"
        " --retire ends it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--secret", default="", help="the sender's secret, or - to read it from standard input"
        )
        choice.add_argument(
            "--retire", metavar="FINGERPRINT", help="stop accepting this secret, and add none"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        source = Source.objects.filter(slug=options["slug"]).first()
        if source is None:
            raise CommandError(f"There is no source {options['slug']}.")
        actor = actor_of_command()
        try:
            if options["retire"]:
                with transaction.atomic():
                    retired = retire_secret(source, options["retire"])
                    record(AuditEntry.Action.SECRET_RETIRED, actor, source, retired.fingerprint)
                self.stdout.write(f"Retired the secret {retired.fingerprint}.")
            else:
                given = read_secret(options["secret"])
                with transaction.atomic():
                    secret = add_secret(source, given)
                    record(AuditEntry.Action.SECRET_ADDED, actor, source, secret.row.fingerprint)
                self.stdout.write(f"Added the secret {secret.row.fingerprint}.")
                if not options["secret"]:
                    self.stdout.write(f"Secret  {secret.value}")
                    self.stdout.write("The secret is not shown again.")
        except ValidationError as error:
            raise CommandError(explain(error)) from error
        self.show_active(source)

    def show_active(self, source: Source) -> None:
        """Print the secrets that deliveries may be signed with."""
        print_table(
            self.stdout,
            f"Active secrets of {source}",
            ("Fingerprint", "Created", "Last used"),
            (
                (
                    secret.fingerprint,
                    f"{secret.created_at:%Y-%m-%d %H:%M}",
                    f"{secret.last_used_at:%Y-%m-%d %H:%M}" if secret.last_used_at else "never",
                )
                for secret in source.secrets.filter(retired_at=None)
            ),
        )
