"""The page "Programs": who may act for a user, and keys for programs of their own."""

from contextlib import suppress

from allauth.account.decorators import reauthentication_required
from allauth.idp.oidc.models import Token
from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from geoscope.errors import GeoscopeError, NotFoundError
from geoscope.portal.accounts.signing_in import signed_in_user
from geoscope.portal.identity.families import end_families
from geoscope.portal.identity.key_snippets import reading_snippets
from geoscope.portal.identity.keys import keys_of, make_key, revoke_key, usual_last_day
from geoscope.portal.identity.models import TokenFamily
from geoscope.settings import current_settings
from geoscope.user_keys import user_key_of

EVERYTHING, READING = "everything", "reading"


class KeyForm(forms.Form):
    """What a new key is called, what it is good for, and its last day."""

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("What it is for, such as: nightly run.")
    )
    good_for = forms.ChoiceField(
        label=_("Good for"),
        required=False,
        choices=[
            (EVERYTHING, _("All that you may do, by access tokens")),
            (READING, _("Only reading data: Polytope, EDR, Zarr, tiles")),
        ],
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        initial=usual_last_day,
        # Browsers read one form of date, whatever the language.
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("In UTC. Leave it empty for a key that is good until you revoke it."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required
@sensitive_variables("secret", "context")
def clients(request: HttpRequest) -> HttpResponse:
    """Show connected programs and keys; make a key, and show its secret once."""
    user, status = signed_in_user(request), 200
    form = KeyForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            key, secret = make_key(
                user, wanted["name"], wanted["until"], only_reads=wanted["good_for"] == READING
            )
        except GeoscopeError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            context |= {"made": key, "secret": secret, "form": KeyForm()}
            if key.only_reads:
                base = current_settings().public_url
                context["snippets"] = reading_snippets(base, user_key_of(key.pk, secret))
    elif form.is_bound:
        status = 422
    context |= {"connected": _connected(request), "keys": keys_of(user)}
    return render(request, "accounts/clients.html", context, status=status)


def _connected(request: HttpRequest) -> list[dict[str, object]]:
    """Return the programs that hold tokens of the user, with when they got the oldest."""
    tokens = Token.objects.valid().filter(user=request.user)
    found = tokens.values("client", "client__name").annotate(since=Min("created_at")).order_by("client__name")
    return [{"id": one["client"], "name": one["client__name"], "since": one["since"]} for one in found]


@require_POST
@login_required
def remove_key(request: HttpRequest) -> HttpResponse:
    """Remove a key of one's own; one that is gone is removed already."""
    with suppress(NotFoundError):
        revoke_key(signed_in_user(request), request.POST.get("client", ""))
    return redirect("account-clients")


@require_POST
@login_required
def disconnect(request: HttpRequest) -> HttpResponse:
    """Take from a program all that it holds of the user who asks."""
    tokens = Token.objects.filter(user=request.user, client_id=request.POST.get("client", ""))
    end_families(TokenFamily.objects.filter(tokens__digest__in=list(tokens.values_list("hash", flat=True))))
    tokens.delete()
    return redirect("account-clients")
