"""Pages that are for people who have signed in."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from geoscope.portal.accounts.models import User


def for_signed_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Show a stranger how to sign in; nobody keeps a copy of what the others see."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return render(request, "errors/not_signed_in.html", status=401)

    return guarded


def signed_in_user(request: HttpRequest) -> User:
    """Return who looks at a page for people who have signed in."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("a page for people who have signed in")
    return user
