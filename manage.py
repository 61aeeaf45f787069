#!/usr/bin/env python
"""Django's command line for Switchboard."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    """Run a management command; a wrong setting or an absent database ends it with a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        sys.exit(f"Postgres does not answer: {reason} (Is `make run` up, with the same DATA_DIR?)")


if __name__ == "__main__":
    main()
