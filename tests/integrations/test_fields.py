"""Field mappings render what operators ask for, and say what they got wrong."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from integrations.exceptions import PermanentFailure
from integrations.facts import Goal
from integrations.fields import FieldMapping, check_fields
from integrations.tickets.ledger import LedgerTickets
from tests.contracts.requests import make_ticket_request

TICKETS = LedgerTickets("tickets", {})
DEFAULTS = {"subject": "{{ request.subject }}", "note": "{{ conversation.agent_name }}"}


def test_defaults_are_rendered_over_the_request() -> None:
    """Without options the backend's own templates fill its fields."""
    fields = FieldMapping(DEFAULTS).render(make_ticket_request())
    assert fields == {"subject": "Call failed", "note": "Front desk"}


def test_override_replaces_adds_and_drops() -> None:
    """An operator changes one field, adds one, and has one left out, and the rest stays."""
    mapping = FieldMapping(
        {**DEFAULTS, "priority": "{{ request.priority }}"},
        {"subject": "{{ event.event_type }}", "extra": "x", "note": ""},
    )
    assert mapping.render(make_ticket_request()) == {
        "subject": "conversation.ended",
        "extra": "x",
        "priority": "high",
    }


def test_field_that_comes_to_nothing_is_left_out() -> None:
    """A vendor is not sent empty fields, nor what is white space only."""
    mapping = FieldMapping({"note": " {{ conversation.agent_name }} ", "subject": "s"})
    assert mapping.render(make_ticket_request(agent_name="")) == {"subject": "s"}


def test_text_is_escaped_in_html_fields_alone() -> None:
    """What a caller said cannot become markup where there is markup, and stays itself elsewhere."""
    mapping = FieldMapping(
        {"text": "{{ request.subject }}", "html": "<b>{{ request.subject }}</b>"}, html=["html"]
    )
    assert mapping.render(make_ticket_request(subject="<i> & 'x'")) == {
        "text": "<i> & 'x'",
        "html": "<b>&lt;i&gt; &amp; &#x27;x&#x27;</b>",
    }


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧 שלום \u202eback", "{{ conversation.agent_name }} {% now %}", "%s"]
)
def test_text_of_a_caller_is_no_template(text: str) -> None:
    """Whatever a request holds arrives as it is and is never run."""
    assert FieldMapping(DEFAULTS).render(make_ticket_request(subject=text))["subject"] == text


def test_rendering_hangs_on_no_language_and_no_time_zone(settings: object) -> None:
    """The same request renders to the same bytes whoever's settings a worker has."""
    settings.TIME_ZONE = "Asia/Tokyo"  # type: ignore[attr-defined]
    mapping = FieldMapping(
        {"n": "{{ conversation.duration_seconds }}", "t": "{{ conversation.ended_at|date:'H:i' }}"}
    )
    request = make_ticket_request(
        duration_seconds=1234567, ended_at=datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    )
    with translation.override("de"):
        assert mapping.render(request) == {"n": "1234567", "t": "09:30"}


def test_goals_can_be_listed() -> None:
    """Loops and conditions work on the analysis."""
    mapping = FieldMapping(
        {
            "goals": "{% for goal in conversation.goals %}"
            "{{ goal.name }}{% if goal.achieved is False %} missed{% endif %};{% endfor %}"
        }
    )
    goals = (Goal("A", achieved=True), Goal("B", achieved=False))
    assert mapping.render(make_ticket_request(goals=goals)) == {"goals": "A;B missed;"}


def test_template_that_cannot_be_parsed_names_its_field() -> None:
    """A mistake of syntax stops the start and says where it is."""
    with pytest.raises(ImproperlyConfigured, match="'subject'"):
        FieldMapping(DEFAULTS, {"subject": "{% if %}"})


@pytest.mark.parametrize(
    "source",
    [
        "{% include 'x.html' %}",
        "{% extends 'base.html' %}",
        "{% load static %}",
        "{% url 'admin:index' %}",
        "{% debug %}",
        "{% now 'c' %}",
        "{% lorem %}",
        "{{ conversation.goals|random }}",
        "{{ event.created|timesince }}",
    ],
)
def test_template_has_no_file_no_page_and_no_chance(source: str) -> None:
    """A mapping makes the same of a request each time, and of nothing else."""
    with pytest.raises(ImproperlyConfigured, match="'subject'"):
        FieldMapping({"subject": source})


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ subject }}", "subject"),
        ("{{ request.subjekt }}", "request.subjekt"),
        ("{{ conversation.agent }}", "conversation.agent"),
        ("{% if conversation.nothing %}x{% endif %}", "conversation.nothing"),
        ("{% if request.due_at %}x{% endif %}", "request.due_at"),
        ("{% for g in conversation.goals %}{{ g.nmae }}{% endfor %}", "g.nmae"),
        ("{% if not conversation.summary %}{{ conversation.x }}{% endif %}", "conversation.x"),
        ("{{ event.type|upper }}", "event.type"),
        ("{{ request.conversation.agnet }}", "request.conversation.agnet"),
        ("{{ conversation.summary.foo }}", "conversation.summary.foo"),
        ("{% if conversation.status == 'failed' %}{{ request.nope }}{% endif %}", "request.nope"),
        ("{{ conversation.score|add:conversation.foo }}", "conversation.foo"),
        ("{% with a=conversation.goals.0 %}{{ a.nmae }}{% endwith %}", "a.nmae"),
        ("{% for g in conversation.goals %}{{ g.name }}{% endfor %}{{ g }}", "g"),
        ("{% firstof request.subjekt 'x' %}", "request.subjekt"),
        ("{% filter add:event.x %}x{% endfilter %}", "event.x"),
    ],
)
def test_name_that_no_request_has_is_found_by_the_check(source: str, path: str) -> None:
    """A slip of the pen shows at the start and not in an effect at night."""
    (message,) = check_fields(TICKETS, "FIELDS", FieldMapping(DEFAULTS, {"note": source}))
    assert message.id == "integrations.E011"
    assert f"'note' asks for {path!r}" in message.msg


@pytest.mark.parametrize(
    "source",
    [
        "{{ request.subject|truncatechars:20 }}",
        "{{ request.tags|join:', ' }}",
        "{% for goal in conversation.goals %}{{ forloop.counter }}{{ goal.reason }}{% endfor %}",
        "{% with name=conversation.agent_name %}{{ name }}{% endwith %}",
        "{{ conversation.started_at|date:'c' }}{{ conversation.other_party }}",
        "{{ conversation.score|floatformat:2 }}",
        "{% firstof conversation.summary request.description %}",
        "{% firstof conversation.summary 'x' as said %}{{ said }}",
        "{% for g in conversation.goals|slice:':1' %}{{ g.name }}{% endfor %}",
        "{% for g in conversation.goals %}{% if g.achieved is None %}?{% endif %}{% endfor %}",
        "{{ conversation.started_at.year }}{{ request.tags.0 }}{{ conversation.goals.2.name }}",
    ],
)
def test_sound_template_is_no_mistake(source: str) -> None:
    """Filters, loops and conditions over what there is pass."""
    assert check_fields(TICKETS, "FIELDS", FieldMapping({"x": source})) == []


def test_filter_that_fails_is_found_by_the_check_and_quotes_nothing_at_night() -> None:
    """A template that raises says which one it is, and never what it was given."""
    mapping = FieldMapping({"x": "{% widthratio request.subject 1 conversation.summary %}"})
    assert mapping.find_mistakes(TICKETS.samples) == [
        "The template of 'x' fails with TemplateSyntaxError."
    ]
    with pytest.raises(PermanentFailure, match="'x'") as failure:
        mapping.render(make_ticket_request(summary="Xylophonic"))
    assert "Xylophonic" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_offset_of_a_time_does_not_move_it() -> None:
    """Times are what the facts say, at the offset that they have there."""
    ended_at = datetime(2026, 3, 4, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    mapping = FieldMapping({"t": "{{ conversation.ended_at|date:'c' }}"})
    assert mapping.render(make_ticket_request(ended_at=ended_at)) == {
        "t": "2026-03-04T09:30:00+02:00"
    }
