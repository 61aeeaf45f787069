"""What runs around a view."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve

GetResponse = Callable[[HttpRequest], HttpResponseBase]

POLICY = "Content-Security-Policy"
NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: should a browser take it for one, nothing in it runs."""

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
"""What of a browser no page here uses, so that none that is smuggled in can."""


class ProgramsFirst:
    """Answers what programs ask for before anything that only people need.

    Sessions, messages, CSRF tokens and redirects to https mean nothing to a sender, and each
    delivery would pay for them. Nor does a health check's `Host`, often a bare address, have to
    be in `ALLOWED_HOSTS`: nothing that is answered here depends on it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Call the view of a program's address; pass everything else on."""
        try:
            match = resolve(request.path_info, "config.program_urls")
        except Resolver404:
            return self.get_response(request)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        # CommonMiddleware's work: without a length, the answer would be chunked.
        response["Content-Length"] = str(len(response.content))
        response[POLICY] = NOTHING_ALLOWED
        response["X-Content-Type-Options"] = "nosniff"
        return response


class BrowserLimits:
    """Tells browsers what nothing here needs; Django and django-csp say the rest.

    Stands inside django-csp's middleware, which leaves a policy alone that is there already.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the headers to the answer, also where that is one of an error."""
        response = self.get_response(request)
        response["Permissions-Policy"] = PERMISSIONS
        if not response.get("Content-Type", "").startswith("text/html"):
            response[POLICY] = NOTHING_ALLOWED
        return response
