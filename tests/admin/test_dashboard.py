"""The start page: is all well, and where to look if not."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.budget import pause
from tests.admin.story import PERSONAL, SECRET, Story
from tests.factories import (
    ConversationFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
    SigningSecretFactory,
    SourceFactory,
)
from webhooks.admin.dashboard import backlog as dashboard_backlog
from webhooks.admin.dashboard import effects as dashboard_effects
from webhooks.admin.dashboard import parts as dashboard_parts
from webhooks.admin.dashboard.parts import Block, Finding
from webhooks.models import (
    AcknowledgementCount,
    Conversation,
    CountedUntil,
    DeliveryCount,
    Event,
    RejectionCount,
    SigningSecret,
    Source,
)
from webhooks.statistics.counting import count_what_happened

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def look(client: Client, window: str = "hour") -> Any:
    """Open the start page."""
    response = client.get(reverse("admin:index"), {"window": window})
    assert response.status_code == 200
    return response


def count() -> None:
    """Count what the factories have made."""
    CountedUntil.objects.update(due_at=timezone.now() - MINUTE)
    for _ in range(5):
        count_what_happened()
    CountedUntil.objects.update(counted_at=timezone.now(), until=timezone.now())


def find_block(response: Any, name: str) -> Block:
    """Return one of the page's parts."""
    (block,) = (block for block in response.context["blocks"] if block.name == name)
    assert isinstance(block, Block)
    return block


def read_figures(response: Any, name: str) -> dict[str, str]:
    """Return the numbers of a part by what they count."""
    return {figure.label: figure.text for figure in find_block(response, name).figures}


def read_rows(response: Any, name: str) -> dict[str, list[str]]:
    """Return the rows of a part's table by their first cell."""
    table = find_block(response, name).table
    assert table
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def read_findings(response: Any) -> list[str]:
    """Return what the page says is not well, as it says it."""
    findings: list[Finding] = response.context["findings"]
    return [finding.text for finding in findings]


def test_numbers_are_those_of_the_rows(staff: Client, story: Story) -> None:
    """What was delivered, turned away, done and left undone."""
    count()
    page = look(staff)
    assert read_figures(page, "deliveries") == {
        "accepted": "3",
        "duplicate": "1",
        "conflict": "1",
        "rejected": "50",
    }
    assert {row.text for row in find_block(page, "rejections").table.rows[0][2:]} == {"7"}  # type: ignore[union-attr]
    assert len(find_block(page, "rejections").table.rows) == 7  # type: ignore[union-attr]
    crm = read_rows(page, "effects")["CRM"]
    assert crm[:5] == ["working", "0", "0", "0", "0"]
    assert read_rows(page, "effects")["Tickets"][3] == "1"
    assert read_rows(page, "sources")["Calls"][2] == "6"
    assert read_figures(page, "backlog")["need somebody"] == "0"
    assert "Tickets: 1 effect needs somebody: retry, or close with a reason." in read_findings(page)
    assert story.failed.integration == "tickets"


def test_rejections_lead_to_the_counts_of_the_time_that_is_looked_at(
    staff: Client, story: Story
) -> None:
    """What the list adds up to is the number that led there, whatever came the days before."""
    for row in RejectionCount.objects.all():
        RejectionCount.objects.create(
            source=story.source,
            verification=row.verification,
            hour=row.hour - 72 * 60 * MINUTE,
            count=5,
        )
    count()
    table = find_block(look(staff), "rejections").table
    assert table is not None
    for *_, cell in table.rows:
        shown = staff.get(cell.url).context["cl"].result_list
        assert str(sum(row.count for row in shown)) == cell.text, cell.url


def test_every_number_leads_to_the_rows_that_it_counts(staff: Client, story: Story) -> None:
    """No link is refused, and a list that can be counted has as many rows."""
    EventFactory.create_batch(2, source=story.source, status="dead")
    EventFactory.create_batch(3, source=story.source, status="held")
    EventFactory.create(source=story.source)
    ended = timezone.now() - 20 * MINUTE
    ConversationFactory.create_batch(2, ended_at=ended)
    ConversationFactory.create(ended_at=ended, analysed_at=ended)
    ConversationFactory.create(ended_at=timezone.now() - MINUTE)
    count()
    page = look(staff)
    numbers = {
        (figure.url, figure.text)
        for block in page.context["blocks"]
        for figure in block.figures
        if figure.url and not figure.detail.startswith(("part of", "turned away"))
    } | {
        (cell.url, cell.text)
        for block in page.context["blocks"]
        for row in (block.table.rows if block.table else ())
        for cell in row
        if "/effect/" in cell.url or "/delivery/" in cell.url
    }
    assert len(numbers) > 20
    for url, text in numbers:
        shown = staff.get(url)
        assert shown.status_code == 200, url
        assert str(shown.context["cl"].result_count) == text, url
    for url in re.findall(r'href="(/admin/webhooks/[^"]*)"', page.text):
        assert staff.get(url.replace("&amp;", "&")).status_code == 200, url


BLOCKS = {
    "view_event": {"backlog"},
    "view_delivery": {"deliveries", "acknowledgements"},
    "view_effect": {"effects"},
    "view_source": {"sources"},
    "view_rejectioncount": {"rejections"},
    "view_conversation": {"conversations"},
    "view_replay": set(),
}


@pytest.mark.parametrize("permission", BLOCKS)
@pytest.mark.usefixtures("story")
def test_parts_are_for_those_who_may_see_what_they_count(permission: str) -> None:
    """And so are what they find wrong and where they lead."""
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client = Client()
    client.force_login(user)
    count()
    for page in (look(client), client.get(reverse("dashboard"))):
        assert {block.name for block in page.context["blocks"]} == BLOCKS[permission]
        board = page.text.split('id="dashboard"')[-1]
        for url in set(re.findall(r'href="(/admin/[^"]*/)[?"]', board)) - {"/admin/"}:
            assert client.get(url).status_code == 200, url
    if permission != "view_effect":
        assert "needs somebody" not in page.text


@pytest.mark.parametrize("window", ["now", "hour", "day", "week"])
def test_viewer_sees_the_whole_page_and_nothing_that_was_said(
    viewer: Client, story: Story, window: str
) -> None:
    """Nor does an administrator: nothing here is about a person."""
    count()
    page = look(viewer, window)
    assert len(page.context["blocks"]) == 7
    secrets = (*PERSONAL, SECRET, story.secret.value)
    assert [secret for secret in secrets if secret in page.text] == []


@pytest.mark.parametrize("path", ["admin:index", "dashboard"])
def test_nobody_sees_it_without_logging_in(client: Client, path: str) -> None:
    """Neither the page nor what refreshes it."""
    response = client.get(reverse(path))
    assert response.status_code == 302
    assert reverse("admin:login") in response["Location"]


def test_page_that_is_left_open_writes_nothing(viewer: Client) -> None:
    """It neither prolongs the session nor is kept by anybody on the way."""
    look(viewer)
    # What browsers say of what a script has fetched.
    fetched = {"Sec-Fetch-Dest": "empty"}
    response = viewer.get(reverse("dashboard"), headers=fetched)
    assert response.status_code == 200
    assert response.cookies == {}
    assert "no-store" in response["Cache-Control"]
    assert viewer.post(reverse("dashboard")).status_code == 405
    with CaptureQueriesContext(connection) as queries:
        viewer.get(reverse("dashboard"), headers=fetched)
    written = [q["sql"] for q in queries if not q["sql"].lstrip().startswith(("SELECT", "WITH"))]
    assert written == []


@pytest.mark.parametrize("window", ["now", "hour", "day", "week"])
def test_page_takes_few_queries(viewer: Client, story: Story, window: str) -> None:
    """And no more where there is more to show."""
    assert story
    count()
    look(viewer, window)
    with CaptureQueriesContext(connection) as few:
        look(viewer, window)
    for source in SourceFactory.create_batch(5):
        SigningSecretFactory.create(source=source)
        DeliveryFactory.create(event__source=source)
    EffectFactory.create_batch(5, integration="usage", state="dead")
    count()
    with CaptureQueriesContext(connection) as more:
        look(viewer, window)
    assert len(more) == len(few) <= 20


@pytest.mark.parametrize("window", ["", "year", "hour' OR 1=1", "\0"])
def test_any_other_time_is_the_hour(staff: Client, window: str) -> None:
    """Whatever is typed into the address."""
    assert look(staff, window).context["look"].window.name == "hour"


def test_what_waits_is_counted_no_further_than_anybody_needs(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more it is said that it is more."""
    for module in (dashboard_parts, dashboard_backlog, dashboard_effects):
        monkeypatch.setattr(module, "CAP", 3)
    EventFactory.create_batch(5, status="dead")
    EffectFactory.create_batch(4, state="dead")
    count()
    page = look(staff)
    assert read_figures(page, "backlog")["need somebody"] == "3+"
    assert read_rows(page, "effects")["CRM"][4] == "3+"
    assert "More than 3 events need somebody: retry, or close with a reason." in read_findings(page)


def test_first_thing_to_do_is_to_add_a_source(staff: Client, viewer: Client) -> None:
    """With the way there for those who may, and with whom to ask for the others."""
    page = look(staff).text
    assert "there is no source" in page
    assert reverse("admin:webhooks_source_add") in page
    page = look(viewer).text
    assert "Ask an administrator to add a source" in page
    assert reverse("admin:webhooks_source_add") not in page


def test_second_thing_to_do_is_to_give_the_sender_its_address(staff: Client) -> None:
    """Until something has arrived."""
    source = SigningSecretFactory.create().source
    page = look(staff).text
    assert "Nothing has arrived yet" in page
    assert reverse("admin:webhooks_source_change", args=[source.pk]) in page
    DeliveryFactory.create(event__source=source)
    assert "Nothing has arrived yet" not in look(staff).text


def test_staff_without_any_permission_is_told_whom_to_ask() -> None:
    """Rather than that all is well."""
    client = Client()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    page = look(client).text
    assert "There is nothing here that you may see" in page
    assert "All is well" not in page


@pytest.fixture
def quiet(db: None) -> Source:  # noqa: ARG001 -- asks for the database
    """Return a source of which everything is done, so that all is well."""
    secret = SigningSecretFactory.create(last_used_at=timezone.now())
    event = EventFactory.create(source=secret.source, status="processed")
    DeliveryFactory.create(event=event)
    count()
    return secret.source


def test_all_is_well_where_nothing_is_not(staff: Client, quiet: Source) -> None:
    """In so many words."""
    page = look(staff)
    assert read_findings(page) == []
    assert "All is well" in page.text
    assert quiet.name in page.text


def break_counting(source: Source) -> None:
    """Have nobody count any more."""
    assert source
    CountedUntil.objects.update(counted_at=timezone.now() - timedelta(minutes=12))


def refuse_all(source: Source) -> None:
    """Have all deliveries turned away."""
    DeliveryCount.objects.all().delete()
    RejectionCount.objects.create(
        source=source, hour=timezone.now(), verification="signature_mismatch", count=12
    )
    count()


def put_off(source: Source) -> None:
    """Have Postgres away for a while."""
    assert source
    AcknowledgementCount.objects.create(
        since=timezone.now(), answer="put_off", at_most_ms=5000, count=34
    )


def delay_events(source: Source) -> None:
    """Have an event wait for a worker."""
    EventFactory.create(source=source, due_at=timezone.now() - timedelta(minutes=9))


def delay_effects(source: Source) -> None:
    """Have an effect wait for a worker."""
    event = Event.objects.filter(source=source)[0]
    EffectFactory.create(event=event, due_at=timezone.now() - timedelta(minutes=11))


def pause_crm(source: Source) -> None:
    """Have somebody pause the CRM."""
    assert source
    pause("crm", "ada", "It moves.")


def pause_source(source: Source) -> None:
    """Have somebody pause the source."""
    Source.objects.filter(pk=source.pk).update(
        paused_at=timezone.now(), paused_by="ada", paused_reason="It moves."
    )


def kill_event(source: Source) -> None:
    """Have an event given up."""
    EventFactory.create(source=source, status="dead")


def retire_secret(source: Source) -> None:
    """Leave the source without a secret."""
    SigningSecret.objects.filter(source=source).update(retired_at=timezone.now())


def renew_secret(source: Source) -> None:
    """Have a new secret lie around unused."""
    secret = SigningSecretFactory.create(source=source)
    age = timezone.now() - timedelta(hours=30)
    SigningSecret.objects.filter(pk=secret.pk).update(created_at=age)
    old = SigningSecret.objects.exclude(pk=secret.pk)
    old.update(created_at=age - timedelta(days=9))


def fall_silent(source: Source) -> None:
    """Have the source send every half hour for days, and then no more for hours."""
    SigningSecret.objects.update(last_used_at=None)
    silent_since = timezone.now() - timedelta(hours=3)
    Event.objects.update(received_at=silent_since)
    DeliveryCount.objects.all().delete()
    DeliveryCount.objects.bulk_create(
        DeliveryCount(
            since=silent_since - number * timedelta(minutes=30),
            source=source,
            outcome="accepted",
            verification="verified",
            count=1,
        )
        for number in range(100)
    )


def lack_analyses(source: Source) -> None:
    """Have conversations end without an analysis, of a sender that does analyse."""
    assert source
    ended = timezone.now() - 20 * MINUTE
    ConversationFactory.create_batch(5, ended_at=ended)
    ConversationFactory.create(ended_at=ended, analysed_at=ended)


TROUBLES = {
    break_counting: "Nothing has been counted for 12 min, so the figures are old",
    refuse_all: "turned away 12 deliveries within a quarter of an hour and took none",
    put_off: "34 deliveries were told to come back later in the last hour",
    delay_events: "1 event waits to be processed, the oldest for 9 min",
    delay_effects: "CRM: 1 effect to do, the oldest due for 11 min",
    pause_crm: "CRM is paused by ada; 0 effects to do.",
    pause_source: "is paused by ada; its events are taken, and held.",
    kill_event: "1 event needs somebody: retry, or close with a reason.",
    retire_secret: "has no active secret, so every delivery is refused: add one.",
    renew_secret: "has not been used for 30 h: does the sender have it?",
    fall_silent: "has been silent for 3 h, which is unusual: within a week its longest pause was",
    lack_analyses: "5 conversations ended in the last hour and have no analysis",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_not_well_is_named_at_the_top(staff: Client, quiet: Source, trouble: Any) -> None:
    """One trouble, one sentence."""
    trouble(quiet)
    page = look(staff)
    (finding,) = read_findings(page)
    assert TROUBLES[trouble] in finding
    assert finding.split("'")[0] in page.text
    assert "All is well" not in page.text
    (said,) = page.context["findings"]
    assert not said.url or staff.get(said.url).status_code == 200


def test_worst_comes_first(staff: Client, quiet: Source) -> None:
    """Whatever the order of the parts."""
    for trouble in (pause_source, kill_event, delay_effects):
        trouble(quiet)
    page = look(staff)
    assert [finding.tone for finding in page.context["findings"]] == [
        "danger",
        "warning",
        "warning",
    ]
    assert "CRM: 1 effect to do" in read_findings(page)[0]


def test_conversations_of_a_sender_that_never_analyses_are_no_trouble(
    staff: Client, quiet: Source
) -> None:
    """They are counted, and nobody is called for them."""
    assert quiet
    ConversationFactory.create_batch(9, ended_at=timezone.now() - 20 * MINUTE)
    page = look(staff)
    assert read_findings(page) == []
    assert read_figures(page, "conversations") == {"ended more than 15 minutes ago": "9"}
    assert Conversation.objects.count() == 9


def test_acknowledgements_tell_within_which_time_they_were_given(
    staff: Client, quiet: Source
) -> None:
    """Half, 95 and 99 of 100, out of all processes' counts."""
    assert quiet
    for step, number in {5: 60, 80: 36, 1000: 4}.items():
        AcknowledgementCount.objects.create(
            since=timezone.now(), answer="taken", at_most_ms=step, count=number
        )
    assert read_figures(look(staff), "acknowledgements") == {
        "Half of them": "≤ 5 ms",
        "95 of 100": "≤ 80 ms",
        "99 of 100": "≤ 1 s",
        "Told to come back": "0",
    }


def test_charts_are_told_as_tables_too(staff: Client, story: Story) -> None:
    """Each bar is a row, with the same numbers."""
    assert story
    count()
    chart = find_block(look(staff), "deliveries").chart
    assert chart
    rows = [[cell.text for cell in row] for row in chart.table.rows]
    assert len(rows) == len(chart.moments) >= 12
    assert sum(int(row[1]) for row in rows) == 3
    assert [row[0] for row in rows] == list(chart.moments)
