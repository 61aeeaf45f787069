"""The options for a service on this machine."""

from typing import Any

from tests.fakes.webhook import SECRET


def make_options(url: str, **changes: Any) -> dict[str, Any]:
    """Return the options for a service on this machine."""
    ordinary = {
        "URL": f"{url}/hooks",
        "SECRET": SECRET,
        "ALLOW_PRIVATE_ADDRESSES": True,
        "ALLOW_HTTP": True,
    }
    return ordinary | changes
