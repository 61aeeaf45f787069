"""Whether an integration could do its work now, found out without doing any."""

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from integrations.base import Alias
from integrations.exceptions import IntegrationError
from integrations.registry import get_backend


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about an integration; without obstacles its effects can be applied."""

    obstacles: tuple[str, ...]
    is_dry_run: bool = False


def diagnose(alias: Alias) -> Diagnosis:
    """Check the settings of `alias`, then call its vendor harmlessly.

    Whether its circuit is open or somebody has paused it makes no difference: those are about
    effects. What goes wrong is an obstacle, in a sentence that quotes no secret; only an error
    that no backend should raise comes out as it is.
    """
    try:
        backend = get_backend(alias)
        mistakes = tuple(
            f"{message.msg} {message.hint or ''}".strip()
            for message in backend.check()
            if message.is_serious()
        )
        return Diagnosis(mistakes or tuple(backend.diagnose()), backend.options.dry_run)
    except ImproperlyConfigured as error:
        return Diagnosis((f"The setting INTEGRATIONS is wrong: {error}",))
    except IntegrationError as error:
        return Diagnosis((str(error),), backend.options.dry_run)
    except DatabaseError as error:
        return Diagnosis((f"Switchboard's own database failed with {type(error).__name__}.",))
