"""What has to be in the database before the processes start: tables, the broker, the demo."""

import io
import os

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connections

from config.broker import install_broker
from config.preconditions import StartError


def prepare_database(*, reset_password: bool) -> None:
    """Bring the database up to date; an up-to-date one is left as it is.

    Args:
        reset_password: Whether the administrator gets the password in `ADMIN_PASSWORD` even if
            they have another by now.

    Raises:
        StartError: The database does not answer, or the settings do not go together.
    """
    django.setup()
    from webhooks.operations.demo import seed_demo  # noqa: PLC0415 -- models need Django's setup

    try:
        call_command("check", stdout=io.StringIO())
        call_command("migrate", interactive=False, verbosity=0)
        if settings.CELERY_BROKER_URL.startswith("pgmq"):
            install_broker(settings.CELERY_BROKER_TRANSPORT_OPTIONS["conn_string"])
        seed_demo(
            admin_password=os.environ["ADMIN_PASSWORD"],
            signing_secret=os.environ["DEMO_SIGNING_SECRET"],
            api_token=os.environ["DEMO_API_TOKEN"],
            reset_password=reset_password,
        )
    except SystemCheckError as error:
        raise StartError(str(error)) from error
    except OperationalError as error:
        raise StartError(
            f"The database that DATABASE_URL names gives no answer: {error}"
        ) from error
    finally:
        # The processes are forked from this one, and a connection is nobody's to share.
        connections.close_all()
