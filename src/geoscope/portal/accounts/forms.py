"""Forms about one's own account."""

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import User


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    """The login form, with words that say what to type."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Django's own)
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name or e-mail address")
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Who somebody is and what they are here for: nothing of it grants anything."""

    class Meta:
        """The fields that a user may change; rights are none of them."""

        model = User
        fields = ("first_name", "last_name", "organisation", "country", "language", "purpose")
        labels = {"purpose": _("What do you use this platform for?")}
        widgets = {"purpose": forms.Textarea(attrs={"rows": 3})}


class DeletionForm(forms.Form):
    """The user's own name, typed once more."""

    name = forms.CharField(label=_("Your user name"), max_length=150)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:  # noqa: ANN401 (Django's own)
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_name(self) -> str:
        """Refuse another name."""
        name: str = self.cleaned_data["name"]
        if name != self._user.get_username():
            raise forms.ValidationError(_("This is not your user name."))
        return name
