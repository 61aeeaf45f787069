"""A list's address filters by what the list offers, and is no way to what its pages hide."""

from collections.abc import Iterator
from inspect import isclass

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Field, JSONField, Model
from django.test import Client

from tests.admin.pages import every_model, list_of

FORMS = ("", "__exact", "__startswith", "__contains")
JSON_FORMS = (*FORMS, "__subject__startswith", "__0__title__contains")

PERSONAL = {
    *("from_number", "to_number", "phone_number", "remote_address", "email", "assignee"),
    *("summary", "goals", "follow_ups", "stamps", "subject", "title", "description", "tags"),
    *("request", "body", "body_sha256", "reason", "error", "value", "password", "selection"),
}
"""Columns that hold personal data or a secret in at least one model, and that no filter is for."""


@pytest.fixture
def viewer(viewer: Client) -> Client:
    """Return the viewer's browser, who may open also the lists that are not a viewer's."""
    views = Permission.objects.filter(codename__startswith="view_")
    vic = User.objects.get(username="vic")
    vic.user_permissions.add(*views.exclude(codename="view_payload"))
    return viewer


def name_lookups(model: type[Model]) -> Iterator[tuple[str, bool]]:
    """Yield lookups of all columns and of the relations' personal ones; whether it is personal."""
    for field in model._meta.get_fields():  # noqa: SLF001 -- documented API
        columns = {field.name: field} if isinstance(field, Field) else {}
        if field.related_model:
            for column in field.related_model._meta.concrete_fields:  # noqa: SLF001
                if column.name in PERSONAL:
                    columns[f"{field.name}__{column.name}"] = column
        for path, column in columns.items():
            for form in JSON_FORMS if isinstance(column, JSONField) else FORMS:
                yield path + form, column.name in PERSONAL


def name_offers(client: Client, model: type[Model]) -> set[str]:
    """Return the lookups that the list's filters send, and those by the key of a related row."""
    filters = client.get(list_of(model)).context["cl"].filter_specs
    offers = {lookup for offer in filters for lookup in offer.expected_parameters()}
    columns = model._meta.concrete_fields  # noqa: SLF001 -- documented API
    return offers | {f"{column.name}__id__exact" for column in columns if column.many_to_one}


def name_filtered(client: Client, model: type[Model]) -> set[str]:
    """Return the columns that the list's filters are for."""
    filters = client.get(list_of(model)).context["cl"].list_filter
    return {item if isinstance(item, str) else item[0] for item in filters if not isclass(item)}


@pytest.mark.parametrize("model", every_model())
def test_list_takes_no_lookup_that_it_does_not_offer(viewer: Client, model: type[Model]) -> None:
    """No column can be asked for, whole or in part, here or in a related row, or within JSON."""
    offers = name_offers(viewer, model)
    # The whole value of a column with a filter tells no more than the filter does.
    offers |= {f"{column}__exact" for column in name_filtered(viewer, model)}
    answers = {
        lookup: viewer.get(list_of(model), {lookup: "a"}).status_code
        for lookup, is_personal in name_lookups(model)
        if is_personal or lookup not in offers
    }
    assert answers
    assert {lookup for lookup, status in answers.items() if status != 400} == set()


@pytest.mark.parametrize("model", every_model())
def test_list_takes_every_lookup_that_it_offers(viewer: Client, model: type[Model]) -> None:
    """What a filter or a link between pages sends is not refused, though it may fit no value."""
    for lookup in name_offers(viewer, model):
        assert viewer.get(list_of(model), {lookup: "1"}).status_code in (200, 302), lookup
