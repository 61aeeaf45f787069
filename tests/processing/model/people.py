"""What operators do with a row, by the functions that stand behind the admin and the commands."""

from webhooks.audit import Actor
from webhooks.models import AuditEntry, Event, Replay, Source
from webhooks.operations import closing, replay, retry, sources

SOMEBODY = Actor(door=AuditEntry.Door.COMMAND, name="model")


def retry_effect(pk: int) -> None:
    """Have the effect tried again."""
    retry.restart_effects(Replay.objects.earliest("pk"), [pk])


def close_effect(pk: int) -> None:
    """Have the effect wait for nobody any more."""
    closing.close_effects(Replay.objects.earliest("pk"), [pk])


def replay_event(pk: int) -> None:
    """Have the event processed again."""
    replay.restart_events(Replay.objects.earliest("pk"), Event.objects.filter(pk=pk), set())


def pause_source(pk: int) -> None:
    """Have the source's events held."""
    sources.pause_source(Source.objects.get(pk=pk), SOMEBODY, "model")


def resume_source(pk: int) -> None:
    """Have the source's events processed again."""
    sources.resume_source(Source.objects.get(pk=pk), SOMEBODY)
