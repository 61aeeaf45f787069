"""What an event owes, by which key, and why something that it asked for is not done."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tests.factories import SourceFactory
from tests.processing.stories import (
    ANALYSED,
    ANALYSIS,
    END,
    ENDED,
    PARTIES,
    STARTED,
    Telling,
    find_due,
    process,
    reopen,
    run_all,
    store,
    tell_whole,
)
from webhooks.models import Conversation, Effect, Event, Route, Source
from webhooks.processing.effects import retry_effects
from webhooks.processing.planning import PARTY_UNKNOWN, PATIENCE

pytestmark = pytest.mark.django_db
NAME = "conversation-1"


def take_in(*tellings: Telling, source: Source | None = None) -> list[Event]:
    """Store and process the events in this order; return them as they are then."""
    events = store(tellings, source or SourceFactory.create(), NAME)
    for event in events:
        process(event)
        event.refresh_from_db()
    return events


def list_effects(event: Event) -> list[tuple[str, str, str]]:
    """Return integration, state and reason of the event's effects."""
    effects = event.effects.order_by("integration", "pk")
    return list(effects.values_list("integration", "state", "reason"))


def read_request(integration: str) -> dict[str, Any]:
    """Return the frozen request of the one effect there is."""
    request: dict[str, Any] | None = Effect.objects.get(integration=integration).request
    assert request is not None
    return request


def test_default_routes_give_each_event_its_effects() -> None:
    """Start, end and analysis lead to what the design's table says, and to nothing else."""
    owed = [[kind for kind, _, _ in list_effects(event)] for event in take_in(*tell_whole())]
    assert owed == [["crm"], ["crm", "tickets", "usage"], ["crm", "tasks", "tasks", "tickets"]]


def test_good_conversation_opens_no_ticket() -> None:
    """An end that is no failure and an analysis with all goals met owe no ticket."""
    end = Telling(ENDED, PARTIES | END | {"status": "transferred"})
    analysis = Telling(ANALYSED, PARTIES | {"goals": {"Booked": True, "Open": None}})
    owed = [[kind for kind, _, _ in list_effects(event)] for event in take_in(end, analysis)]
    assert owed == [["crm", "usage"], ["crm"]]


def test_planning_returns_what_is_to_be_run() -> None:
    """The task is told of exactly the effects that a worker can run now."""
    (event,) = store(tell_whole()[1:2], SourceFactory.create(), NAME)
    assert sorted(process(event)) == find_due(NAME)
    assert len(find_due(NAME)) == 3


def test_route_that_is_off_leaves_a_skipped_effect() -> None:
    """What an operator switched off is visible, with the reason."""
    Route.objects.filter(integration="usage").update(is_active=False)
    (event,) = take_in(tell_whole()[1])
    assert ("usage", "skipped", "Its route is switched off.") in list_effects(event)
    assert event.status == Event.Status.PROCESSED


def test_route_switched_on_later_is_honoured_by_a_replay() -> None:
    """A replay plans what was skipped, in the place of the skipped row."""
    Route.objects.update(is_active=False)
    (event,) = take_in(tell_whole()[1])
    Route.objects.update(is_active=True)
    reopen(event)
    assert len(process(event)) == 3
    assert {state for _, state, _ in list_effects(event)} == {"pending"}


def test_replay_plans_nothing_new() -> None:
    """Events that are processed again, before or after their effects ran, add no row."""
    events = take_in(*tell_whole())
    before = set(Effect.objects.values_list("pk", "idempotency_key"))
    for run_first in (False, True):
        if run_first:
            run_all(NAME)
        for event in events:
            reopen(event)
            process(event)
        assert set(Effect.objects.values_list("pk", "idempotency_key")) == before
    assert find_due(NAME) == []


def test_route_switched_off_later_leaves_what_was_done() -> None:
    """A replay after an operator switched a route off does not touch its effects."""
    (event,) = take_in(tell_whole()[1])
    run_all(NAME)
    Route.objects.update(is_active=False)
    reopen(event)
    process(event)
    assert {state for _, state, _ in list_effects(event)} == {"succeeded"}


def test_usage_is_owed_once_though_sent_again_under_a_new_id() -> None:
    """A second event for the same end records that it asked, and bills nothing."""
    end = tell_whole()[1]
    first, second = take_in(end, Telling(ENDED, end.data))
    assert ("usage", "pending", "") in list_effects(first)
    skipped = [effect for effect in list_effects(second) if effect[1] == "skipped"]
    assert skipped == [
        ("tickets", "skipped", "Already owed under this key by another event."),
        ("usage", "skipped", "Already owed under this key by another event."),
    ]


def test_ticket_is_opened_once_for_each_cause() -> None:
    """A failed call and a missed goal are two causes; each repeated is still one."""
    _, end, analysis = tell_whole()
    take_in(end, analysis, Telling(ENDED, end.data), Telling(ANALYSED, analysis.data))
    tickets = Effect.objects.filter(integration="tickets").exclude(state="skipped")
    assert sorted(tickets.values_list("idempotency_key", flat=True)) == [
        f"tickets:{NAME}:call_failed",
        f"tickets:{NAME}:goal_failed",
    ]


def test_follow_up_is_owed_once_for_what_it_says() -> None:
    """A repeated analysis owes its new follow-ups only."""
    first = Telling(ANALYSED, PARTIES | {"follow_ups": ["Call back", "Send prices"]})
    second = Telling(ANALYSED, PARTIES | {"follow_ups": ["Send prices", "Ask the dentist"]})
    take_in(first, second)
    tasks = Effect.objects.filter(integration="tasks").exclude(state="skipped")
    assert sorted(task.request["title"] for task in tasks if task.request) == [
        "Ask the dentist",
        "Call back",
        "Send prices",
    ]


def test_unknown_type_is_ignored_until_an_operator_routes_it() -> None:
    """It is stored and visible; with a route, a replay has it processed."""
    (event,) = take_in(Telling("conversation.tagged", PARTIES))
    assert event.status == Event.Status.IGNORED
    assert not Conversation.objects.exists()
    Route.objects.create(event_type="conversation.tagged", integration="crm")
    reopen(event)
    process(event)
    event.refresh_from_db()
    assert event.status == Event.Status.PROCESSED
    assert list_effects(event) == [("crm", "pending", "")]


def test_event_of_no_conversation_is_ignored() -> None:
    """What belongs to no conversation owes nothing, even if its type is routed."""
    Route.objects.create(event_type="account.changed", integration="tasks")
    (event,) = store([Telling("account.changed", {})], SourceFactory.create(), "")
    assert process(event) == []
    event.refresh_from_db()
    assert event.status == Event.Status.IGNORED


@pytest.mark.parametrize("condition", Route.Condition.values)
@pytest.mark.parametrize("integration", Effect.Integration.values)
@pytest.mark.parametrize("event_type", [STARTED, ENDED, ANALYSED, "conversation.tagged"])
def test_any_route_that_an_operator_can_enter_works(
    event_type: str, integration: str, condition: str
) -> None:
    """No combination of type, integration and condition makes an event fail."""
    Route.objects.all().delete()
    Route.objects.create(event_type=event_type, integration=integration, condition=condition)
    (event,) = take_in(Telling(event_type, PARTIES | END | ANALYSIS))
    assert event.status == Event.Status.PROCESSED
    run_all(NAME)
    assert set(event.effects.values_list("state", flat=True)) <= {"succeeded", "failed"}


def test_each_event_type_that_is_routed_always_is_a_cause_of_its_own() -> None:
    """Two types that both open a ticket in any case open two, whatever the order."""
    for event_type in (STARTED, ENDED):
        Route.objects.create(event_type=event_type, integration="tickets")
    start, end, _ = tell_whole()
    take_in(start, replace(end, data=end.data | {"status": "completed"}))
    assert Effect.objects.filter(integration="tickets", state="pending").count() == 2


def test_usage_is_owed_once_whatever_routes_lead_to_it() -> None:
    """Two routes to the same effect are one effect, and the one that is on counts."""
    Route.objects.filter(integration="usage").update(is_active=False)
    Route.objects.create(event_type=ENDED, integration="usage", condition="call_failed")
    Route.objects.create(event_type=ENDED, integration="usage", condition="each_follow_up")
    end = tell_whole()[1]
    first, second = take_in(end, Telling(ENDED, end.data))
    assert [state for kind, state, _ in list_effects(first) if kind == "usage"] == ["pending"]
    assert [state for kind, state, _ in list_effects(second) if kind == "usage"] == ["skipped"]


def test_agent_outside_the_scope_has_only_skipped_effects() -> None:
    """The conversation is known even so, and the effects say why nothing is done."""
    source = SourceFactory.create(agent_scope=["agent-2"])
    events = take_in(*tell_whole(), source=source)
    reasons = {effect[1:] for event in events for effect in list_effects(event)}
    assert reasons == {("skipped", "The agent is outside the source's scope.")}
    assert Conversation.objects.get().agent_name == "Ava"


def test_agent_that_is_told_later_is_in_scope_after_all() -> None:
    """An event that overtakes those that name the agent keeps its effects for then."""
    source = SourceFactory.create(agent_scope=["agent-1"])
    start, end, _ = tell_whole()
    early, later = store([replace(end, agent_uuid=""), start], source, NAME)
    assert process(early) == []
    assert {state for _, state, _ in list_effects(early)} == {"skipped"}
    assert len(process(later)) == 4
    assert {state for _, state, _ in list_effects(early)} == {"pending"}


def test_frozen_request_says_what_its_own_event_says() -> None:
    """What is created once does not depend on what other events have said by then."""
    end = tell_whole()[1]
    told_otherwise = {name: f"other {name}" for name in PARTIES if name != "direction"}
    take_in(Telling(STARTED, PARTIES | told_otherwise, agent_uuid="agent-2"), end)
    assert read_request("tickets")["requester_phone"] == "+12025550123"
    assert read_request("tickets")["subject"] == "Failed conversation with Ava"
    assert read_request("usage")["conversation"]["agent_uuid"] == "agent-1"
    assert read_request("usage")["conversation"]["campaign_uuid"] == "campaign-1"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_frozen_request_leaves_out_what_only_a_later_stage_says(order: tuple[int, ...]) -> None:
    """A failed call's ticket is the same whether or not the analysis has overtaken the end."""
    told = tell_whole()
    take_in(*(told[place] for place in order))
    conversation = read_request("usage")["conversation"]
    assert conversation["duration_seconds"]
    assert (conversation["summary"], conversation["score"], conversation["goals"]) == ("", None, [])


def test_failed_call_is_a_failed_call_whatever_was_said_later() -> None:
    """A correction that has overtaken the failure does not change the ticket for it."""
    end = tell_whole()[1]
    correction = replace(
        end,
        data=end.data | {"status": "completed"},
        created=end.created.replace(hour=20),
        event_id=Telling(ENDED, {}).event_id,
    )
    take_in(correction, end)
    assert read_request("tickets")["priority"] == "high"


def test_ticket_of_an_analysis_that_names_nobody_has_the_number_that_others_told() -> None:
    """What the event leaves out is filled in from the conversation."""
    start, _, analysis = tell_whole()
    take_in(start, replace(analysis, data=ANALYSIS))
    assert read_request("tickets")["requester_phone"] == "+12025550123"


def test_analysis_that_overtook_all_others_waits_for_the_number() -> None:
    """Its ticket and follow-ups are not run yet, and run at once when the number is known."""
    start, _, analysis = tell_whole()
    early, later = store([replace(analysis, data=ANALYSIS), start], SourceFactory.create(), NAME)
    assert len(process(early)) == 1
    assert {kind for kind, _, reason in list_effects(early) if reason == PARTY_UNKNOWN} == {
        "tickets",
        "tasks",
    }
    run_now = Effect.objects.filter(pk__in=process(later), event=early)
    assert sorted(run_now.values_list("integration", flat=True))[-3:] == [
        "tasks",
        "tasks",
        "tickets",
    ]
    assert read_request("tickets")["requester_phone"] == "+12025550123"


def test_analysis_that_stays_alone_is_dealt_with_without_a_number() -> None:
    """Nobody waits longer than a moment for events that may never come."""
    (event,) = store([Telling(ANALYSED, ANALYSIS)], SourceFactory.create(), NAME)
    process(event)
    for effect in Effect.objects.filter(reason=PARTY_UNKNOWN):
        assert effect.created_at < effect.due_at <= effect.created_at + PATIENCE * 1.1
        Effect.objects.filter(pk=effect.pk).update(due_at=effect.created_at)
    run_all(NAME)
    assert list_effects(event) == [
        (kind, "succeeded", "") for kind in ("crm", "tasks", "tasks", "tickets")
    ]


def test_conversation_of_unknown_length_fails_visibly_and_can_be_billed_later() -> None:
    """Usage is not guessed: it waits for people, and a retry finds the length told meanwhile."""
    silent = {name: END[name] for name in ("status", "answer_status")}
    (event,) = take_in(Telling(ENDED, silent))
    run_all(NAME)
    usage = event.effects.get(integration="usage")
    assert (usage.state, usage.reason) == (
        "failed",
        "No event says how long the conversation was.",
    )
    take_in(Telling(ENDED, PARTIES | END))
    assert retry_effects([usage.pk]) == 1
    run_all(NAME)
    usage.refresh_from_db()
    assert (usage.state, usage.reason, usage.attempts_made) == ("succeeded", "", 2)


def test_what_is_updated_is_rendered_when_it_runs() -> None:
    """A CRM effect holds no request; what is created once holds its own."""
    take_in(*tell_whole())
    frozen = {(effect.integration, effect.request is not None) for effect in Effect.objects.all()}
    assert frozen == {("crm", False), ("usage", True), ("tickets", True), ("tasks", True)}


def test_event_whose_body_is_gone_does_not_hold_up_the_others() -> None:
    """An early event that was erased meanwhile is left as it is."""
    source = SourceFactory.create(agent_scope=["agent-1"])
    start, end, _ = tell_whole()
    early, later = store([replace(end, agent_uuid=""), start], source, NAME)
    process(early)
    Event.objects.filter(pk=early.pk).update(body=None)
    assert len(process(later)) == 1
