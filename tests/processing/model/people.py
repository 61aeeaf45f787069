"""What operators do with a row, by the functions that stand behind the admin and the commands."""

from webhooks.models import Event, Replay
from webhooks.operations import replay, retry
from webhooks.operations.selection import EffectSelection

ASKED = retry.Asked(reason="model", requested_by=None, requested_from="model")


def retry_effect(pk: int) -> None:
    """Have the effect tried again."""
    retry.restart_effects(Replay.objects.earliest("pk"), [pk])


def close_effect(pk: int) -> None:
    """Have the effect wait for nobody any more."""
    retry.close_effects(EffectSelection(effects=(pk,)), ASKED)


def replay_event(pk: int) -> None:
    """Have the event processed again."""
    replay.restart_events(Replay.objects.earliest("pk"), Event.objects.filter(pk=pk), set())
