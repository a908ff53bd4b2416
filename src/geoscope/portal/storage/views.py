"""The page "Storage": one's buckets, and keys to them."""

from contextlib import suppress

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from geoscope.errors import GeoscopeError, NotFoundError
from geoscope.portal.accounts.signing_in import signed_in_user
from geoscope.portal.principals import principal_for
from geoscope.portal.storage.keys import make_key, revoke_key
from geoscope.portal.storage.models import StorageKey
from geoscope.portal.storage.policies import buckets_of, home_of
from geoscope.portal.storage.snippets import key_snippets
from geoscope.settings import current_settings


class KeyForm(forms.Form):
    """What a new key is called, and its last day."""

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("What it is for, such as: nightly run.")
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("In UTC. Leave it empty for a key that is good until you revoke it."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required
@sensitive_variables("pair")
def storage(request: HttpRequest) -> HttpResponse:
    """Show buckets and keys; make a key, and show its secret once."""
    user, endpoint, status = signed_in_user(request), current_settings().s3_url, 200
    form = KeyForm(request.POST or None)
    context: dict[str, object] = {"form": form, "endpoint": endpoint}
    if request.method == "POST" and form.is_valid():
        try:
            key, pair = make_key(user, **form.cleaned_data)
        except GeoscopeError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            snippets = key_snippets(endpoint, home_of(user.username), pair)
            context |= {"made": key, "snippets": snippets, "form": KeyForm()}
    elif form.is_bound:
        status = 422
    context |= {"buckets": buckets_of(principal_for(user)), "keys": StorageKey.objects.filter(user=user)}
    return render(request, "accounts/storage.html", context, status=status)


@require_POST
@login_required
def revoke(request: HttpRequest) -> HttpResponse:
    """Revoke a key of one's own; one that is gone is revoked already."""
    with suppress(NotFoundError):
        revoke_key(signed_in_user(request), request.POST.get("key", ""))
    return redirect("account-storage")
