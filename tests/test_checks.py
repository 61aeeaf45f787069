"""What `manage.py check` says of the receiver's own settings, by its id."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from config.settings.limits import LIMITS_IN_ORDER
from webhooks.checks import read_seconds


def find_ids() -> list[str | None]:
    """Return the ids of what the receiver's checks find."""
    return [message.id for message in run_checks(tags=["webhooks"])]


def test_shipped_settings_are_sound() -> None:
    """Nothing has to be mended before the first start."""
    assert find_ids() == []


def test_lease_must_outlast_a_task(settings: Settings) -> None:
    """With a shorter one two workers could run one effect."""
    settings.WEBHOOKS_LEASE = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)
    assert find_ids() == ["webhooks.E001"]


@pytest.mark.parametrize(
    ("shorter", "longer"), LIMITS_IN_ORDER, ids=lambda names: str(names).strip("(),'")
)
def test_time_limits_in_the_wrong_order_are_named(
    settings: Settings, shorter: tuple[str, ...], longer: str
) -> None:
    """Whichever two it is: who changed one is told which other one it must not reach."""
    value = sum(map(read_seconds, shorter))
    is_delta = isinstance(getattr(settings, longer), timedelta)
    setattr(settings, longer, timedelta(seconds=value) if is_delta else value)
    words = f"{longer} ({value:g} s) is not longer than {' and '.join(shorter)} ({value:g} s)."
    found = [check for check in run_checks(tags=["webhooks"]) if check.id == "webhooks.E001"]
    assert words in [check.msg for check in found]


@pytest.mark.parametrize(
    "mapping",
    [
        [],
        "goals",
        {"goals": "goals"},
        {"goals": [7]},
        {"goals": [""]},
        {"gaols": ["goals"]},
        {"score": None},
    ],
)
def test_mapping_of_the_analysis_must_have_its_shape(settings: Settings, mapping: Any) -> None:
    """A mapping that reads nothing is found at the start, not by a ticket that nobody got."""
    settings.WEBHOOKS_ANALYSIS_FIELDS = mapping
    assert find_ids() == ["webhooks.E003"]


def test_mapping_may_leave_fields_out(settings: Settings) -> None:
    """What it does not name is looked for under its own name."""
    settings.WEBHOOKS_ANALYSIS_FIELDS = {"score": ["quality.score"]}
    assert find_ids() == []


@pytest.mark.parametrize("url", ["https://x/{uuid}", "https://x/{}", "https://x/{", None])
def test_address_of_a_conversation_takes_its_name_alone(settings: Settings, url: Any) -> None:
    """Another name in braces would fail every effect."""
    settings.CONVERSATION_URL = url
    assert find_ids() == ["webhooks.E004"]
