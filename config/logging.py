"""Logs: structlog for our own lines and everybody else's, as JSON or readable for people."""

import logging
import logging.config
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor

SHARED: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def describe_exception(_: Any, __: str, line: EventDict) -> EventDict:
    """Replace a line's exception by its class and where it went, without what it says.

    Messages quote what they stumbled over (Postgres, for one, the value that it could not
    store), and that may be a phone number or a transcript.
    """
    info = line.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        line["exception"] = "\n".join(trace_exceptions(error))
    return line


def trace_exceptions(error: BaseException) -> Iterator[str]:
    """Yield the class and the frames of `error`, and of what caused it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield type(current).__qualname__
        for frame in traceback.extract_tb(current.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
        current = current.__cause__ or current.__context__


def encode_json(line: EventDict, **_: Any) -> str:
    """Return a line as JSON; several times as fast as Python's own, on every delivery's way."""
    return msgspec.json.encode(line, enc_hook=repr).decode()


class WithoutWords(logging.Filter):
    """Takes the exception's words out of Celery's line on a failed task; its class is kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record, which has the words in its message and in its details."""
        if isinstance(record.args, dict):
            record.msg = "Task %(name)s[%(id)s] %(description)s"
            record.args = {name: record.args.get(name) for name in ("name", "id", "description")}
            record.__dict__.pop("data", None)
        return True


class OnceAMinute(logging.Filter):
    """Lets each kind of line through once in `SECONDS`: an outage is told, not counted.

    A kind is a line's text before anything is put into it.
    """

    SECONDS = 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self.told_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether its kind has not been told in the last minute."""
        kind, now = str(record.msg), self.clock()
        last = self.told_at.get(kind)
        if last is not None and now - last < self.SECONDS:
            return False
        self.told_at[kind] = now
        return True


def build_logging(log_format: str, level: str) -> dict[str, Any]:
    """Return Django's `LOGGING` for the format `json` or `readable`."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if log_format == "readable"
        else structlog.processors.JSONRenderer(serializer=encode_json)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"without_words": {"()": WithoutWords}, "once_a_minute": {"()": OnceAMinute}},
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    describe_exception,
                    renderer,
                ],
            },
        },
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            # 4xx answers are in the delivery's own line already.
            "django.request": {"level": "ERROR"},
            "pgmq": {"level": "WARNING"},
            # Who came in and who did not is in the audit list.
            "axes": {"level": "WARNING"},
            # It misses a host in `pgmq://`, which means the database's own.
            "kombu.connection": {"level": "ERROR"},
            # Delayed messages, which we never send and of which it warns for each queue as it
            # connects to RabbitMQ.
            "kombu.transport.native_delayed_delivery": {"level": "ERROR"},
            # One for each try to connect, many a second in an outage. Whoever could not do without
            # the connection says so in a line of our own: hint_not_published, a 503, a failed task.
            "psycopg.pool": {"level": "ERROR"},
            # A worker tries every two seconds to reach a broker that is away.
            "celery.worker.consumer.consumer": {"filters": ["once_a_minute"]},
            # Addresses that we call may hold what is personal.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING", "filters": ["without_words"]},
            "celery.beat": {"level": "WARNING"},
        },
    }


def configure_logging(config: dict[str, Any]) -> None:
    """Set up logging for this process; `LOGGING_CONFIG` names it, and Celery's workers call it."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
