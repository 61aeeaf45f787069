"""The start page reads no large table: among many rows, each question is served by an index."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import EffectFactory, SigningSecretFactory
from webhooks.models import CountedUntil
from webhooks.statistics import counting

LARGE = ("event", "effect", "delivery", "attempt", "conversation")

FILL = """
INSERT INTO webhooks_conversation
    (conversation_uuid, organization_uuid, organization_name, agent_uuid, agent_name, channel,
    direction, from_number, to_number, campaign_uuid, status, answer_status, summary, goals,
    follow_ups, version, stamps, first_seen_at, updated_at, ended_at, analysed_at)
SELECT 'c' || n, '', '', '', '', '', '', '', '', '', 'completed', '', '', '[]', '[]', 1, '{}',
    now() - n * interval '30 s', now(), now() - n * interval '30 s',
    CASE WHEN n % 50 = 0 THEN NULL ELSE now() END
FROM generate_series(20000, 1, -1) AS n;

INSERT INTO webhooks_event
    (event_id, event_type, source_id, conversation_uuid, agent_uuid, organization_uuid,
    organization_name, created, received_at, body_sha256, body_bytes, status, due_at)
SELECT gen_random_uuid(), 'conversation.ended', (SELECT min(id) FROM webhooks_source), 'c' || n,
    '', '', '', now(), now() - n * interval '30 s', '', 0,
    CASE WHEN n % 500 = 0 THEN 'dead' WHEN n % 501 = 0 THEN 'held' WHEN n < 300 THEN 'pending'
    ELSE 'processed' END,
    now() - n * interval '30 s'
FROM generate_series(20000, 1, -1) AS n;

INSERT INTO webhooks_delivery
    (source_id, received_at, outcome, verification, event_id, body_bytes)
SELECT source_id, received_at, 'accepted', 'verified', id, 0 FROM webhooks_event ORDER BY id;

INSERT INTO webhooks_effect
    (event_id, conversation_id, integration, idempotency_key, state, reason, attempts_made,
    attempts_limit, due_at, priority, external_id, external_url, created_at)
SELECT event.id, conversation.id, (ARRAY['crm', 'tickets', 'usage', 'tasks'])[1 + event.id % 4],
    'k' || event.id,
    CASE WHEN event.id % 500 = 0 THEN 'dead' WHEN event.status = 'pending' THEN 'pending'
    ELSE 'succeeded' END,
    '', 1, 64, event.received_at, 0, '', '', event.received_at
FROM webhooks_event AS event
JOIN webhooks_conversation AS conversation USING (conversation_uuid) ORDER BY event.id;

INSERT INTO webhooks_attempt
    (effect_id, number, lease, worker, started_at, outcome, error_class, error)
SELECT id, 1, gen_random_uuid(), '', created_at, 'succeeded', '', ''
FROM webhooks_effect WHERE state = 'succeeded' ORDER BY id;
"""


@pytest.fixture(autouse=True)
def _rows(own_database: str) -> None:  # noqa: ARG001 -- rows that are committed
    """Have twenty thousand of everything, as a week leaves them, and Postgres know of it."""
    SigningSecretFactory.create()
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute("VACUUM ANALYZE")


def find_scans(queries: CaptureQueriesContext) -> list[str]:
    """Return the plans in which a large table is read from its beginning to its end."""
    whole = re.compile(rf"Seq Scan on webhooks_({'|'.join(LARGE)})\b")
    found = []
    with connection.cursor() as cursor:
        for query in list(queries):
            if not query["sql"].lstrip().startswith(("SELECT", "WITH")):
                continue
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            if whole.search(plan):
                found.append(f"{query['sql']}\n{plan}")
    return found


@pytest.mark.parametrize("window", ["now", "hour", "day", "week"])
def test_no_question_scans_a_large_table(window: str) -> None:
    """Whichever time is chosen, with work done, work waiting and work given up."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    with CaptureQueriesContext(connection) as queries:
        response = client.get(reverse("admin:index"), {"window": window})
    assert response.status_code == 200
    assert len(queries) > 10
    # Whether any delivery is there is answered by the first row that is met.
    asked = [plan for plan in find_scans(queries) if "EXISTS(" not in plan]
    assert asked == []


def test_counting_reads_what_is_new_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever came before, the last minutes are found by the summaries of time."""
    monkeypatch.setattr(counting, "INTERVAL", counting.INTERVAL * 0)
    monkeypatch.setattr(counting, "RESTS", 0)
    for _ in range(20):
        counting.count_what_happened()
    assert CountedUntil.objects.filter(counted_at__isnull=False).count() == 3
    EffectFactory.create()
    with CaptureQueriesContext(connection) as queries:
        counting.count_what_happened()
    large = re.compile(r"FROM webhooks_(delivery|attempt)\b")
    counted = [query for query in queries if large.search(query["sql"])]
    assert len(counted) == 2
    with connection.cursor() as cursor:
        for query in counted:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Bitmap Index Scan on" in plan, plan
            assert not re.search(r"Seq Scan on webhooks_(delivery|attempt|effect)\b", plan), plan
