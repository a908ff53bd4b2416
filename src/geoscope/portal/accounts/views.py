"""Pages about one's own account, beside those of allauth: profile, terms of use, sign-in links, sign-out."""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from geoscope.portal.accounts.forms import ProfileForm
from geoscope.portal.accounts.links import count_failure, is_usable, redeem, too_many_failures
from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.terms import accept_terms, newest_terms, terms_to_accept
from geoscope.portal.principals import principal_for


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    """Show who is signed in and let them change what they say of themselves."""
    if not isinstance(request.user, User):
        return redirect("account_login")
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your profile has been saved."))
        return redirect("account")
    return render(
        request, "accounts/profile.html", {"form": form, "roles": sorted(principal_for(request.user).roles)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def terms(request: HttpRequest) -> HttpResponse:
    """Show the terms of use, and remember who accepts them."""
    newest = newest_terms()
    following = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        following = "/"
    # A version that came meanwhile has not been read: it is shown instead.
    has_read = newest is not None and request.POST.get("version") == newest.version
    if request.method == "POST" and isinstance(request.user, User) and newest is not None and has_read:
        accept_terms(request.user, newest)
        return redirect(following)
    to_accept = isinstance(request.user, User) and terms_to_accept(request.user) is not None
    return render(
        request, "accounts/terms.html", {"terms": newest, "to_accept": to_accept, "next": following}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button that signs in; only pressing it uses the link up, so that a mail scanner cannot."""
    address = get_adapter().get_client_ip(request)
    if too_many_failures(address):
        return render(request, "accounts/too_many_failures.html", status=429)
    if request.method == "POST":
        user = redeem(token)
        if user is not None:
            record_authentication(request, user, method="link")
            get_adapter().login(request, user)
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
