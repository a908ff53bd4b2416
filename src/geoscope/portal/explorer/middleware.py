"""Turns what goes wrong below a page into a page that says so."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from geoscope.errors import GeoscopeError


class ErrorPages:
    """Answers a `GeoscopeError` of a view with the page of its status.

    Parameters
    ----------
    get_response : callable
        The rest of Django.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer the platform's own errors; leave others to Django."""
        if not isinstance(exception, GeoscopeError):
            return None
        template = {404: "errors/404.html", 503: "errors/503.html"}.get(
            exception.status, "errors/problem.html"
        )
        return render(
            request,
            template,
            {"problem": str(exception), "help_url": exception.help_url},
            status=exception.status,
        )
