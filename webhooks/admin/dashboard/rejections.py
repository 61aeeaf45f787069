"""The dashboard's verification failures: why deliveries were not taken for genuine, and where."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from webhooks.admin.dashboard.parts import (
    Block,
    Cell,
    Finding,
    Table,
    Urgency,
    write_bounds,
    write_number,
)
from webhooks.admin.dashboard.window import MINUTE, Look
from webhooks.admin.words.links import list_of
from webhooks.models import Delivery, RejectionCount

LATELY = 15 * MINUTE
"""What happens now, whichever time is looked at."""

MANY = 10
"""Rejections of a source within `LATELY` that are more than a stranger's knock."""

COUNT = """
SELECT
    source.id, source.slug, counted.verification,
    coalesce(sum(counted.count) FILTER (WHERE counted.since >= %(since)s), 0)::bigint,
    coalesce(sum(counted.count) FILTER (WHERE counted.since >= %(lately)s), 0)::bigint
FROM webhooks_deliverycount AS counted JOIN webhooks_source AS source ON source.id = source_id
WHERE counted.since >= least(%(since)s, %(lately)s)
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Verified:
    """How many deliveries to a source were turned away for one reason, or were genuine."""

    source_id: int
    slug: str
    verification: Delivery.Verification
    count: int
    lately: int

    @property
    def is_genuine(self) -> bool:
        """Tell whether their signatures held."""
        return self.verification is Delivery.Verification.VERIFIED


def show_rejections(look: Look) -> Block:
    """Return how many deliveries were turned away, by source and reason."""
    values = {"since": look.since, "lately": look.now - LATELY}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        counted = [
            Verified(source_id, slug, Delivery.Verification(verification), count, lately)
            for source_id, slug, verification, count, lately in cursor
        ]
    genuine = {row.source_id: row.lately for row in counted if row.is_genuine}
    rejected = [row for row in counted if not row.is_genuine]
    shown = [row for row in rejected if row.count]
    return Block(
        name="rejections",
        title="Verification failures",
        span=look.span,
        table=Table(
            caption="Deliveries that were turned away, by source and reason",
            head=["Source", "Reason", "Deliveries"],
            rows=[
                [
                    Cell(text=row.slug),
                    Cell(text=str(row.verification.label)),
                    Cell(text=write_number(row.count), url=link_to_rejections(row, look.since)),
                ]
                for row in shown
            ],
            first_words=2,
        )
        if shown
        else None,
        empty="" if shown else f"None {look.window.words}.",
        note="Open one of the deliveries that were turned away: its page says the likely cause."
        if shown
        else "",
        findings=list(find_refused_sources(rejected, genuine, look.now - LATELY)),
    )


def link_to_rejections(row: Verified, since: datetime) -> str:
    """Return the list of the counts of that source and reason, from the hour of `since` on."""
    query = {"source__id__exact": row.source_id, "verification__exact": row.verification.value}
    return list_of(RejectionCount, query | write_bounds("hour", begin_hour(since)))


def begin_hour(moment: datetime) -> datetime:
    """Return when the hour began that rejections are counted in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def find_refused_sources(
    rejected: Iterable[Verified], genuine: Mapping[int, int], since: datetime
) -> Iterable[Finding]:
    """Yield the sources that turn away more than they take, of late: since `since`.

    Anybody can send nonsense to an address, so a few are no reason to call somebody.
    """
    lately: Counter[tuple[int, str]] = Counter()
    for row in rejected:
        lately[row.source_id, row.slug] += row.lately
    for (source_id, slug), count in lately.items():
        taken = genuine.get(source_id, 0)
        if count >= MANY and count > taken:
            others = "none" if not taken else f"only {write_number(taken)}"
            yield Finding(
                Urgency.SOON if taken else Urgency.BROKEN,
                f"{slug} turned away {write_number(count)} deliveries within a quarter of an hour"
                f" and took {others}: is the signing secret the right one?",
                list_of(
                    RejectionCount,
                    {"source__id__exact": source_id, **write_bounds("hour", begin_hour(since))},
                ),
            )
