"""Create a source."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from webhooks.audit import actor_of_command, record
from webhooks.management.terminal import explain, read_secret
from webhooks.models import AuditEntry, Source
from webhooks.operations.sources import SCHEMES, create_source

OPTIONS = {
    "signature_header": "header with the signature",
    "timestamp_header": "header with the timestamp",
    "id_header": "header with the delivery's id, where that is signed",
    "signed_content": "what is signed, from {body}, {timestamp} and {id}",
    "signature_prefix": 'what stands before the signature, such as "sha256="',
}


class Command(BaseCommand):
    help = (
        "Creates a source, the address that a sender posts to, with its first signing secret."
        " A generated secret is printed once and cannot be read again. Give the sender's own with"
        " --secret -, which reads it from standard input, out of other people's sight."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the last part of the address: /webhooks/<slug>/")
        parser.add_argument("--name", default="", help="what people call it; the slug if left out")
        parser.add_argument(
            "--scheme",
            choices=SCHEMES,
            default="sender",
            help="how the sender signs; single options below override it (default: %(default)s)",
        )
        parser.add_argument(
            "--secret", default="", help="the sender's secret, or - to read it from standard input"
        )
        for name, text in OPTIONS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", help=text)
        parser.add_argument("--encoding", choices=Source.Encoding.values)
        parser.add_argument("--secret-format", choices=Source.SecretFormat.values)
        parser.add_argument(
            "--replay-window", type=int, metavar="SECONDS", help="how old a delivery may be"
        )
        parser.add_argument(
            "--allow-missing-timestamp",
            action="store_true",
            default=None,
            help="needed where no timestamp is signed: such deliveries can be replayed for ever",
        )
        parser.add_argument(
            "--agent",
            dest="agent_scope",
            action="append",
            metavar="UUID",
            help="only this agent's conversations have effects; repeatable",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        names = (*OPTIONS, "encoding", "secret_format", "replay_window")
        names += ("allow_missing_timestamp", "agent_scope")
        actor, given = actor_of_command(), read_secret(options["secret"])
        try:
            with transaction.atomic():
                secret = create_source(
                    slug=options["slug"],
                    name=options["name"] or options["slug"],
                    scheme=options["scheme"],
                    secret=given,
                    **{name: options[name] for name in names if options[name] is not None},
                )
                source = secret.row.source
                record(AuditEntry.Action.ADDED, actor, source)
                record(AuditEntry.Action.SECRET_ADDED, actor, source, secret.row.fingerprint)
        except ValidationError as error:
            raise CommandError(explain(error)) from error
        self.stdout.write(f"Created the source {options['slug']}.")
        receiver = os.environ.get("RECEIVER_URL", "").rstrip("/")
        self.stdout.write(f"Address      {receiver}/webhooks/{options['slug']}/")
        self.stdout.write(f"Fingerprint  {secret.row.fingerprint}")
        if not options["secret"]:
            self.stdout.write(f"Secret       {secret.value}")
            self.stdout.write("The secret is not shown again.")
        self.stdout.write(f"Try it with  manage.py send_test_event --source {options['slug']}")
