"""Pages that are for people who have signed in."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache


def for_signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Show a stranger how to sign in; nobody keeps a copy of what the others see."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return render(request, "errors/not_signed_in.html", status=401)

    return guarded
