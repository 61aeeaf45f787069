"""What runs around a view."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve

GetResponse = Callable[[HttpRequest], HttpResponseBase]


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
        return response
