"""Sources and their secrets."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from tests.admin.pages import address, every_page, page_of
from tests.admin.story import SECRET
from tests.factories import DeliveryFactory, SigningSecretFactory, SourceFactory
from webhooks.models import AuditEntry, SigningSecret, Source
from webhooks.operations.sources import SCHEMES

pytestmark = pytest.mark.django_db

SHOWN = re.compile(r'<pre class="sb-secret"[^>]*>(.+?)</pre>')
OWN = "the-senders-own-secret-0123456789"


def add_page(source: Source) -> str:
    """Return the path of the page that adds a secret."""
    return reverse("admin:webhooks_signingsecret_add", args=[source.pk])


def retire_page(secret: SigningSecret) -> str:
    """Return the path of the page that retires a secret."""
    page = "admin:webhooks_signingsecret_retire"
    return reverse(page, args=[secret.source_id, secret.fingerprint])


def describe(**values: Any) -> dict[str, Any]:
    """Return what a new source's form sends."""
    return {
        "name": "Calls",
        "slug": "calls",
        "is_active": "on",
        "agent_scope": "",
        "signed_content": "{body}.{timestamp}",
        "signature_header": "X-Webhook-Signature",
        "timestamp_header": "X-Webhook-Timestamp",
        "id_header": "Webhook-Id",
        "encoding": "hex",
        "signature_prefix": "",
        "secret_format": "text",
        "replay_window": "300",
        **values,
    }


def test_new_source_leads_on_to_its_first_secret(staff: Client) -> None:
    """Without a secret a source turns everything away, so that is the next page."""
    response = staff.post(address(Source, "add"), describe())
    assert response.status_code == 302
    assert response.headers["Location"] == add_page(Source.objects.get())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_scheme_fills_a_new_source_in(staff: Client, scheme: str) -> None:
    """One click fills the form in as a known kind of sender signs."""
    form = staff.get(address(Source, "add"), {"scheme": scheme}).context["adminform"].form
    for name, value in SCHEMES[scheme].items():
        assert form[name].value() == value


def test_source_that_signs_no_time_has_to_say_so(staff: Client) -> None:
    """The form refuses a source without a replay window that nobody asked for."""
    response = staff.post(address(Source, "add"), describe(signed_content="{body}"))
    assert "nothing limits replays" in " ".join(response.text.split())
    assert not Source.objects.exists()


def test_generated_secret_is_shown_once_and_never_again(staff: Client) -> None:
    """It stands in the answer that stored it; no page, message, history or session has it later."""
    source = SourceFactory.create()
    response = staff.post(add_page(source), {"origin": "generated"})
    found = SHOWN.search(response.text)
    assert found
    secret = source.secrets.get()
    assert found[1] == secret.value
    assert len(secret.value) >= 32
    assert "no-store" in response.headers["Cache-Control"]
    assert set(response.cookies) <= {"csrftoken", "sessionid"}
    assert all(secret.value not in staff.get(page).text for page in every_page())
    assert secret.value not in staff.get(add_page(source)).text
    assert all(secret.value not in str(entry.__dict__) for entry in AuditEntry.objects.all())
    assert all(secret.value not in str(row.get_decoded()) for row in Session.objects.all())


def test_senders_own_secret_is_taken(staff: Client) -> None:
    """A secret that the sender made is stored as it is, and shown this once."""
    source = SourceFactory.create()
    response = staff.post(add_page(source), {"origin": "given", "secret": OWN})
    assert source.secrets.get().value == OWN
    assert response.text.count(OWN) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"origin": "given", "secret": ""}, "Paste the sender"),
        ({"origin": "given", "secret": "tooo-brief"}, "at least 16 characters"),
        ({"origin": "given", "secret": SECRET}, "This secret is active already."),
        ({"origin": "elsewhere"}, "not one of the available choices"),
        ({}, "This field is required."),
    ],
)
def test_secret_that_cannot_be_taken_is_refused_and_not_sent_back(
    staff: Client, values: dict[str, str], said: str
) -> None:
    """The form says what is wrong; what was typed does not come back with it."""
    source = SigningSecretFactory.create(value=SECRET).source
    response = staff.post(add_page(source), values)
    assert response.status_code == 200
    assert said in response.text
    assert source.secrets.count() == 1
    assert not values.get("secret") or values["secret"] not in response.text


def test_secret_of_the_wrong_format_is_refused(staff: Client) -> None:
    """A Standard Webhooks source wants whsec_ and Base64."""
    source = SourceFactory.create(secret_format="whsec")
    response = staff.post(add_page(source), {"origin": "given", "secret": "this is no base64!"})
    assert "whsec_" in response.text
    assert not source.secrets.exists()


def test_source_page_lists_secrets_by_their_fingerprints(staff: Client) -> None:
    """Each secret has its fingerprint, when it was made and used, and whether it counts."""
    secret = SigningSecretFactory.create(value=SECRET)
    html = staff.get(page_of(secret.source)).text
    assert secret.fingerprint in html
    assert "never" in html
    assert SECRET not in html
    assert f"/webhooks/{secret.source.slug}/" in html


def test_secret_is_retired_after_a_question(staff: Client) -> None:
    """Nothing happens before the answer; afterwards the secret counts no more, for good."""
    old = SigningSecretFactory.create()
    SigningSecretFactory.create(source=old.source)
    assert staff.get(retire_page(old)).status_code == 200
    active = SigningSecret.objects.filter(pk=old.pk, retired_at=None)
    assert active.exists()
    assert staff.post(retire_page(old)).status_code == 302
    assert not active.exists()
    assert staff.post(retire_page(old)).status_code == 404
    retired = AuditEntry.objects.get(action=AuditEntry.Action.SECRET_RETIRED)
    assert retired.detail == old.fingerprint


def test_only_active_secret_is_not_retired(staff: Client) -> None:
    """Everything would be turned away; whoever wants that switches the source off."""
    secret = SigningSecretFactory.create()
    response = staff.post(retire_page(secret), follow=True)
    assert "the only active secret" in response.text
    secret.refresh_from_db()
    assert secret.retired_at is None


@pytest.mark.parametrize(
    ("codename", "page"), [("add_signingsecret", "add"), ("change_signingsecret", "retire")]
)
def test_secrets_need_their_own_permissions(codename: str, page: str) -> None:
    """Who may change sources may not for that reason let a new sender in, or lock one out."""
    secret = SigningSecretFactory.create()
    SigningSecretFactory.create(source=secret.source)
    path = add_page(secret.source) if page == "add" else retire_page(secret)
    user = User.objects.create_user("sam", is_staff=True)
    for other in ("view_source", "change_source", "view_signingsecret"):
        user.user_permissions.add(Permission.objects.get(codename=other))
    client = Client()
    client.force_login(user)
    html = client.get(page_of(secret.source)).text
    assert secret.fingerprint in html
    assert path not in html
    for method in (client.get, client.post):
        assert method(path, {"origin": "generated"}).status_code == 403
    assert secret.source.secrets.filter(retired_at=None).count() == 2
    user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(User.objects.get(pk=user.pk))
    assert client.get(path).status_code == 200


def test_stranger_is_sent_to_the_login() -> None:
    """The pages for secrets are the admin's."""
    secret = SigningSecretFactory.create()
    for path in (add_page(secret.source), retire_page(secret)):
        response = Client().post(path, {"origin": "generated"})
        assert response.status_code == 302
        assert "/admin/login/" in response.headers["Location"]
    assert secret.source.secrets.count() == 1


def test_source_with_deliveries_is_not_deleted_and_says_why(staff: Client) -> None:
    """What came from it would be orphaned; the page says what to do instead."""
    source = DeliveryFactory.create().source
    assert "cannot be deleted" in staff.get(page_of(source)).text
    page = address(Source, "delete", source.pk)
    response = staff.post(page, {"post": "yes"}, follow=True)
    assert "Switch it off instead." in response.text
    assert Source.objects.filter(pk=source.pk).exists()


def test_unused_source_is_deleted_with_its_secrets(staff: Client) -> None:
    """What was made by mistake can go."""
    source = SigningSecretFactory.create().source
    page = address(Source, "delete", source.pk)
    assert staff.get(page).status_code == 200
    assert staff.post(page, {"post": "yes"}).status_code == 302
    assert not Source.objects.exists()
    assert not SigningSecret.objects.exists()
