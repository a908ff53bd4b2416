"""Signing in by a link, signing out, and the page about one's account."""

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from geoscope.portal.accounts.links import count_failure, is_usable, redeem, too_many_failures
from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.principals import roles_of


@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, or how to sign in."""
    roles = sorted(roles_of(request.user)) if isinstance(request.user, User) else []
    return render(request, "accounts/account.html", {"roles": roles})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button that signs in; only pressing it uses the link up, so that a mail scanner cannot."""
    address = client_address(request)
    if too_many_failures(address):
        return render(request, "accounts/too_many_failures.html", status=429)
    if request.method == "POST":
        user = redeem(token)
        if user is not None:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("landing")
    elif is_usable(token):
        return render(request, "accounts/login_link.html")
    count_failure(address)
    return render(request, "accounts/login_link_expired.html", status=410)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("landing")


def client_address(request: HttpRequest) -> str:
    """Return the client's address: the last one in the list is the one that the edge itself saw."""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded or request.META["REMOTE_ADDR"]
