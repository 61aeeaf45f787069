"""What must hold in every state, and across every move."""

from collections import Counter

from django.conf import settings

from tests.processing.model.moves import Move, Powers
from tests.processing.model.rows import OPEN
from tests.processing.model.world import Row, World

STOPPED = ("failed", "dead")
ENDED = ("succeeded", *STOPPED, "closed")

UNCERTAIN = ("lost", "temporary")
"""Outcomes of attempts of which nobody can say whether the vendor has applied them."""


class BrokenRuleError(AssertionError):
    """A rule does not hold; the message is the rule."""


def demand(holds: object, rule: str) -> None:
    """Raise `BrokenRuleError` unless the rule holds."""
    if not holds:
        raise BrokenRuleError(rule)


def check_state(world: World, powers: Powers) -> None:
    """Demand what must hold in every state."""
    check_claims(world)
    check_batches(world)
    for event in world.events:
        check_event(event, world)
    for effect in world.effects:
        check_effect(effect, world)
    check_applied(world, powers)


def check_claims(world: World) -> None:
    """Demand that who holds a live claim has it alone."""
    live = [hand.claim for hand in world.hands if hand.claim is not None and hand.live]
    on = Counter(claim.effect.pk for claim in live)
    demand(max(on.values(), default=0) <= 1, "an effect has one live claim at most")
    for claim in live:
        row = world.find_effect(claim.effect.pk)
        demand(
            row is not None and row["state"] == "running" and row["lease"] == str(claim.lease),
            "an effect is its worker's own until the lease ends",
        )
    updated = Counter(
        claim.effect.conversation_id for claim in live if claim.effect.integration == "crm"
    )
    demand(
        max(updated.values(), default=0) <= 1,
        "of a conversation's updates one has a live claim at most",
    )


def check_batches(world: World) -> None:
    """Demand that who holds live events has them alone."""
    batches = [(hand.batch, hand.live) for hand in world.hands if hand.batch is not None]
    on = Counter(pk for _, live in batches for pk in live)
    demand(max(on.values(), default=0) <= 1, "an event has one live claim at most")


def check_event(event: Row, world: World) -> None:
    """Demand that what was processed has planned what it owes, and that attempts are bounded."""
    limit = settings.WEBHOOKS_MAX_ATTEMPTS
    demand(event["attempts"] <= limit, "an event has no more attempts than may be")
    is_done = event["status"] == "processed"
    planned = any(effect["event_id"] == event["id"] for effect in world.effects)
    demand(planned or not is_done, "what was processed has planned what it owes")
    demand(event["processed_at"] or not is_done, "what was processed says when")
    demand(
        event["status"] != "dead" or event["attempts"] == limit,
        "an event is dead when its attempts are used up",
    )
    is_fresh = event["attempts"] == 0 and event["lease"] is None
    demand(is_fresh or event["status"] != "held", "what is held is nobody's, and begins anew")


def check_effect(effect: Row, world: World) -> None:
    """Demand that the effect and its attempts say the same."""
    attempts = world.list_attempts(effect)
    numbers = [attempt["number"] for attempt in attempts]
    made, limit = effect["attempts_made"], effect["attempts_limit"]
    demand(numbers == list(range(1, made + 1)), "attempts are numbered without gaps")
    demand(made <= limit, "an effect has no more attempts than may be")
    is_running = effect["state"] == "running"
    demand(is_running == (effect["lease"] is not None), "who runs has a lease, and nobody else")
    running = [attempt["lease"] for attempt in attempts if attempt["outcome"] == "running"]
    demand(
        running == ([effect["lease"]] if is_running else []),
        "a running effect has one running attempt, under its lease, and no other has any",
    )
    demand(
        (effect["finished_at"] is not None) == (effect["state"] in ENDED),
        "what has ended says when, and nothing else does",
    )
    succeeded = sum(attempt["outcome"] == "succeeded" for attempt in attempts)
    demand(
        succeeded == (effect["state"] == "succeeded"), "an effect succeeds by one of its attempts"
    )


def check_applied(world: World, powers: Powers) -> None:
    """Demand that the vendor holds each fact once, and that rows tell what it holds."""
    owed = {row["idempotency_key"]: row for row in world.effects if row["state"] != "skipped"}
    for key, effect in owed.items():
        if effect["state"] == "succeeded":
            demand(world.applied.get(key), "what has succeeded was applied")
    for key, times in world.applied.items():
        if times:
            demand(key in owed, "what was applied has an effect that says so")
            check_trace(owed[key], times, world, powers)
    # A CRM is told of each event; everything else is owed once for a conversation.
    facts = Counter(
        (row["conversation_id"], row["integration"])
        for key, row in owed.items()
        if world.applied.get(key) and row["integration"] != "crm"
    )
    demand(max(facts.values(), default=0) <= 1, "a fact is applied under one key")


def check_trace(effect: Row, times: int, world: World, powers: Powers) -> None:
    """Demand that the effect, which was applied so many times, shows it."""
    attempts = world.list_attempts(effect)
    uncertain = sum(attempt["outcome"] in UNCERTAIN for attempt in attempts)
    demand(
        effect["state"] in (*OPEN, "succeeded") or uncertain,
        "what was applied does not end as if nothing had been",
    )
    demand(times <= 1 or not powers.is_keyed, "a vendor that knows its keys applies each once")
    demand(times <= 1 + uncertain, "each doubling shows as an attempt of unknown end")


def check_move(before: World, move: Move, after: World) -> None:
    """Demand what must hold across the move."""
    if move.kind == "record":
        check_record(before, move, after)
    if move.kind in ("process", "fail"):
        check_process(before, move, after)
    for effect in before.effects:
        later = after.find_effect(effect["id"])
        if later is None:
            demand(not effect["attempts_made"], "what was tried is not forgotten")
        else:
            check_way(effect, move, later)
            check_attempts(before, effect, after)
    for event in before.events:
        check_events_way(
            event, move, after.find_event(event["id"]), is_paused=before.is_paused(event)
        )
    versions = {row["id"]: row["version"] for row in before.rows["webhooks_conversation"]}
    for row in after.rows["webhooks_conversation"]:
        demand(row["version"] >= versions.get(row["id"], 0), "a conversation only moves forward")


def check_way(effect: Row, move: Move, later: Row) -> None:
    """Demand that the effect goes one of the ways that its states may go."""
    way = effect["state"], later["state"]
    demand(way[0] != "succeeded" or effect == later, "succeeded stays succeeded")
    revived = way[0] in (*STOPPED, "closed") and way[1] not in (way[0], "closed")
    demand(
        not revived or (way[1] == "pending" and move.kind in ("retry", "replay")),
        "only people revive what has stopped",
    )
    is_closed = way[1] == "closed" and way[0] != "closed"
    demand(
        not is_closed or (move.kind == "close" and way[0] in STOPPED),
        "only people close, and only what has stopped",
    )


def check_events_way(event: Row, move: Move, later: Row, *, is_paused: bool) -> None:
    """Demand that the event goes one of the ways that its states may go."""
    way = event["status"], later["status"]
    if way[0] == "held":
        is_released = way[1] == "pending" and move.kind == "release" and not is_paused
        demand(
            way[1] == "held" or is_released,
            "what is held is released by the sweep, once its source is not paused",
        )
        return
    demand(
        way[0] == way[1] or way[0] == "pending" or (way[1] == "pending" and move.kind == "replay"),
        "only people have an event processed again",
    )


def check_attempts(before: World, effect: Row, after: World) -> None:
    """Demand that what an attempt has come to stands."""
    later = {row["number"]: row["outcome"] for row in after.list_attempts(effect)}
    for attempt in before.list_attempts(effect):
        demand(
            attempt["outcome"] in ("running", later.get(attempt["number"])),
            "an attempt that has ended keeps its outcome",
        )


def check_record(before: World, move: Move, after: World) -> None:
    """Demand that a result is recorded by who holds the lease, and by nobody else."""
    claim = before.hands[move.worker or 0].claim
    assert claim is not None
    effect, later = before.find_effect(claim.effect.pk), after.find_effect(claim.effect.pk)
    if effect is not None and effect["state"] == "running" and effect["lease"] == str(claim.lease):
        demand(later and later["state"] != "running", "who holds the lease records the result")
    else:
        demand(effect == later, "who has lost the lease records nothing of the effect")


def check_process(before: World, move: Move, after: World) -> None:
    """Demand that who has lost an event does nothing with it."""
    batch = before.hands[move.worker or 0].batch
    assert batch is not None
    for pk in batch.keys:
        event = before.find_event(pk)
        if event["status"] != "pending" or event["lease"] != str(batch.lease):
            demand(event == after.find_event(pk), "who has lost an event records nothing of it")
        else:
            ways = ("processed",) if move.kind == "process" else ("pending", "dead")
            if before.is_paused(event):
                ways = ("held",)
            demand(
                after.find_event(pk)["status"] in ways, "who holds an event says what came of it"
            )


def check_end(world: World) -> None:
    """Demand that all is done, once nothing is left to do that is no person's."""
    owing = {row["event_id"] for row in world.effects if row["integration"] == "usage"}
    for event in world.events:
        demand(event["status"] in ("processed", *STOPPED), "an event ends processed, or is shown")
        if event["id"] not in owing:
            continue
        same = [
            row
            for row in world.effects
            if row["integration"] == "usage" and row["state"] != "skipped"
        ]
        demand(len(same) == 1, "what several events ask for is owed by one effect")
        demand(same[0]["state"] in ENDED, "an effect ends succeeded, or is shown")
