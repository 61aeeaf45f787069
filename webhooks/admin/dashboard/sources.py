"""The dashboard's sources: when each was heard of last, and with which secret it signs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import OuterRef, Subquery

from webhooks.admin.dashboard.parts import (
    Block,
    Cell,
    Finding,
    Table,
    Urgency,
    say_span,
    write_bounds,
    write_number,
)
from webhooks.admin.dashboard.window import DAY, MINUTE, Look
from webhooks.admin.words.links import list_of, page_of
from webhooks.models import Delivery, Event, SigningSecret, Source

MOST = 100
"""Sources that are shown; whoever has more has a list of them."""

PAUSES = """
SELECT
    source_id, min(since), max(pause), count(*),
    coalesce(sum(count) FILTER (WHERE since >= %(since)s), 0)::bigint
FROM (
    SELECT
        source_id, since, sum(count) AS count,
        since - lag(since) OVER (PARTITION BY source_id ORDER BY since) AS pause
    FROM webhooks_deliverycount
    WHERE since >= least(%(since)s, %(week_ago)s) AND verification = 'verified'
    GROUP BY source_id, since
) AS spans
GROUP BY source_id
"""
"""When in a week a source's first delivery was, its longest pause, and in how many five minutes it
sent at all."""

BUSY_SPANS = 24
"""Five minutes with deliveries, in a week, of a source whose silence can be unusual."""

TOLERANCE = 10 * MINUTE
"""Longer than the longest pause of a week by so much, a silence is unusual."""

UNUSED = DAY
"""How long a new secret may stay unused before somebody should see to it."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """What a week tells of how often a source sends."""

    first: datetime
    longest: timedelta
    busy_spans: int
    deliveries: int

    def make_unusual(self, silence: timedelta, now: datetime) -> bool:
        """Tell whether so long a silence has not been there for a week."""
        is_known = self.busy_spans >= BUSY_SPANS and now - self.first >= DAY
        return is_known and silence > self.longest + TOLERANCE


@dataclass(frozen=True, slots=True)
class Secret:
    """One of a source's active secrets, without its value."""

    created_at: datetime
    last_used_at: datetime | None


def show_sources(look: Look) -> Block:
    """Return how long each source has been silent, and whether its newest secret is in use."""
    newest = Event.objects.filter(source=OuterRef("pk")).order_by("-pk").values("received_at")[:1]
    sources = list(Source.objects.annotate(event_at=Subquery(newest)).order_by("slug")[: MOST + 1])
    pauses, secrets = read_pauses(look), read_secrets()
    rows, findings = [], []
    for source in sources[:MOST]:
        active = secrets.get(source.pk, ())
        used = [secret.last_used_at for secret in active if secret.last_used_at]
        known = [*used, *filter(None, [getattr(source, "event_at", None)])]
        last = max(known, default=None)
        silence = Cell(text="never heard of") if last is None else show_silence(look, last)
        troubles = [
            *find_silence(look, source, last, pauses.get(source.pk)),
            *find_secret_trouble(look, source, active),
        ]
        findings += troubles
        sent = pauses[source.pk].deliveries if source.pk in pauses else 0
        rows.append(
            [
                Cell(
                    text=source.name,
                    url=page_of(Source, source.pk),
                    detail=describe(source, troubles),
                ),
                silence,
                show_secret(look, active),
                Cell(
                    text=write_number(sent),
                    url=link_to_deliveries(look, source) if look.may_see(Delivery) else "",
                ),
            ]
        )
    return Block(
        name="sources",
        title="Sources",
        span=f"deliveries: {look.span}",
        table=Table(
            caption="Sources, and when each was heard of last",
            head=["Source", "Last delivery", "Newest secret", "Deliveries"],
            rows=rows,
            first_words=3,
        ),
        note=f"Only the first {MOST} are shown." if len(sources) > MOST else "",
        findings=findings,
        is_wide=True,
    )


def read_pauses(look: Look) -> Mapping[int, Pauses]:
    """Return what is known of each source that sent anything within a week."""
    values = {"since": look.since, "week_ago": look.now - 7 * DAY}
    with connection.cursor() as cursor:
        cursor.execute(PAUSES, values)
        return {
            source_id: Pauses(first, longest or timedelta(), busy_spans, deliveries)
            for source_id, first, longest, busy_spans, deliveries in cursor
        }


def read_secrets() -> Mapping[int, Sequence[Secret]]:
    """Return the active secrets of each source, the newest first."""
    found: dict[int, list[Secret]] = defaultdict(list)
    active = SigningSecret.objects.filter(retired_at=None).order_by("-created_at", "-pk")
    columns = active.values_list("source_id", "created_at", "last_used_at")
    for source_id, created_at, last_used_at in columns:
        found[source_id].append(Secret(created_at, last_used_at))
    return found


def link_to_deliveries(look: Look, source: Source) -> str:
    """Return the list of the source's genuine deliveries in the window."""
    query = {"source__id__exact": source.pk, "verification": Delivery.Verification.VERIFIED.value}
    return list_of(Delivery, query | write_bounds("received_at", look.since))


def describe(source: Source, troubles: Sequence[Finding]) -> str:
    """Return what is to be known of a source beside its name."""
    if not source.is_active:
        return "off: deliveries are answered 404"
    if source.paused_at:
        return f"paused by {source.paused_by}: its events are held"
    return "unusually silent" if any("unusual" in trouble.text for trouble in troubles) else ""


def show_silence(look: Look, last: datetime) -> Cell:
    """Return how long ago something came."""
    return Cell(text=f"{say_span(look.now - last)} ago", exact=last)


def show_secret(look: Look, active: Sequence[Secret]) -> Cell:
    """Return whether the newest of the active secrets is the one that the sender signs with."""
    if not active:
        return Cell(text="none", label="danger", detail="every delivery is refused")
    newest, *older = active
    if newest.last_used_at:
        return Cell(text="in use", label="success", exact=newest.last_used_at)
    used = [secret.last_used_at for secret in older if secret.last_used_at]
    if not used:
        return Cell(text="not used yet", label="info")
    return Cell(
        text="not in use yet",
        label="warning",
        detail=f"the sender signs with an older one, {say_span(look.now - max(used))} ago",
    )


def find_silence(
    look: Look, source: Source, last: datetime | None, pauses: Pauses | None
) -> list[Finding]:
    """Return whether a source that used to send does not any more, or is paused."""
    if not source.is_active:
        return []
    findings = []
    if source.paused_at:
        text = f"{source.name} is paused by {source.paused_by}; its events are taken, and held."
        findings.append(Finding(Urgency.SOON, text, page_of(Source, source.pk)))
    if last and pauses and pauses.make_unusual(silence := look.now - last, look.now):
        findings.append(
            Finding(
                Urgency.SOON,
                f"{source.name} has been silent for {say_span(silence)}, which is unusual: within a"
                f" week its longest pause was {say_span(pauses.longest)}.",
                page_of(Source, source.pk),
            )
        )
    return findings


def find_secret_trouble(look: Look, source: Source, active: Sequence[Secret]) -> list[Finding]:
    """Return whether a source cannot verify anything, or has a new secret that nobody uses."""
    if not source.is_active:
        return []
    if not active:
        text = f"{source.name} has no active secret, so every delivery is refused: add one."
        return [Finding(Urgency.BROKEN, text, page_of(Source, source.pk))]
    newest, *older = active
    is_waiting = newest.last_used_at is None and any(secret.last_used_at for secret in older)
    if is_waiting and look.now - newest.created_at > UNUSED:
        text = (
            f"The new secret of {source.name} has not been used for"
            f" {say_span(look.now - newest.created_at)}: does the sender have it?"
        )
        return [Finding(Urgency.SOON, text, page_of(Source, source.pk))]
    return []
