"""The dashboard's conversations that ended, and of which the sender has told no analysis."""

from webhooks.admin.dashboard.parts import (
    CAP,
    Block,
    Figure,
    Finding,
    Urgency,
    say_capped,
    write_bounds,
    write_capped,
)
from webhooks.admin.dashboard.window import Look
from webhooks.admin.find.filters import lacks_analysis
from webhooks.admin.words.links import list_of
from webhooks.models import Conversation

LOOKED_AT = 200
"""Of the newest conversations: where none of these was analysed, the sender does not do so here."""

MANY = 5
"""Conversations without an analysis that are more than single ones that went wrong."""


def show_conversations(look: Look) -> Block:
    """Return how many of the window's conversations lack their analysis."""
    lacking = Conversation.objects.filter(lacks_analysis(), ended_at__gte=look.since)
    count = lacking.order_by("ended_at").values("pk")[: CAP + 1].count()
    url = list_of(Conversation, {"analysis": "missing"} | write_bounds("ended_at", look.since))
    findings = []
    if count >= MANY and is_analysing():
        text = say_capped(count, "conversation", "conversations")
        findings.append(
            Finding(
                Urgency.SOON,
                f"{text} ended {look.window.words} and have no analysis: ask the sender, or look"
                " for an event that was not processed.",
                url,
            )
        )
    return Block(
        name="conversations",
        title="Conversations without an analysis",
        span=look.span,
        figures=[
            Figure(
                text=write_capped(count),
                label="ended more than 15 minutes ago",
                url=url,
                tone="warning" if findings else "",
                detail="their analysis has not come",
            )
        ],
        findings=findings,
    )


def is_analysing() -> bool:
    """Tell whether any of the newest conversations was analysed."""
    newest = Conversation.objects.order_by("-pk").values_list("analysed_at", flat=True)
    return any(newest[:LOOKED_AT])
