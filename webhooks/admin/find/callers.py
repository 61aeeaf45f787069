"""All that there is of one caller, without their number in any address."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from webhooks.admin.find.paginator import parse_key
from webhooks.admin.words.advice import Link
from webhooks.admin.words.links import list_of
from webhooks.models import Conversation, Effect
from webhooks.models.numbers import by_digits, reverse_digits

PARAMETER = "same_caller_as"
"""The key of a conversation: an address is kept in histories and logs, where no number belongs."""

SHORTEST = 5
"""Digits that a number must have: "0" and the like stand for many who hide theirs."""

MOST = 1000
"""Conversations of a caller whose effects are looked up, the newest ones."""


def match_caller(conversation: Conversation) -> Q:
    """Return what finds the conversations with the other party of this one, through an index."""
    digits = reverse_digits(conversation.other_party)
    if len(digits) < SHORTEST:
        return Q(pk=conversation.pk)
    return Q(from_digits=digits) | Q(to_digits=digits)


def find_conversations_of_caller(key: str) -> list[int]:
    """Return the keys of the conversations with the same caller as that of `key`, newest first.

    A number counts as the same however it is written. None where there is no such conversation.
    """
    number = parse_key(key)
    conversation = Conversation.objects.filter(pk=number).first() if number is not None else None
    if conversation is None:
        return []
    found = Conversation.objects.annotate(
        from_digits=by_digits("from_number"), to_digits=by_digits("to_number")
    ).filter(match_caller(conversation))
    return list(found.order_by("-pk").values_list("pk", flat=True)[:MOST])


class CallerFilter(SimpleListFilter):
    """Rows of one caller; it offers no choices, links lead here."""

    title = "caller"
    parameter_name = PARAMETER
    column: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002 -- Django's signature
        """Return the one choice there is, if it is taken: that of the caller."""
        return [(self.value() or "", "the same")] if self.value() else []

    def has_output(self) -> bool:
        """Show it only while it is chosen, so that one can see it and take it away."""
        return bool(self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the caller; none to who may not see conversations."""
        key = self.value()
        if key is None:
            return queryset
        if not request.user.has_perm("webhooks.view_conversation"):
            return queryset.none()
        return queryset.filter(**{f"{self.column}__in": find_conversations_of_caller(key)})


class CallerOfConversationFilter(CallerFilter):
    """Conversations of one caller."""

    column = "pk"


class CallerOfEffectFilter(CallerFilter):
    """Effects for the conversations of one caller."""

    column = "conversation"


def link_caller(conversation: Conversation, reader: User | AnonymousUser) -> list[Link]:
    """Return the ways to all conversations and effects of a caller; none for a hidden number."""
    if len(reverse_digits(conversation.other_party)) < SHORTEST:
        return []
    query = f"?{PARAMETER}={conversation.pk}"
    links = [Link(f"{list_of(Conversation)}{query}", "All conversations with this caller")]
    if reader.has_perm("webhooks.view_effect"):
        links.append(Link(f"{list_of(Effect)}{query}", "All that was done for this caller"))
        crm = f"{query}&integration__exact={Effect.Integration.CRM}"
        links.append(Link(f"{list_of(Effect)}{crm}", "What the CRM was told of this caller"))
    return links
