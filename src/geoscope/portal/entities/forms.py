"""Forms of entities: propose one, describe it, invite to it."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from geoscope.portal.entities.invitations import LONGEST_DAYS, MOST_USES
from geoscope.portal.entities.models import Entity

# Parts of addresses, or names that would deceive.
RESERVED = frozenset({"admin", "all", "geoscope", "health", "join", "new", "platform", "public", "system"})


class EntityForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """What an entity says of itself."""

    class Meta:
        """The fields that its administrators may change."""

        model = Entity
        fields: tuple[str, ...] = ("title", "description", "website")
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}


class ProposalForm(EntityForm):
    """A new entity, and what it is for."""

    purpose = forms.CharField(
        label=_("Planned activities"),
        min_length=20,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Who belongs to it and what you want to do here together. The board decides by it."),
    )

    class Meta(EntityForm.Meta):
        """With the name that never changes."""

        fields = ("title", "slug", "description", "website")
        help_texts = {
            "slug": _("Part of addresses and buckets: small letters, digits and hyphens. It never changes."),
        }

    def clean_slug(self) -> str:
        """Refuse names of the platform."""
        slug: str = self.cleaned_data["slug"]
        if slug in RESERVED:
            raise ValidationError(_("This name cannot be used. Choose another one."))
        return slug


class InvitationForm(forms.Form):
    """Whom to invite, and for how long."""

    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        help_text=_("Only an account with this address can use the code. Empty: a code for you to pass on."),
    )
    days = forms.IntegerField(label=_("Good for days"), min_value=1, max_value=LONGEST_DAYS, initial=14)
    uses = forms.IntegerField(
        label=_("For how many people"), min_value=1, max_value=MOST_USES, initial=1, required=False
    )


class JoiningForm(forms.Form):
    """An invitation code."""

    code = forms.CharField(
        label=_("Invitation code"),
        max_length=100,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class ClosingForm(forms.Form):
    """The entity's short name, typed once more."""

    name = forms.CharField(label=_("Its short name"), max_length=40)
