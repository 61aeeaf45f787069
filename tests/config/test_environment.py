"""What the documentation of the environment says is what the code reads."""

import re
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
READ_ELSEWHERE = {
    "ADMIN_PASSWORD",
    "DEMO_API_TOKEN",
    "DEMO_SIGNING_SECRET",
    "DJANGO_SETTINGS_MODULE",
    "FORWARDED_ALLOW_IPS",
    "PORT",
    "RECEIVER_URL",
    "WORKER_CONCURRENCY",
}
"""What `make run`, commands, the Procfile, Django and gunicorn read, rather than our settings."""


def test_example_names_each_variable_that_is_read_and_no_other() -> None:
    """`.env.example` lists exactly the variables that the settings and processes read."""
    pattern = re.compile(r'(?:env\.\w+|required|seconds|whole_number)\(\s*"([A-Z_]+)"')
    files = [*(BASE_DIR / "config").rglob("*.py")]
    read = {name for file in files for name in pattern.findall(file.read_text())}

    example = (BASE_DIR / ".env.example").read_text()
    named = re.findall(r"^#?([A-Z_]+)=", example, flags=re.MULTILINE)

    assert set(named) == read | READ_ELSEWHERE
    assert len(named) == len(set(named))


def test_each_queue_has_one_worker_in_the_procfile() -> None:
    """No queue that Celery knows waits for ever, and no two workers share one by mistake."""
    from config.broker import QUEUES  # noqa: PLC0415 -- after the test settings

    consumed = re.findall(r"--queues (\S+)", (BASE_DIR / "Procfile").read_text())
    assert sorted(",".join(consumed).split(",")) == sorted(QUEUES)
