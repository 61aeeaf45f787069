"""What is the same wherever Switchboard runs."""

from datetime import timedelta

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config.logging import build_logging
from config.settings import admin, api, broker, integrations
from config.settings.database import read_database_url
from config.settings.environment import BASE_DIR, env, required, seconds, whole_number
from config.settings.limits import *  # noqa: F403 -- its names are settings, all of them
from config.settings.limits import BROKER_CONNECT_TIMEOUT, BROKER_HEARTBEAT
from config.settings.security import *  # noqa: F403 -- as above

SECRET_KEY = required("SECRET_KEY", "give Django a long random string to sign sessions with.")
SECRET_ENCRYPTION_KEYS: list[str] = env.list("SECRET_ENCRYPTION_KEYS", default=[])
"""Fernet keys for signing secrets at rest: the first encrypts, all of them decrypt."""

try:
    for _key in SECRET_ENCRYPTION_KEYS:
        Fernet(_key)
except ValueError as error:
    raise ImproperlyConfigured(
        "SECRET_ENCRYPTION_KEYS holds something that is no Fernet key: each is 32 bytes in"
        " URL-safe base64, as cryptography's Fernet.generate_key() makes them."
    ) from error
if not SECRET_ENCRYPTION_KEYS:
    required(
        "SECRET_ENCRYPTION_KEYS",
        "put in what `python -c 'from cryptography.fernet import"
        " Fernet; print(Fernet.generate_key().decode())'` prints.",
    )

DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    # Ours is the site: unfold's default configuration would put its own in our site's place.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "webhooks.access.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "csp",
    "webhooks",
    "integrations",
    "integrations.ledger",
]

MIDDLEWARE = [
    "config.middleware.ProgramsFirst",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.BrowserLimits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webhooks.access.sessions.SessionLimits",
    "django_otp.middleware.OTPMiddleware",
    "webhooks.access.requirement.SecondFactorRequirement",
    "django.contrib.messages.middleware.MessageMiddleware",
    "webhooks.admin.find.zones.ViewersZone",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": read_database_url()}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# ---------------------------------------------------------------------------- receiving

WEBHOOKS_MAX_BODY_BYTES = whole_number("WEBHOOKS_MAX_BODY_BYTES", 5 * 1024 * 1024)
# Django's own limit would answer 400 where the contract says 413.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(WEBHOOKS_MAX_BODY_BYTES, 2621440)
WEBHOOKS_RETRY_AFTER = timedelta(seconds=seconds("WEBHOOKS_RETRY_AFTER", 10))
"""What a sender is told to wait when Postgres cannot take its event."""
WEBHOOKS_SOURCE_CACHE = timedelta(seconds=seconds("WEBHOOKS_SOURCE_CACHE", 5))
"""How long a process goes on using the sources and secrets that it has read."""
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
"""How many proxies of one's own a request passes: each adds to X-Forwarded-For."""
WEBHOOKS_REJECTED_ROWS_PER_HOUR = whole_number("WEBHOOKS_REJECTED_ROWS_PER_HOUR", 100)
"""Rejected deliveries kept as rows, for each source and reason; all of them are counted."""

# ---------------------------------------------------------------------------- processing

WEBHOOKS_MAX_ATTEMPTS = whole_number("WEBHOOKS_MAX_ATTEMPTS", 64)
"""With the back-off of `processing.retry` that is about a day: longer than a vendor's bad night."""
WEBHOOKS_ANALYSIS_FIELDS: dict[str, list[str]] = env.json(
    "WEBHOOKS_ANALYSIS_FIELDS",
    default={
        "goals": ["goals", "goal_results", "goal_scoring.goals", "analysis.goals"],
        "score": ["score", "overall_score", "goal_scoring.score", "analysis.score"],
        "summary": ["summary", "analysis.summary", "post_call_analysis.summary"],
        "follow_ups": ["follow_ups", "follow_up_tasks", "analysis.follow_ups", "action_items"],
    },
)
"""Where in an analysis to look for what, in this order; the first that is there is taken."""

CONVERSATION_URL: str = env.str("CONVERSATION_URL", default="")
"""Where a person can read a conversation, with `{conversation_uuid}` in its place."""
INTEGRATIONS = integrations.read_integrations()

CELERY_BROKER_URL = broker.URL
CELERY_BROKER_TRANSPORT_OPTIONS = broker.TRANSPORT_OPTIONS
CELERY_BROKER_CONNECTION_TIMEOUT = BROKER_CONNECT_TIMEOUT
CELERY_BROKER_HEARTBEAT = BROKER_HEARTBEAT
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "events"
CELERY_TASK_DEFAULT_EXCHANGE = "switchboard"
CELERY_TASK_PUBLISH_RETRY = False
# A hint that a busy worker keeps for later is one that an idle worker elsewhere does not get.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Remote control would open a queue for every worker that ever ran.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# Celery would open a new connection to Postgres for each task, which costs more than most tasks
# do: so many tasks have it one after the other, see `config.celery.drop_dead_connections`.
CELERY_DB_REUSE_MAX = 10_000
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "webhooks.processing.beat:SweepScheduler"

# ---------------------------------------------------------------------------- people

REST_FRAMEWORK = api.REST_FRAMEWORK | {"NUM_PROXIES": TRUSTED_PROXIES}
SPECTACULAR_SETTINGS = api.SPECTACULAR_SETTINGS
UNFOLD = admin.UNFOLD
ADMIN_CHANGE_LIST = admin.CHANGE_LIST
ADMIN_CONVERSATION_LINK = admin.CONVERSATION_LINK
ADMIN_LOOK = admin.LOOK
ADMIN_PERSONAL_DATA_PERMISSION = admin.PERSONAL_DATA_PERMISSION

LOG_FORMAT = env.str("LOG_FORMAT", default="json")
LOGGING = build_logging(LOG_FORMAT, env.str("LOG_LEVEL", default="INFO"))
LOGGING_CONFIG = "config.logging.configure_logging"
