"""Fills a database as if events had come in for days, one a second, in a few statements.

Rows are as the product writes them, column by column. Every third event ends a conversation that
the one before began, and the third is its analysis; each has effects with their attempts.
"""

from django.db import connection

PER_CONVERSATION = 3

CONVERSATIONS = """
INSERT INTO webhooks_conversation (
    conversation_uuid, organization_uuid, organization_name, agent_uuid, agent_name, channel,
    direction, from_number, to_number, campaign_uuid, status, answer_status, started_at, ended_at,
    duration_seconds, analysed_at, score, summary, goals, follow_ups, version, stamps,
    first_seen_at, updated_at)
SELECT md5(c::text)::uuid::text, 'organization-1', 'Organization One', 'agent-' || c %% 7,
    'Agent ' || c %% 7, 'phone', CASE c %% 3 WHEN 0 THEN 'outbound' ELSE 'inbound' END,
    '+49151' || lpad((c / 2)::text, 8, '0'), '+4930555' || lpad((c %% 50)::text, 3, '0'), '',
    CASE WHEN c %% 40 = 0 THEN 'failed' WHEN c %% 90 = 0 THEN 'in_progress' ELSE 'completed' END,
    '', at, at + interval '1 s', 60 + c %% 300,
    CASE WHEN c %% 50 = 0 THEN NULL ELSE at + interval '2 s' END, (c %% 100) / 100.0,
    'They asked about their invoice.', '[]', '[]', 3, '{}', at, at
FROM (SELECT c, now() - make_interval(secs => (%(last)s - c) * 3) AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS c) AS made
"""

EVENTS = """
INSERT INTO webhooks_event (
    event_id, event_type, source_id, conversation_uuid, agent_uuid, organization_uuid,
    organization_name, created, received_at, body, body_sha256, body_bytes, status, attempts,
    due_at, processed_at, error)
SELECT event_id, event_type, source, name, agent, 'organization-1', 'Organization One', at, at,
    body, sha256(body), length(body), status, CASE status WHEN 'pending' THEN 0 ELSE 1 END, at,
    CASE WHEN status IN ('pending', 'held') THEN NULL ELSE at + interval '200 ms' END,
    CASE WHEN status IN ('failed', 'dead') THEN 'KeyError' ELSE '' END
FROM (SELECT *, convert_to(jsonb_build_object(
        'event_id', event_id, 'event_type', event_type, 'created', at,
        'organization_uuid', 'organization-1', 'organization_name', 'Organization One',
        'data', jsonb_build_object('conversation_uuid', name, 'agent_uuid', agent,
            'from_number', '+49151' || lpad((c / 2)::text, 8, '0'), 'status', 'completed',
            'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'message',
                'It is about my invoice, which never came.'))))::text, 'UTF8') AS body
    FROM (SELECT c, md5(c || '-' || stage)::uuid AS event_id, md5(c::text)::uuid::text AS name,
            'agent-' || c %% 7 AS agent,
            (ARRAY['conversation.started', 'conversation.ended',
                'conversation.analysis.completed'])[stage + 1] AS event_type,
            (SELECT min(id) FROM webhooks_source) + c %% (SELECT count(*) FROM webhooks_source)
                AS source,
            now() - make_interval(secs => (%(last)s - c) * 3 + 2 - stage) AS at,
            CASE width_bucket((c * 3 + stage) %% 1000, ARRAY[6, 12, 20, 24, 26, 28])
                WHEN 0 THEN 'failed' WHEN 1 THEN 'dead' WHEN 2 THEN 'ignored'
                WHEN 3 THEN 'pending' WHEN 4 THEN 'closed' WHEN 5 THEN 'held'
                ELSE 'processed' END AS status
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS c,
            generate_series(0, 2) AS stage
        ORDER BY c, stage) AS drawn) AS made
ORDER BY at
"""

DELIVERIES = """
INSERT INTO webhooks_delivery (source_id, received_at, remote_address, outcome, verification,
    reason, secret_id, event_id, body_bytes, signed_at)
SELECT source_id, at, '203.0.113.7', outcome,
    CASE outcome WHEN 'rejected' THEN 'signature_mismatch' ELSE 'verified' END, '',
    CASE outcome WHEN 'rejected' THEN NULL ELSE (SELECT min(id) FROM webhooks_signingsecret) END,
    CASE outcome WHEN 'rejected' THEN NULL ELSE id END, body_bytes, at
FROM (SELECT id, source_id, body_bytes, received_at AS at, 'accepted' AS outcome
        FROM webhooks_event WHERE id > %(event)s
    UNION ALL SELECT id, source_id, body_bytes, received_at + interval '300 ms',
        (ARRAY['duplicate', 'conflict', 'rejected'])[id %% 3 + 1]
        FROM webhooks_event WHERE id > %(event)s AND id %% 50 < 2) AS made
ORDER BY at
"""

EFFECTS = """
INSERT INTO webhooks_effect (event_id, conversation_id, integration, idempotency_key, request,
    state, reason, attempts_made, attempts_limit, due_at, priority, external_id, external_url,
    created_at, finished_at)
SELECT event, conversation, integration, integration || ':' || event, NULL, state,
    CASE WHEN state IN ('failed', 'dead') THEN 'The vendor refused it.' ELSE '' END, 1, 64, at, 0,
    CASE state WHEN 'succeeded' THEN (event * 10 + length(integration))::text ELSE '' END, '', at,
    CASE WHEN state IN ('pending') THEN NULL ELSE at + interval '1 s' END
FROM (SELECT event.id AS event, conversation.id AS conversation, integration,
        event.received_at + interval '200 ms' AS at,
        CASE width_bucket((event.id * 7 + length(integration)) %% 1000, ARRAY[6, 12, 16, 18, 24])
            WHEN 0 THEN 'failed' WHEN 1 THEN 'dead' WHEN 2 THEN 'pending' WHEN 3 THEN 'closed'
            WHEN 4 THEN 'skipped' ELSE 'succeeded' END AS state
    FROM webhooks_event AS event
    JOIN webhooks_conversation AS conversation USING (conversation_uuid)
    JOIN (VALUES ('crm', 'conversation.started'), ('crm', 'conversation.ended'),
        ('crm', 'conversation.analysis.completed'), ('usage', 'conversation.ended'),
        ('tickets', 'conversation.analysis.completed')) AS route (integration, event_type)
        USING (event_type)
    WHERE event.id > %(event)s AND event.status = 'processed'
        AND (integration <> 'tickets' OR event.id %% 10 = 0)) AS made
ORDER BY at
"""

ATTEMPTS = """
INSERT INTO webhooks_attempt (effect_id, number, lease, worker, started_at, finished_at, outcome,
    error_class, error)
SELECT id, 1, gen_random_uuid(), 'worker-1', created_at, finished_at,
    CASE state WHEN 'succeeded' THEN 'succeeded' ELSE 'permanent' END,
    CASE state WHEN 'succeeded' THEN '' ELSE 'PermanentFailure' END,
    CASE state WHEN 'succeeded' THEN '' ELSE 'The vendor refused it.' END
FROM webhooks_effect WHERE id > %(effect)s AND state NOT IN ('pending', 'skipped') ORDER BY id
"""

TABLES = ("conversation", "event", "delivery", "effect", "attempt")


def fill(events: int) -> None:
    """Empty the tables, and store so many events with all that belongs to them."""
    span = {"first": 1, "last": events // PER_CONVERSATION}
    with connection.cursor() as cursor:
        # A million rows take longer than anything that the product asks.
        cursor.execute("SET statement_timeout = 0")
        connection.connection.reply_timeout = None
        tables = ", ".join(f"webhooks_{name}" for name in TABLES)
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        for statement in (CONVERSATIONS, EVENTS, DELIVERIES, EFFECTS, ATTEMPTS):
            cursor.execute(statement, span | {"event": 0, "effect": 0})
        for name in TABLES:
            cursor.execute(f"VACUUM ANALYZE webhooks_{name}")
        cursor.execute("RESET statement_timeout")
        reply_timeout = connection.settings_dict["OPTIONS"].get("reply_timeout")
        connection.connection.reply_timeout = reply_timeout
