"""The source that somebody means."""

from django.core.management.base import CommandError

from webhooks.models import Source


def find_source(slug: str) -> Source:
    """Return the source; raises `CommandError` where there is none of that slug."""
    source = Source.objects.filter(slug=slug).first()
    if source is None:
        known = ", ".join(Source.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is no source {slug}; there are: {known}.")
    return source
