"""The pages for what went wrong."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Say that the request cannot be understood; without templates' context, as its host may be hostile."""
    return HttpResponse(render_to_string("errors/400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that this person may not see this."""
    return render(request, "errors/403.html", {"problem": str(exception)}, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form came from elsewhere or is too old."""
    return render(request, "errors/csrf.html", {"reason": reason}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that there is no such page, with Django's `Http404` words if a view gave some."""
    words = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return render(request, "errors/404.html", {"problem": words}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Say that the portal failed; by a template that needs nothing."""
    return HttpResponse(render_to_string("errors/500.html"), status=500)
