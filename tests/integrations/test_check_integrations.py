"""`check_integrations`: would each integration work, and what is to be done where it would not."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import OperationalError
from pytest_django import Settings

from integrations.base import Backend, Request, Result
from integrations.budget import admit, hold, pause, record_failure, resume
from integrations.exceptions import AccessDenied, PermanentFailure, TemporaryFailure
from integrations.kinds import REQUESTS
from integrations.models import StripeCustomer
from integrations.options import Options
from integrations.registry import get_backend
from integrations.usage.stripe import StripeUsage
from tests.commands.typed import Typed, run_command, type_command, unreachable_url
from tests.fakes.stripe import API_KEY, CUSTOMER, EVENT_NAME, FakeStripe

pytestmark = pytest.mark.django_db

ALL_OK = "crm:     ok\ntickets: ok\nusage:   ok\ntasks:   ok\n"
SECRET = "sk_secret +12025550123"
TIME = r"\d\d [A-Z][a-z][a-z] \d\d:\d\d:\d\d UTC"


class PatientOptions(Options, frozen=True, kw_only=True):
    """What the vendor is to say."""

    said: Any = ()
    mistakes: Any = ()


class Patient(Backend[Request]):
    """Has whatever its options say found out about it."""

    serves = frozenset(REQUESTS)
    options_class = PatientOptions
    options: PatientOptions

    def apply(self, request: Request) -> Result:
        """Say that a diagnosis must do without."""
        raise AssertionError(request.idempotency_key)

    def check(self) -> Sequence[CheckMessage]:
        """Return the mistakes in its settings."""
        mistakes: Sequence[CheckMessage] = self.options.mistakes
        return mistakes

    def diagnose(self) -> Sequence[str]:
        """Return or raise what its options say."""
        said: Sequence[str] | Callable[[], Sequence[str]] = self.options.said
        return said() if callable(said) else said


def fail(error: Exception) -> Callable[[], Sequence[str]]:
    """Return what raises `error`."""

    def diagnose() -> Sequence[str]:
        raise error

    return diagnose


def check(settings: Settings, alias: str, *words: str, **options: Any) -> Typed:
    """Type the command where `alias` is bound to a patient with these options."""
    path = f"{__name__}.Patient"
    binding = {"BACKEND": path, "OPTIONS": options}
    settings.INTEGRATIONS = settings.INTEGRATIONS | {alias: binding}
    return type_command("check_integrations", *words)


def test_ledger_is_always_ok() -> None:
    """Without any setting there is nothing that could be wrong."""
    assert type_command("check_integrations") == Typed(0, ALL_OK)


def test_obstacles_have_a_line_each(settings: Settings) -> None:
    """With the others' lines around them, and the failing integrations named at the end."""
    typed = check(settings, "tickets", SAID=["The key is rejected.", "A right is missing."])
    assert typed.status == 1
    assert typed.out.splitlines() == [
        "crm:     ok",
        "tickets: The key is rejected.",
        "tickets: A right is missing.",
        "usage:   ok",
        "tasks:   ok",
    ]
    assert typed.error == "Not every integration works: see to tickets."


def test_only_those_that_are_asked_for_are_checked(settings: Settings) -> None:
    """In the order in which they were typed, each once."""
    typed = check(settings, "tickets", "tasks", "crm", "tasks", SAID=["Broken."])
    assert typed == Typed(0, "tasks:   ok\ncrm:     ok\n")


def test_dry_run_is_told_apart(settings: Settings) -> None:
    """Somebody who left it on should not believe that tickets are opened."""
    typed = check(settings, "tickets", "tickets", DRY_RUN=True)
    assert typed == Typed(0, "tickets: ok, but a dry run: nothing is sent\n")


@pytest.mark.parametrize("failure", [TemporaryFailure, AccessDenied, PermanentFailure])
def test_failure_of_the_vendors_is_a_sentence(settings: Settings, failure: type[Exception]) -> None:
    """What the backend raises says what is wrong."""
    typed = check(settings, "crm", "crm", SAID=fail(failure("The vendor is down.")))
    assert (typed.status, typed.out) == (1, "crm:     The vendor is down.\n")


def test_error_that_nobody_expected_quotes_nothing(settings: Settings) -> None:
    """Its words may hold anything; its class does not."""
    typed = check(settings, "crm", "crm", "tickets", SAID=fail(KeyError(SECRET)))
    assert typed.status == 1
    assert "an unexpected KeyError" in typed.out
    assert "tickets: ok" in typed.out
    assert SECRET not in typed.out + typed.error


def test_error_that_nobody_expected_can_be_had_in_full(settings: Settings) -> None:
    """Whoever asks for a traceback gets one."""
    with pytest.raises(KeyError):
        check(settings, "crm", "--traceback", SAID=fail(KeyError("here")))


def test_database_that_fails_is_not_the_vendors_fault(settings: Settings) -> None:
    """The budget is in Postgres, and a database's words quote rows."""
    typed = check(settings, "crm", "crm", SAID=fail(OperationalError(SECRET)))
    assert typed.out == "crm:     Switchboard's own database failed with OperationalError.\n"


def test_mistake_in_the_settings_comes_before_any_call(settings: Settings) -> None:
    """A template that does not work is told with its hint; a warning stops nothing."""
    mistakes = [Error("A template fails.", hint="Mend it.", id="x.E1"), CheckWarning("Odd.")]
    typed = check(settings, "crm", "crm", MISTAKES=mistakes, SAID=fail(AssertionError()))
    assert typed.out == "crm:     A template fails. Mend it.\n"
    assert check(settings, "crm", "crm", MISTAKES=mistakes[1:]).out == "crm:     ok\n"


@pytest.mark.parametrize(
    "binding", [{"BACKEND": "integrations.nowhere.Nothing"}, {"BACKEND": ""}, {}, None]
)
def test_wrong_binding_does_not_keep_the_others_from_being_checked(
    settings: Settings, binding: Any
) -> None:
    """`check` would stop at it; here every integration has its line."""
    settings.INTEGRATIONS = settings.INTEGRATIONS | {"crm": binding}
    typed = type_command("check_integrations")
    assert typed.status == 1
    first, *others = typed.out.splitlines()
    assert first.startswith("crm:     The setting INTEGRATIONS is wrong: ")
    assert len(others) == 3


def test_unknown_integration_is_wrong_usage() -> None:
    """With status 2 and those that there are, before anything is called."""
    typed = type_command("check_integrations", "crm", "crn")
    assert typed == Typed(2, "", "There is no integration crn, only crm, tickets, usage, tasks.")


@pytest.fixture
def fake(settings: Settings) -> Iterator[FakeStripe]:
    """Bind usage to a fake Stripe, with somebody to bill."""
    StripeCustomer.objects.create(scope="organization", uuid="o", customer_id=CUSTOMER)
    with FakeStripe() as fake:
        options = {"BASE_URL": fake.url, "API_KEY": API_KEY, "EVENT_NAME": EVENT_NAME}
        path = "integrations.usage.stripe.StripeUsage"
        settings.INTEGRATIONS = settings.INTEGRATIONS | {
            "usage": {"BACKEND": path, "OPTIONS": options}
        }
        yield fake
        backend = get_backend("usage")
        assert isinstance(backend, StripeUsage)
        backend.api.client.close()


def test_open_circuit_and_pause_do_not_stop_it(fake: FakeStripe) -> None:
    """They are for effects; whoever looks for the reason has to be able to look."""
    record_failure("usage", AccessDenied("The key was rejected."), "an effect")
    pause("usage", "ada", "Until that is mended")
    assert not admit("usage").is_open
    typed = type_command("check_integrations", "usage")
    assert typed.status == 0
    paused, circuit, ok = (line.removeprefix("usage:   ") for line in typed.out.splitlines())
    assert re.fullmatch(
        rf"Paused by ada since {TIME}: Until that is mended\."
        r" `manage\.py resume_integration usage` lifts that\.",
        paused,
    )
    assert re.fullmatch(
        rf"Its circuit is open until {TIME}: The key was rejected\."
        r" `manage\.py resume_integration usage` has its next effect try at once\.",
        circuit,
    )
    assert ok == "ok"
    assert fake.events == []


def test_circuit_that_is_being_tried_is_told(fake: FakeStripe) -> None:
    """What it says of the vendor comes beside that."""
    record_failure("usage", AccessDenied("The key was rejected."), "an effect")
    resume("usage", "ada")
    fake.keys.pop(API_KEY)
    first, second = type_command("check_integrations", "usage").out.splitlines()
    assert first == (
        "usage:   Its circuit is open, and one effect tries the vendor: The key was rejected."
    )
    assert "Stripe rejected the API key" in second


@pytest.mark.parametrize("seconds", [5, 3600])
def test_vendor_that_asked_to_be_left_alone_is_not_called(fake: FakeStripe, seconds: int) -> None:
    """The line says until when, why and what lifts it, at once; then the vendor is asked again."""
    hold("usage", timedelta(seconds=seconds), "HubSpot answered with status 429.")
    started = time.monotonic()
    typed = type_command("check_integrations", "usage")
    assert time.monotonic() - started < 3
    assert typed.status == 1
    assert re.fullmatch(
        rf"usage:   Held until {TIME}: HubSpot answered with status 429\."
        r" `manage\.py resume_integration usage` lifts that\.\n",
        typed.out,
    )
    assert fake.log == []
    resume("usage", "ada")
    assert type_command("check_integrations", "usage") == Typed(0, "usage:   ok\n")
    assert fake.log != []


def test_key_that_was_mended_is_found_to_work_at_once(fake: FakeStripe) -> None:
    """The obstacle is in the output as long as it is there."""
    rights = fake.keys.pop(API_KEY)
    typed = type_command("check_integrations", "usage")
    assert typed.status == 1
    assert "Stripe rejected the API key" in typed.out
    assert API_KEY not in typed.out + typed.error
    fake.keys[API_KEY] = rights
    assert type_command("check_integrations", "usage").status == 0


@pytest.mark.parametrize("words", ["nothing", "--no-such-option"])
def test_wrong_usage_ends_with_status_2(words: str) -> None:
    """Before the database is asked."""
    typed = run_command(unreachable_url(), "check_integrations", words)
    assert typed.status == 2
    assert "Traceback" not in typed.error


def test_database_that_is_away_ends_with_status_1() -> None:
    """Nothing is applied without it, and the ledger is in it."""
    typed = run_command(unreachable_url(), "check_integrations", "crm")
    assert typed.status == 1
    assert typed.out == "crm:     Switchboard's own database failed with OperationalError.\n"
    assert "Traceback" not in typed.error


def test_ledger_in_a_process_of_its_own_ends_with_status_0(own_database: str) -> None:
    """All four are well as soon as there is a database."""
    typed = run_command(own_database, "check_integrations")
    assert (typed.status, typed.out) == (0, ALL_OK)


def test_vendor_that_is_away_ends_with_status_1_and_no_traceback(own_database: str) -> None:
    """As a process of its own, with the setting from the environment."""
    nobody = '{"usage": {"BACKEND": "integrations.usage.stripe.StripeUsage", "OPTIONS": '
    nobody += '{"BASE_URL": "http://127.0.0.1:9", "API_KEY": "env:KEY", "EVENT_NAME": "x", '
    nobody += '"RATE": ""}}}'
    typed = run_command(own_database, "check_integrations", INTEGRATIONS=nobody, KEY=API_KEY)
    assert typed.status == 1
    assert "usage:   Stripe could not be reached at 127.0.0.1:9." in typed.out
    assert "tasks:   ok" in typed.out
    assert "Traceback" not in typed.error
    assert API_KEY not in typed.out + typed.error
