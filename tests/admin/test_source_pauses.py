"""A source is paused and resumed, for a reason; what that means is said before."""

import pytest
from django.test import Client

from tests.admin.pages import address, list_of, page_of
from tests.factories import EventFactory, SourceFactory
from webhooks.models import AuditEntry, Source

pytestmark = pytest.mark.usefixtures("nobody_to_tell")

WHY = "They change the form of their events."


@pytest.fixture
def source(db: None) -> Source:  # noqa: ARG001 -- asks for the database
    """Return a source of which something was held."""
    source: Source = SourceFactory.create(name="Calls")
    EventFactory.create_batch(2, source=source, status="held")
    EventFactory.create(source=source)
    EventFactory.create(status="held")
    return source


def test_a_source_is_paused_and_resumed(operator: Client, source: Source) -> None:
    """From its page and back; since when, by whom, why, and how much is held stands there."""
    pausing, resuming = (address(Source, deed, source.pk) for deed in ("pause", "resume"))
    html = operator.get(page_of(source)).text
    assert f'href="{pausing}"' in html
    assert f'href="{resuming}"' not in html
    asked = operator.get(pausing).text
    assert "a source that is off answers 404" in asked
    assert "none is processed until somebody resumes the source" in " ".join(asked.split())
    assert "Say why." in operator.post(pausing, {"reason": " "}).text
    response = operator.post(pausing, {"reason": WHY}, follow=True)
    assert response.redirect_chain == [(page_of(source), 302)]
    assert "Calls is paused." in response.text
    assert f"by vic: {WHY}" in response.text
    assert "events that are held until it is resumed: 2." in response.text
    listed = operator.get(list_of(Source)).text
    assert "paused" in listed
    assert f'href="{resuming}"' in listed
    asked = operator.get(resuming).text
    assert "Events that are held, and would be processed</td><td>2<" in asked
    response = operator.post(resuming, {"reason": "They are done."}, follow=True)
    assert "Calls goes on." in response.text
    source.refresh_from_db()
    assert source.paused_at is None
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.action, entry.actor_name) for entry in entries] == [
        ("pause", "vic"),
        ("resume", "vic"),
    ]
    assert entries[0].detail == WHY
    assert entries[1].detail.startswith("They are done.")


def test_what_is_so_already_is_said(operator: Client, source: Source) -> None:
    """A second pause leaves the first as it is; a second resuming does nothing."""
    pausing, resuming = (address(Source, deed, source.pk) for deed in ("pause", "resume"))
    assert "It is not paused." in operator.get(resuming).text
    said = operator.post(resuming, {"reason": ""}, follow=True).text
    assert "Calls is not paused." in said
    operator.post(pausing, {"reason": WHY})
    assert f"by vic: {WHY}" in operator.get(pausing).text
    said = operator.post(pausing, {"reason": "Another."}, follow=True).text
    assert "Calls is paused already." in said
    source.refresh_from_db()
    assert source.paused_reason == WHY
    assert AuditEntry.objects.count() == 1


def test_who_may_only_look_is_offered_nothing(viewer: Client, source: Source) -> None:
    """They see that it is paused, and since when, by whom and why."""
    Source.objects.filter(pk=source.pk).update(
        paused_at="2026-01-01T00:00Z", paused_by="ada", paused_reason=WHY
    )
    for page in (page_of(source), list_of(Source)):
        html = viewer.get(page).text
        assert address(Source, "resume", source.pk) not in html
        assert "paused" in html.lower()
    assert f"by ada: {WHY}" in viewer.get(page_of(source)).text
