"""What an effect asks of its integration: as it was settled, or as it would be put together now."""

from dataclasses import dataclass
from typing import Any

from integrations.exceptions import IntegrationError
from webhooks.models import Effect
from webhooks.processing.requests import load_request


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A `request` and a rehearsal's `preview` as JSON's own types, where there are such.

    `is_frozen`: it was settled when the effect was planned. `trouble` says why there is none.
    """

    request: dict[str, Any] | None
    is_frozen: bool
    preview: dict[str, Any] | None = None
    trouble: str = ""


def read_request(effect_pk: int) -> AskedFor:
    """Return what an effect asks for.

    Read by itself and not with the row, which error reports may have. What a skipped effect asked
    for is not kept, and is put together only where it may be run.
    """
    rows = Effect.objects.select_related("event", "conversation")
    effect = rows.defer("event__body", "event__body_sha256").get(pk=effect_pk)
    preview: dict[str, Any] | None = effect.preview
    if effect.request is not None:
        return AskedFor(effect.request, is_frozen=True, preview=preview)
    if effect.state == Effect.State.SKIPPED and preview is None:
        return AskedFor(None, is_frozen=False, trouble="Nothing is asked for: it was skipped.")
    try:
        return AskedFor(load_request(effect).to_json(), is_frozen=False, preview=preview)
    except IntegrationError as error:
        return AskedFor(None, is_frozen=False, preview=preview, trouble=str(error))
