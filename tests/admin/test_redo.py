"""To do again what succeeded says loudly what that means, and takes the number of effects."""

import pytest
from django.test import Client

from tests.admin.pages import address, answer, choose, list_of, page_of, read_hidden
from tests.admin.story import Story
from webhooks.admin.acts import run_questions
from webhooks.models import Effect, Replay
from webhooks.operations.runs import carry_out

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The vendor lost the ticket."


@pytest.fixture
def done(story: Story) -> list[Effect]:  # noqa: ARG001 -- asks for the rows
    """Return effects that succeeded, on different integrations."""
    return list(Effect.objects.filter(state="succeeded", integration__in=["crm", "usage"]))


def test_it_says_what_happens_downstream(staff: Client, done: list[Effect]) -> None:
    """For each integration, with how many; and that it is done twice."""
    asked = staff.get(choose(staff, "redo", *done)).text
    for told in ("To do them again does them twice:", "billed twice", "written into the CRM again"):
        assert told in asked
    assert f"Type {len(done)} to say that you mean it." in asked


@pytest.mark.parametrize("number", ["", "0", "99", "all", None])
def test_nothing_is_done_twice_without_the_number(
    staff: Client, done: list[Effect], number: str | None
) -> None:
    """A reason alone is not enough."""
    more = {} if number is None else {"number": number}
    response = answer(staff, choose(staff, "redo", *done), WHY, **more)
    assert response.status_code == 200
    assert not Replay.objects.filter(action="redo").exists()


def test_it_is_done_once_more(staff: Client, done: list[Effect]) -> None:
    """By effects of their own, which name what they do again; a second click starts no other."""
    path = choose(staff, "redo", *done)
    sent = {**read_hidden(staff.get(path).text), "reason": WHY, "number": str(len(done))}
    for _ in range(2):
        place = staff.post(path, sent).headers["Location"]
    run = Replay.objects.get(action="redo")
    assert place == page_of(run)
    carry_out(run)
    again = Effect.objects.filter(replay=run)
    assert {effect.redo_of for effect in again} == set(done)
    assert set(Effect.objects.filter(pk__in=[e.pk for e in done]).values_list("state")) == {
        ("succeeded",)
    }


def test_what_changed_since_is_counted_anew(staff: Client, done: list[Effect]) -> None:
    """Somebody who typed the number of before is asked again with the one of now."""
    path = choose(staff, "redo", *done)
    sent = {**read_hidden(staff.get(path).text), "reason": WHY, "number": str(len(done))}
    Effect.objects.filter(pk=done[0].pk).update(state="dead")
    said = staff.post(path, sent).text
    assert f"It is {len(done) - 1} now." in said
    assert not Replay.objects.filter(action="redo").exists()


def test_too_many_are_not_done_twice_at_once(
    staff: Client, done: list[Effect], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody has looked at is nothing that somebody can have meant."""
    monkeypatch.setattr(run_questions, "EXAMINED", 1)
    path = choose(staff, "redo", done[0], across="1", query="?state__exact=succeeded")
    asked = staff.get(path).text
    assert "These are too many to do twice at once" in asked
    sent = {"reason": WHY, "number": "1", "request_key": "0" * 32, "last_key": "99999"}
    assert staff.post(path, sent).status_code == 200
    assert not Replay.objects.filter(action="redo").exists()


def test_an_operator_may_not(operator: Client, done: list[Effect]) -> None:
    """Neither from the list, nor from the page, nor by an address."""
    effect = done[0]
    path = address(Effect, "redo_one", effect.pk)
    assert path not in operator.get(page_of(effect)).text
    assert "redo_chosen" not in operator.get(list_of(Effect)).text
    sent = {"action": "redo_chosen", "_selected_action": effect.pk}
    assert operator.post(list_of(Effect), sent).status_code == 403
    for door in (path, f"{list_of(Effect)}ask/redo/?rows={effect.pk}"):
        assert operator.get(door).status_code == 403
        assert operator.post(door, {"reason": WHY, "number": "1"}).status_code == 403
