"""A worker that hangs beyond every limit is gone before its lease ends."""

from pathlib import Path

from tests.contracts.requests import make_usage_record
from tests.factories import EffectFactory
from tests.processes import start_beat, start_worker
from tests.test_end_to_end import TROUBLED, wait_until
from webhooks.models import Attempt, Effect


def test_call_that_heeds_no_limit_is_killed_before_another_may_begin(
    own_database: str, tmp_path: Path
) -> None:
    """The hard limit ends its process, the lease ends later, and no two are ever under way."""
    request = make_usage_record(idempotency_key="key").to_json()
    effect = EffectFactory.create(
        integration="usage", idempotency_key="key", request=request, event__status="processed"
    )
    variables = {
        "DJANGO_SETTINGS_MODULE": TROUBLED,
        "TROUBLE": "DeafToLimits",
        "TROUBLE_MARK": str(tmp_path / "mark"),
    }
    with (
        start_worker(own_database, **variables) as worker,
        start_beat(own_database, **variables) as beat,
    ):
        wait_until(lambda: Effect.objects.get(pk=effect.pk).state == "succeeded", worker, beat)
    attempts = Attempt.objects.order_by("number").values_list("outcome", flat=True)
    assert list(attempts) == ["lost", "succeeded"]
