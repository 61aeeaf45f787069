"""What was sent to Stripe, written down before it leaves and once its fate is known.

Stripe recognises a repeated identifier for "at least 24 hours" ("Create a billing meter event",
https://docs.stripe.com/api/billing/meter-event/create), and has no way to ask for a single event.
So an event whose fate a time-out left open can be sent again within that time, and only then:
later it might count twice. Nobody but us can know when the first of its sends left.

All times are the database's, so a worker with a wrong clock does no harm.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from integrations.exceptions import PermanentFailure
from integrations.models import StripeMeterEvent

WINDOW = timedelta(hours=23)
"""How long after its first send an event may be sent again: Stripe's 24 hours, and some room."""

KEPT = timedelta(days=40)
"""How long a row is of use: Stripe takes no event that is older than 35 days."""

FORGOTTEN_AT_ONCE = 3
"""The most rows that are deleted whenever one is confirmed: more than came to it."""

# One statement, so that two workers that send one event at once both count. As long as a send is
# open, a later one says the same as the first: Stripe might not recognise it for another customer.
BEGIN = """
    INSERT INTO integrations_stripemeterevent AS event
        (identifier, livemode, event_name, customer_id, created_at, open_sends, open_since)
    VALUES (%(identifier)s, %(livemode)s, %(event_name)s, %(customer_id)s,
            statement_timestamp(), 1, statement_timestamp())
    ON CONFLICT (identifier, livemode) DO UPDATE SET
        open_sends = event.open_sends + 1,
        open_since = CASE WHEN event.open_sends = 0 THEN excluded.open_since
                          ELSE event.open_since END,
        event_name = CASE WHEN event.open_sends = 0 THEN excluded.event_name
                          ELSE event.event_name END,
        customer_id = CASE WHEN event.open_sends = 0 THEN excluded.customer_id
                           ELSE event.customer_id END
    RETURNING id, event_name, customer_id
"""


@dataclass(frozen=True, slots=True)
class Send:
    """A send that has begun: to which meter, and for which customer."""

    pk: int
    event_name: str
    customer_id: str

    def confirm(self) -> None:
        """Write down that Stripe has the event; a few rows that are of no more use go with that."""
        StripeMeterEvent.objects.filter(pk=self.pk).update(
            confirmed_at=Now(), open_sends=0, open_since=None
        )
        forget_oldest()

    def take_back(self) -> None:
        """Write down that Stripe did not take what was sent: it is as if it had not been sent."""
        StripeMeterEvent.objects.filter(pk=self.pk, open_sends__gt=0).update(
            open_sends=F("open_sends") - 1,
            open_since=Case(When(open_sends=1, then=Value(None)), default=F("open_since")),
        )


def find_sent(identifier: str, *, livemode: bool) -> StripeMeterEvent | None:
    """Return what is known of the event's earlier sends, if there were any.

    Raises `PermanentFailure` where it must not be sent again before a person has looked.
    """
    event = (
        StripeMeterEvent.objects.annotate(
            is_late=Q(open_sends__gt=0, open_since__lt=Now() - WINDOW, confirmed_at=None)
        )
        .filter(identifier=identifier, livemode=livemode)
        .first()
    )
    if event is not None and event.is_late:
        raise PermanentFailure(
            "Stripe never said whether it has this meter event, and would no longer recognise a"
            f" repetition. Look for {identifier} in Stripe's Workbench, under Logs: if it is there,"
            " close this effect; if it is not, delete it from Switchboard's Stripe meter events and"
            " retry."
        )
    return event


def begin_send(identifier: str, *, livemode: bool, event_name: str, customer_id: str) -> Send:
    """Write down that the event is about to leave, and return what to send.

    While an earlier send is open, that is its meter and its customer, whatever the arguments say.
    Committed when this returns, since no backend is called inside a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            BEGIN,
            {
                "identifier": identifier,
                "livemode": livemode,
                "event_name": event_name,
                "customer_id": customer_id,
            },
        )
        return Send(*cursor.fetchone())


def forget_oldest() -> None:
    """Delete a few rows that are of no more use, and none that another worker is deleting."""
    oldest = (
        StripeMeterEvent.objects.filter(created_at__lt=Now() - KEPT)
        .order_by("created_at")
        .select_for_update(skip_locked=True)
        .values("pk")[:FORGOTTEN_AT_ONCE]
    )
    StripeMeterEvent.objects.filter(pk__in=oldest).delete()
