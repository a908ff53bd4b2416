"""What a new account is asked for; a module of its own, as allauth's forms are made from it."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.terms import accept_terms, newest_terms


class RegistrationForm(forms.Form):
    """What a new account is asked for besides name, address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Django's own)
        super().__init__(*args, **kwargs)
        self.terms = newest_terms()
        if self.terms is not None:
            self.fields["terms"] = forms.BooleanField(label=_("I accept the terms of use"))

    def signup(self, request: HttpRequest, user: User) -> None:  # noqa: ARG002 (allauth's)
        """Remember what was accepted; called by allauth when the account has been made."""
        if self.terms is not None:
            accept_terms(user, self.terms)
