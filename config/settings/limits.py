"""Every time limit, and which of them must be longer than which.

Plain numbers are seconds. What must hold stands in `LIMITS_IN_ORDER`, and a system check
(`webhooks.E001`) names those that are in the wrong order.
"""

from datetime import timedelta

from config.settings.environment import seconds, whole_number

# ---------------------------------------------------------------------------- Postgres

DATABASE_CONNECT_TIMEOUT = seconds("DATABASE_CONNECT_TIMEOUT", 3)
DATABASE_LOCK_TIMEOUT = seconds("DATABASE_LOCK_TIMEOUT", 10)
"""A wait for somebody else's lock: locks are held for moments, so who holds one for long hangs."""
DATABASE_STATEMENT_TIMEOUT = seconds("DATABASE_STATEMENT_TIMEOUT", 30)
"""A statement, and a transaction in which nobody says anything; kept by the server."""
DATABASE_REPLY_TIMEOUT = DATABASE_STATEMENT_TIMEOUT + 2
"""Kept by the client: only with a server that hangs does it get that far."""
PEER_TIMEOUT = seconds("PEER_TIMEOUT", 15)
"""After how long a TCP connection is given up whose other end does not even acknowledge a packet.

Of Postgres and the brokers: a machine that has lost its power says nothing any more.
"""

# ---------------------------------------------------------------------------- receiving

WEBHOOKS_RECORD_TIMEOUT = timedelta(seconds=seconds("WEBHOOKS_RECORD_TIMEOUT", 5))
"""How long recording a delivery may take before the sender is told to come back."""
WEB_BODY_TIMEOUT = seconds("WEB_BODY_TIMEOUT", 30)
"""How long a request's body may take to arrive."""
WEB_TIMEOUT = seconds("WEB_TIMEOUT", 60)
"""A gunicorn worker that gives no sign of life for so long is replaced."""
WEB_GRACE = seconds("WEB_GRACE", 30)
"""What requests may still take once gunicorn has been told to end."""
WEB_KEEPALIVE = seconds("WEB_KEEPALIVE", 75)
"""Longer than proxies keep an idle connection: who closes first must be the one that sends, or a
delivery can meet a connection that is just being closed."""

# ---------------------------------------------------------------------------- vendors

VENDOR_CONNECT_TIMEOUT = seconds("VENDOR_CONNECT_TIMEOUT", 5)
VENDOR_READ_TIMEOUT = seconds("VENDOR_READ_TIMEOUT", 10)
"""Between two pieces of an answer."""
VENDOR_TOTAL_TIMEOUT = seconds("VENDOR_TOTAL_TIMEOUT", 25)
"""A request, from the name's resolution to the answer's last byte."""
VENDOR_SLOT_PATIENCE = seconds("VENDOR_SLOT_PATIENCE", 10)
"""How long a request waits for its turn; an effect whose turn is further away comes later."""

# ---------------------------------------------------------------------------- processing

WEBHOOKS_CLAIM_TIMEOUT = timedelta(seconds=seconds("WEBHOOKS_CLAIM_TIMEOUT", 5))
"""How long a worker waits for Postgres when it asks for work; the sweep sends another."""
WEBHOOKS_RESULT_PATIENCE = timedelta(seconds=seconds("WEBHOOKS_RESULT_PATIENCE", 8))
"""How long Postgres is tried to record what a vendor has done, or that a batch of events failed; a
restart takes less."""
WEBHOOKS_WORK_SPAN = timedelta(seconds=seconds("WEBHOOKS_WORK_SPAN", 5))
"""How long a task goes on with an integration's next effect: long enough that tasks cost little,
short enough that a worker that is to end does so soon."""
WEBHOOKS_TASK_TIME_LIMIT = timedelta(seconds=seconds("WEBHOOKS_TASK_TIME_LIMIT", 60))
"""How long a task may take, and each of an integration's effects that one task runs."""
CELERY_TASK_SOFT_TIME_LIMIT = (WEBHOOKS_WORK_SPAN + WEBHOOKS_TASK_TIME_LIMIT).total_seconds()
"""When what a task waits for is given up."""
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + WEBHOOKS_RESULT_PATIENCE.total_seconds() + 2
"""When its process is killed, where giving up did not help."""
WEBHOOKS_LEASE = timedelta(seconds=seconds("WEBHOOKS_LEASE", 120))
"""How long an effect's claim is respected."""
WEBHOOKS_EVENT_LEASE = timedelta(seconds=seconds("WEBHOOKS_EVENT_LEASE", 30))
"""How long a claim of a batch of events is respected that nobody works on.

Shorter than an effect's: no vendor is called. While somebody works on it the rows are locked, and
passed over whatever their lease says; who comes late finds the lease gone and changes nothing.
"""
WEBHOOKS_SWEEP_INTERVAL = timedelta(seconds=seconds("WEBHOOKS_SWEEP_INTERVAL", 5))

# ---------------------------------------------------------------------------- the broker

BROKER_CONNECT_TIMEOUT = seconds("BROKER_CONNECT_TIMEOUT", 2)
"""A publisher would rather leave a hint to the sweep than wait."""
BROKER_REPLY_TIMEOUT = seconds("BROKER_REPLY_TIMEOUT", 10)
"""After how long without an answer a broker is left that hangs."""
BROKER_HEARTBEAT = whole_number("BROKER_HEARTBEAT", 10)
"""Between two signs of life of RabbitMQ; without any for twice as long, it is left."""
BROKER_VISIBILITY_TIMEOUT = whole_number("BROKER_VISIBILITY_TIMEOUT", 300)
"""When a message that a worker took and never acknowledged is given to another (pgmq, Redis)."""

# ---------------------------------------------------------------------------- in order

LIMITS_IN_ORDER = (
    # these together                                    are less than
    (("DATABASE_LOCK_TIMEOUT",), "DATABASE_STATEMENT_TIMEOUT"),
    (("DATABASE_STATEMENT_TIMEOUT",), "DATABASE_REPLY_TIMEOUT"),
    # A delivery asks Postgres twice: for its source, and to be recorded.
    (
        ("WEBHOOKS_RECORD_TIMEOUT", "WEBHOOKS_RECORD_TIMEOUT", "DATABASE_CONNECT_TIMEOUT"),
        "WEB_GRACE",
    ),
    (("WEB_BODY_TIMEOUT",), "WEB_TIMEOUT"),
    (("VENDOR_CONNECT_TIMEOUT",), "VENDOR_TOTAL_TIMEOUT"),
    (("VENDOR_READ_TIMEOUT",), "VENDOR_TOTAL_TIMEOUT"),
    (("VENDOR_SLOT_PATIENCE", "VENDOR_TOTAL_TIMEOUT"), "WEBHOOKS_TASK_TIME_LIMIT"),
    # What a task is doing when it is told to stop can still be recorded before it is killed,
    (("CELERY_TASK_SOFT_TIME_LIMIT", "WEBHOOKS_RESULT_PATIENCE"), "CELERY_TASK_TIME_LIMIT"),
    # and it is dead before another may claim what it had: no two ever run one effect.
    (("CELERY_TASK_TIME_LIMIT",), "WEBHOOKS_LEASE"),
    # A claim of events may be answered late, and still be worth something.
    (("WEBHOOKS_CLAIM_TIMEOUT",), "WEBHOOKS_EVENT_LEASE"),
    (("CELERY_TASK_TIME_LIMIT",), "BROKER_VISIBILITY_TIMEOUT"),
    (("BROKER_CONNECT_TIMEOUT",), "BROKER_REPLY_TIMEOUT"),
)
