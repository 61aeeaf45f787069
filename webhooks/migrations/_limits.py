"""Let a migration that makes an index take the time that it needs."""

from typing import Any

LIMITS = ("statement_timeout", "lock_timeout")


def lift_limits(_apps: Any, schema_editor: Any) -> None:
    """Let an index of a long table take as long as it does, and wait for whoever writes there."""
    change_limits(schema_editor.connection, "SET {} = 0")
    schema_editor.connection.connection.reply_timeout = None


def restore_limits(_apps: Any, schema_editor: Any) -> None:
    """Have the session keep its limits again."""
    change_limits(schema_editor.connection, "RESET {}")
    reply_timeout = schema_editor.connection.settings_dict["OPTIONS"].get("reply_timeout")
    schema_editor.connection.connection.reply_timeout = reply_timeout


def change_limits(connection: Any, statement: str) -> None:
    """Run the statement for each limit that the session has from us; PgBouncer's have none."""
    with connection.cursor() as cursor:
        if "options" in connection.settings_dict["OPTIONS"]:
            for limit in LIMITS:
                cursor.execute(statement.format(limit))
