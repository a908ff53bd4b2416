"""The forms of those who publish."""

from datetime import UTC, datetime

from django import forms
from django.utils.translation import gettext_lazy as _

from geoscope.access import Policy
from geoscope.errors import InvalidInputError
from geoscope.portal.explorer.data_half import Json

# Those that open data mostly have (SPDX identifiers).
LICENCES = [
    ("CC-BY-4.0", "CC BY 4.0"),
    ("CC-BY-SA-4.0", "CC BY-SA 4.0"),
    ("CC-BY-NC-4.0", "CC BY-NC 4.0"),
    ("CC0-1.0", "CC0 1.0"),
    ("ODbL-1.0", "ODbL 1.0"),
    ("other", _("Another one")),
]
VISIBILITIES = [
    ("private", _("Only you")),
    ("entity", _("The members of an entity")),
    ("public", _("Everybody")),
]


POLICIES = [
    ("public", _("Everybody who finds it")),
    ("registered", _("People who have signed in")),
    ("role", _("People with a role")),
    ("entity", _("The members of an entity")),
]


class SharingForm(forms.Form):
    """Who finds a collection, and whom its data is for."""

    visibility = forms.ChoiceField(label=_("Who finds it"), choices=VISIBILITIES)
    entity = forms.RegexField(
        r"^[a-z0-9][a-z0-9._-]{0,62}$",
        label=_("Entity"),
        required=False,
        error_messages={"invalid": _("The id of an entity has small letters, digits, dots and hyphens.")},
    )

    policy = forms.ChoiceField(label=_("Who may have the data"), choices=POLICIES, required=False)
    policy_name = forms.CharField(label=_("Role or entity"), max_length=63, required=False)

    def clean(self) -> None:
        """Check that an entity, or a role, is named if, and only if, the choice is about one."""
        super().clean()
        self._clean_policy()
        if self.cleaned_data.get("visibility") != "entity":
            self.cleaned_data["entity"] = ""
        elif not self.cleaned_data.get("entity") and "entity" not in self.errors:
            self.add_error("entity", _("Say which entity."))

    def _clean_policy(self) -> None:
        kind, name = self.cleaned_data.get("policy", ""), self.cleaned_data.get("policy_name", "").strip()
        if kind in ("role", "entity"):
            try:
                self.cleaned_data["policy"] = str(Policy.parse(f"{kind}:{name}"))
            except InvalidInputError:
                self.add_error("policy_name", _("Say which role or which entity, by its identifier."))


class PublishForm(SharingForm):
    """What is published, and how it is described."""

    source = forms.CharField(max_length=1000)
    collection = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{2,99}$",
        label=_("Identifier"),
        error_messages={
            "invalid": _("At least three letters, digits, dots, hyphens or underscores; no sign first.")
        },
    )
    title = forms.CharField(label=_("Title"), max_length=300, required=False)
    description = forms.CharField(label=_("Description"), max_length=20_000, required=False)
    licence = forms.ChoiceField(label=_("Licence"), choices=LICENCES)
    keywords = forms.CharField(label=_("Keywords"), max_length=1000, required=False)
    day = forms.DateField(label=_("Day"), required=False, input_formats=["%Y-%m-%d"])
    prune = forms.BooleanField(required=False)
    strict = forms.BooleanField(required=False)

    @property
    def inputs(self) -> Json:
        """The inputs of the process; what was left empty is left to it."""
        asked = self.cleaned_data
        keywords = [word.strip() for word in asked["keywords"].split(",") if word.strip()]
        day = asked["day"] and datetime(asked["day"].year, asked["day"].month, asked["day"].day, tzinfo=UTC)
        wanted = {
            **{name: asked[name].strip() for name in ("title", "description", "licence", "entity")},
            "visibility": asked["visibility"],
            "policy": asked["policy"],
            "keywords": keywords,
            "datetime": day.isoformat().replace("+00:00", "Z") if day else "",
            "prune": asked["prune"],
            "strict": asked["strict"],
        }
        needed = {"collection": asked["collection"], "source": asked["source"]}
        return needed | {name: value for name, value in wanted.items() if value}
