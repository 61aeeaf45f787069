"""The page behind the search box of every page.

What was typed goes into the address of its results, so that one can come back to them, unless it
may be a phone number. Addresses end up in logs and in browsers' histories; so a number goes there
encrypted, readable for an hour and only to who has typed it.
"""

from datetime import timedelta

from cryptography.fernet import InvalidToken
from django import forms
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from integrations.personal_data import may_see_payload
from webhooks.admin.find.finding import find, list_hits
from webhooks.admin.find.search import SHORTEST, SHORTEST_END, may_be_number
from webhooks.models.encryption import build_cipher

KEPT = timedelta(hours=1)
"""How long the address of a search for a number leads to its results."""

PURPOSE = "admin search"
"""Begins what is sealed: nothing else that the same keys have encrypted is ever shown."""


class FindForm(forms.Form):
    """What is searched for."""

    q = forms.CharField(
        max_length=300,
        error_messages={
            "required": "Type what you are looking for.",
            "max_length": "That is longer than anything that can be searched for.",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def find_view(request: HttpRequest) -> HttpResponse:
    """Show what was found; where that is one row, go to its page. For everybody in the admin."""
    if request.method == "POST":
        return take_search(request)
    if "n" in request.GET:
        term = unseal(request.GET["n"], request.user)
        if term is None:
            return show(request, problem="That search is over. Type it again.")
        return show_found(request, term, by_number=True)
    if "q" not in request.GET:
        return show(request)
    form = FindForm(request.GET)
    if not form.is_valid():
        return show(request, problem=form.errors["q"][0])
    return show_found(request, form.cleaned_data["q"], by_number=False)


def take_search(request: HttpRequest) -> HttpResponse:
    """Send the browser on to what it searches for, or say why that cannot be searched for."""
    form = FindForm(request.POST)
    if not form.is_valid():
        return show(request, problem=form.errors["q"][0])
    term = form.cleaned_data["q"]
    query = {"n": seal(term, request.user)} if may_be_number(term) else {"q": term}
    return HttpResponseRedirect(f"{reverse('find')}?{urlencode(query)}")


def show_found(request: HttpRequest, term: str, *, by_number: bool) -> HttpResponse:
    """Show what `term` finds."""
    groups = find(term, request.user, by_number=by_number)
    hits = list_hits(groups)
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].url)
    notes = []
    if may_be_number(term) and not may_see_payload(request.user):
        notes.append(
            "Phone numbers were not searched: that is only for people with the permission to see"
            " what was said."
        )
    elif may_be_number(term) and not by_number:
        notes.append("Phone numbers were not searched: for that, type it into the box above.")
    return show(request, term=term, groups=groups, notes=notes, is_empty=not hits)


def show(request: HttpRequest, **found: object) -> HttpResponse:
    """Return the page."""
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "may_search_numbers": may_see_payload(request.user),
        "shortest": SHORTEST,
        "shortest_end": SHORTEST_END,
        **found,
    }
    return TemplateResponse(request, "admin/find.html", context)


def seal(term: str, person: User | AnonymousUser) -> str:
    """Return `term` so that an address may hold it."""
    return build_cipher().encrypt(f"{PURPOSE}\n{person.pk}\n{term}".encode()).decode()


def unseal(sealed: str, person: User | AnonymousUser) -> str | None:
    """Return what `person` has had sealed lately; nothing for anything else."""
    try:
        text = build_cipher().decrypt(sealed, ttl=int(KEPT.total_seconds())).decode()
    except (InvalidToken, ValueError):  # the latter for what is not even ASCII
        return None
    beginning = f"{PURPOSE}\n{person.pk}\n"
    return text.removeprefix(beginning) if text.startswith(beginning) else None
