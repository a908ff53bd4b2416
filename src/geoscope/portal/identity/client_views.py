"""The page "Programs": who may act for a user, and keys for programs of their own."""

import secrets
import uuid

from allauth.account.decorators import reauthentication_required
from allauth.idp.oidc.models import Client, Token
from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from geoscope.portal.identity.clients import PLATFORM_SCOPE, set_random_secret
from geoscope.portal.identity.families import end_families
from geoscope.portal.identity.models import TokenFamily

MOST_KEYS = 20


class KeyForm(forms.Form):
    """What a new key is called."""

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("What it is for, such as: nightly run.")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required
@sensitive_variables("secret")
def clients(request: HttpRequest) -> HttpResponse:
    """Show connected programs and keys; make a key, and show its secret once."""
    form = KeyForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        if Client.objects.filter(owner=request.user).count() >= MOST_KEYS:
            form.add_error("name", _("You have as many keys as one may have. Remove one first."))
        else:
            secret = secrets.token_urlsafe(32)
            context |= {"made": make_key(request, form.cleaned_data["name"], secret), "secret": secret}
            context["form"] = KeyForm()
    context |= {"connected": _connected(request), "keys": _keys(request)}
    return render(request, "accounts/clients.html", context)


def make_key(request: HttpRequest, name: str, secret: str) -> Client:
    """Register a client that acts for the user who asks, by client credentials."""
    client = Client(pk=str(uuid.uuid4()), name=name, owner=request.user, type=Client.Type.CONFIDENTIAL)
    client.set_grant_types([Client.GrantType.CLIENT_CREDENTIALS])
    client.set_scopes(["openid", PLATFORM_SCOPE])
    client.set_default_scopes([PLATFORM_SCOPE])
    client.data = {"audience": ["geoscope"]}
    set_random_secret(client, secret)
    client.save()
    return client


def _keys(request: HttpRequest) -> list[Client]:
    return list(Client.objects.filter(owner=request.user).order_by("created_at"))


def _connected(request: HttpRequest) -> list[dict[str, object]]:
    """Return the programs that hold tokens of the user, with when they got the oldest."""
    tokens = Token.objects.valid().filter(user=request.user)
    found = tokens.values("client", "client__name").annotate(since=Min("created_at")).order_by("client__name")
    return [{"id": one["client"], "name": one["client__name"], "since": one["since"]} for one in found]


@require_POST
@login_required
def remove_key(request: HttpRequest) -> HttpResponse:
    """Remove a key of one's own, with every token that it got."""
    Client.objects.filter(owner=request.user, pk=request.POST.get("client", "")).delete()
    return redirect("account-clients")


@require_POST
@login_required
def disconnect(request: HttpRequest) -> HttpResponse:
    """Take from a program all that it holds of the user who asks."""
    tokens = Token.objects.filter(user=request.user, client_id=request.POST.get("client", ""))
    end_families(TokenFamily.objects.filter(tokens__digest__in=list(tokens.values_list("hash", flat=True))))
    tokens.delete()
    return redirect("account-clients")
