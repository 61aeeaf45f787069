"""Give a program a token for the API."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webhooks.audit import actor_of_command
from webhooks.management.options import read_moment
from webhooks.management.terminal import explain
from webhooks.operations.tokens import create_token


class Command(BaseCommand):
    help = (
        "Gives a user one more token for the API, and prints it, for this once. The token may do"
        " what its user may, so give a program a user of its own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the name that they log in with")
        parser.add_argument("--name", required=True, help="what the token is for")
        parser.add_argument(
            "--expires", type=read_moment, metavar="TIME", help="refuse it from then on (ISO 8601)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        if not user.is_staff:
            raise CommandError(f"{user} has no staff status, without which no token is taken.")
        try:
            token = create_token(user, options["name"], actor_of_command(), options["expires"])
        except ValidationError as error:
            raise CommandError(explain(error)) from error
        self.stdout.write(f"Token  {token.value}")
        self.stdout.write("The token is not shown again.")
