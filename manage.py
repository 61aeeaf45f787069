#!/usr/bin/env python
"""Django's command line for Switchboard."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run a management command; a wrong setting ends it with one sentence and status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
