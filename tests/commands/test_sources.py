"""`create_source` and `rotate_secret`."""

import pytest

from tests.commands.typed import give_input, type_command
from webhooks.models import SigningSecret, Source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take nothing from the machine's environment."""
    monkeypatch.delenv("RECEIVER_URL", raising=False)


def read_shown_secret(out: str) -> str:
    """Return the secret that a command has printed."""
    return next(line.split()[1] for line in out.splitlines() if line.startswith("Secret "))


def test_a_new_source_shows_its_secret_once() -> None:
    """What was printed is what deliveries are verified with."""
    typed = type_command("create_source", "acme", "--name", "Acme")
    assert typed.status == 0
    assert SigningSecret.objects.get().value == read_shown_secret(typed.out)
    assert "Address      /webhooks/acme/" in typed.out
    assert "send_test_event --source acme" in typed.out


def test_the_address_is_whole_where_the_receiver_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be copied to the sender as it stands."""
    monkeypatch.setenv("RECEIVER_URL", "https://hooks.example.com/")
    typed = type_command("create_source", "acme")
    assert "https://hooks.example.com/webhooks/acme/" in typed.out


def test_a_given_secret_is_read_from_standard_input_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sender has made it; printing it would only spread it."""
    give_input(monkeypatch, "from-the-sender\n")
    typed = type_command("create_source", "acme", "--secret", "-")
    assert SigningSecret.objects.get().value == "from-the-sender"
    assert "from-the-sender" not in typed.out


def test_presets_and_single_options_set_the_scheme() -> None:
    """An option given by itself wins."""
    type_command(
        "create_source",
        "acme",
        "--scheme=standard-webhooks",
        "--timestamp-header=X-Time",
        "--replay-window=60",
        "--agent=a",
        "--agent=b",
    )
    source = Source.objects.get()
    assert source.signed_content == "{id}.{timestamp}.{body}"
    assert (source.timestamp_header, source.replay_window) == ("X-Time", 60)
    assert source.agent_scope == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("taken",), "Slug already exists"),
        (("Not a slug!",), "such as not-a-slug."),
        (("!",), "such as my-phone-line."),
        (("acme", "--scheme=body-only"), "nothing limits replays"),
        (("acme", "--signed-content={timestamp}"), "{body} must be there"),
        (("acme", "--replay-window=100000"), "86400"),
        (("acme", "--signature-header=Not A Header"), "letters, digits and hyphens"),
        (("acme", "--scheme=standard-webhooks", "--secret=plain!"), "whsec_"),
    ],
)
def test_a_mistake_gets_one_sentence_and_creates_nothing(words: tuple[str, ...], said: str) -> None:
    """It says what is wrong, and the status is 1."""
    type_command("create_source", "taken")
    typed = type_command("create_source", *words)
    assert typed.status == 1
    assert said in typed.error
    assert "\n" not in typed.error
    assert Source.objects.count() == 1


def test_a_body_only_source_is_created_when_it_is_meant() -> None:
    """The option says so in so many words."""
    type_command("create_source", "acme", "--scheme=body-only", "--allow-missing-timestamp")
    assert Source.objects.get().allow_missing_timestamp


def test_a_rotation_adds_a_secret_and_then_retires_the_old_one() -> None:
    """Both are accepted in between."""
    old = read_shown_secret(type_command("create_source", "acme").out)
    typed = type_command("rotate_secret", "acme")
    new = read_shown_secret(typed.out)
    active = SigningSecret.objects.filter(retired_at=None)
    assert {secret.value for secret in active} == {old, new}
    fingerprint = next(secret.fingerprint for secret in active if secret.value == old)
    assert fingerprint in typed.out
    typed = type_command("rotate_secret", "acme", "--retire", fingerprint)
    assert typed.status == 0
    assert [secret.value for secret in active.all()] == [new]
    assert old not in typed.out
    assert new not in typed.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no source nobody"),
        (("acme", "--retire", "123456789abc"), "No active secret"),
        (("acme", "--secret", "known"), "active already"),
    ],
)
def test_a_rotation_that_cannot_be_gets_one_sentence(words: tuple[str, ...], said: str) -> None:
    """And changes nothing."""
    type_command("create_source", "acme", "--secret", "known")
    typed = type_command("rotate_secret", *words)
    assert (typed.status, SigningSecret.objects.filter(retired_at=None).count()) == (1, 1)
    assert said in typed.error
