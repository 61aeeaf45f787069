"""What goes into which of a vendor's fields: templates that operators can change.

A backend ships a template for each field that it fills; `OPTIONS` puts others in their place or
beside them. They are Django's templates (`integrations.templates`) over `request` (what its kind
asks for), `conversation` and `event`, whose names `integrations.facts` explains. Times are in UTC:

    "FIELDS": {"subject": "{{ conversation.agent_name }}: {{ request.subject }}", "priority": ""}
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, TemplateSyntaxError

from integrations.base import Backend, Request
from integrations.exceptions import PermanentFailure
from integrations.templates import engine, find_unknown


class FieldMapping:
    """The templates of a backend's fields, parsed once.

    Args:
        defaults: The backend's own template for each field.
        overrides: An operator's, by field: in the place of a default, or for another field.
            An empty one has the field left out.
        html: The fields that hold HTML: what a template inserts there is escaped.

    Raises `ImproperlyConfigured` for a template that cannot be parsed.
    """

    def __init__(
        self,
        defaults: Mapping[str, str],
        overrides: Mapping[str, str] | None = None,
        html: Collection[str] = (),
    ) -> None:
        self._html = frozenset(html)
        self._templates = {}
        for name, source in {**defaults, **(overrides or {})}.items():
            try:
                if source:
                    self._templates[name] = engine.from_string(source)
            except TemplateSyntaxError as error:
                raise ImproperlyConfigured(
                    f"the template of {name!r} cannot be parsed: {error}"
                ) from error

    def render(self, request: Request) -> dict[str, str]:
        """Return the text of each field; one that comes to nothing but white space is left out.

        Raises `PermanentFailure` where a template fails on what the request holds.
        """
        texts = {}
        for name in self._templates:
            try:
                texts[name] = self._render(name, build_context(request, self.is_html(name)))
            except Exception as error:  # noqa: BLE001 -- filters raise what they like, and quote it
                raise PermanentFailure(
                    f"The template of {name!r} fails on this conversation: {type(error).__name__}."
                ) from None
        return {name: text for name, text in texts.items() if text}

    def is_html(self, name: str) -> bool:
        """Tell whether the field holds HTML."""
        return name in self._html

    def find_mistakes(self, samples: Sequence[Request]) -> list[str]:
        """Return a sentence for each template that does not work on a backend's `samples`.

        Names are looked for in the first, which has everything, in every branch of a template;
        filters that fail show when all samples are rendered.
        """
        known: dict[str, Any] = {
            str(name): value
            for name, value in build_context(samples[0], autoescape=False).flatten().items()
        }
        mistakes: dict[str, None] = {}  # in order, each once
        for name, template in self._templates.items():
            unknown = find_unknown(template, known)
            for path in unknown:
                mistakes[f"The template of {name!r} asks for {path!r}, which is not there."] = None
            for sample in [] if unknown else samples:
                try:
                    self._render(name, build_context(sample, self.is_html(name)))
                except Exception as error:  # noqa: BLE001 -- filters raise what they like
                    mistakes[f"The template of {name!r} fails with {type(error).__name__}."] = None
        return list(mistakes)

    def _render(self, name: str, context: Context) -> str:
        return str(self._templates[name].render(context)).strip()


def build_context(request: Request, autoescape: bool) -> Context:  # noqa: FBT001 -- Context's own word
    """Return what a template sees of `request`."""
    return Context(
        {"request": request, "conversation": request.conversation, "event": request.event},
        autoescape=autoescape,
        # What is rendered must hang neither on the language of whoever renders it nor on the
        # time zone in which staff read: vendors refuse a known key with another body.
        use_l10n=False,
        use_tz=False,
    )


def check_fields(backend: Backend[Any], option: str, mapping: FieldMapping) -> list[CheckMessage]:
    """Return a system-check error for each mistake in the templates of `OPTIONS[option]`.

    Called by the `check` of each backend that maps fields.
    """
    return [
        Error(
            f"INTEGRATIONS[{backend.alias!r}]['OPTIONS'][{option!r}]: {mistake}",
            hint="docs/integrations.md lists what templates may use.",
            id="integrations.E011",
        )
        for mistake in mapping.find_mistakes(backend.samples)
    ]
