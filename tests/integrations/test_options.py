"""Options are read once, typed, and nothing shows their values."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.options import Options
from integrations.rates import Rate


class VendorOptions(Options, frozen=True, kw_only=True):
    """Options of a vendor that has a key and a limit."""

    default_rate = "100/10s"
    default_concurrency = 8

    access_token: str
    portal_id: int = 0


def test_names_are_in_capitals_in_the_setting() -> None:
    """A setting reads like Django's own."""
    options = VendorOptions.read({"ACCESS_TOKEN": "k", "DRY_RUN": True})
    assert (options.access_token, options.dry_run) == ("k", True)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, "ACCESS_TOKEN"),
        ({"ACCESS_TOKEN": 7}, "ACCESS_TOKEN"),
        ({"ACCESS_TOKEN": "Xylophonic", "PORTAL_ID": "Xylophonic"}, "PORTAL_ID"),
        ({"ACCESS_TOKEN": "Xylophonic", "TOKEN": "Xylophonic"}, "TOKEN"),
        ({"ACCESS_TOKEN": "Xylophonic", "RATE": "Xylophonic"}, "RATE"),
        ({"ACCESS_TOKEN": "Xylophonic", "CONCURRENCY": -1}, "CONCURRENCY"),
    ],
)
def test_mistake_names_the_option_and_not_its_value(wrong: dict[str, object], named: str) -> None:
    """Whoever reads the error learns what to mend, and no key."""
    with pytest.raises(ImproperlyConfigured, match=named) as error:
        VendorOptions.read(wrong)
    assert "Xylophonic" not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_representation_shows_no_value() -> None:
    """A traceback that shows the options shows no key."""
    assert "Xylophonic" not in repr(VendorOptions.read({"ACCESS_TOKEN": "Xylophonic"}))


@pytest.mark.parametrize(
    ("given", "rate", "concurrency"),
    [
        ({}, Rate(100, timedelta(seconds=10)), 8),
        ({"RATE": "700/m", "CONCURRENCY": 2}, Rate(700, timedelta(minutes=1)), 2),
        ({"RATE": "", "CONCURRENCY": 0}, None, None),
    ],
)
def test_limits_are_the_vendors_unless_the_setting_says_otherwise(
    given: dict[str, object], rate: Rate | None, concurrency: int | None
) -> None:
    """Without a word the limits are those of an ordinary account; they can be lifted."""
    options = VendorOptions.read({"ACCESS_TOKEN": "k", **given})
    assert (options.read_rate(), options.read_concurrency()) == (rate, concurrency)


@pytest.mark.parametrize("text", ["0/s", "5", "5/d", "-1/s", "5/0s", "1e3/s", " 5/s", "5/s\n"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate that nobody can keep to is a mistake in the setting."""
    with pytest.raises(ValueError, match="RATE"):
        Rate.parse(text)


@pytest.mark.parametrize("text", ["190/10s", "1/s", "1500/h", "7/3m"])
def test_spacing_keeps_below_the_rate(text: str) -> None:
    """Requests that are spaced evenly are fewer in each window than the rate allows."""
    rate = Rate.parse(text)
    assert rate.window // rate.spacing + 1 <= max(rate.requests, 1)
