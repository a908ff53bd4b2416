"""Forms of requests: ask, decide, allot."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import Entity, Place, entities_of
from geoscope.portal.grants.models import Request, today
from geoscope.portal.grants.offers import Offer

USUAL_DURATION = timedelta(days=182)


class DayInput(forms.DateInput):
    """A browser's own choice of a day."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"min": today().isoformat()})


def _purpose() -> forms.CharField:
    return forms.CharField(
        label=_("Planned activities"),
        min_length=20,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("What you want to do with it, for whom, and why so much is needed. People decide by it."),
    )


def _until() -> forms.DateField:
    return forms.DateField(
        label=_("Until"), widget=DayInput, help_text=_("The last day, at most two years from now.")
    )


def _choices(offers: list[Offer]) -> list[tuple[str, str]]:
    return [(offer.name, describe(offer)) for offer in offers]


def _choose(form: forms.Form, name: str, choices: list[Any]) -> None:
    field = form.fields[name]
    if isinstance(field, forms.ChoiceField):
        field.choices = choices


def describe(offer: Offer) -> str:
    """Return an offer in a line: its title, and its amounts."""
    amounts = ", ".join(f"{unit}: {amount:g}" for amount, unit in offer.amounts)
    return f"{offer.title} ({amounts})" if amounts else offer.title


class AskingForm(forms.Form):
    """What somebody asks a service for."""

    offer = forms.ChoiceField(label=_("What for"), widget=forms.RadioSelect)
    holder = forms.ChoiceField(label=_("For whom"), required=False)
    purpose = _purpose()
    until = _until()

    def __init__(self, *args: Any, user: User, offers: list[Offer], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._entities = {
            entity.slug: entity for entity in entities_of(user).filter(memberships__place=Place.ADMINISTRATOR)
        }
        self._offers = {offer.name: offer for offer in offers}
        _choose(self, "offer", _choices(offers))
        own = [("", _("only me"))]
        members = [
            (slug, _("all members of %(entity)s") % {"entity": entity})
            for slug, entity in self._entities.items()
        ]
        _choose(self, "holder", own + members)
        if not members:
            del self.fields["holder"]
        if len(offers) == 1:
            self.fields["offer"].initial = offers[0].name
        self.fields["until"].initial = today() + USUAL_DURATION

    @property
    def wanted(self) -> Offer:
        """What was chosen."""
        return self._offers[self.cleaned_data["offer"]]

    @property
    def entity(self) -> Entity | None:
        """For whose members; None for the user alone."""
        return self._entities.get(self.cleaned_data.get("holder", ""))


class StepForm(forms.Form):
    """A step on a request: the words that go with it, and what is granted instead."""

    reason = forms.CharField(
        label=_("Your words"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    quota = forms.ChoiceField(label=_("Quota"), required=False)
    until = forms.DateField(label=_("Until"), required=False, widget=DayInput)

    def __init__(self, *args: Any, request: Request, smaller: list[Offer], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        _choose(self, "quota", [("", _("as asked for")), *_choices(smaller)])
        last: date | None = request.granted_until or request.until
        self.fields["until"].initial = last
        if last is not None:
            self.fields["until"].widget.attrs["max"] = last.isoformat()
        if not smaller:
            del self.fields["quota"]


class AllotmentForm(forms.Form):
    """What a provider or the board gives to somebody who did not ask."""

    offer = forms.ChoiceField(label=_("What"))
    holder = forms.CharField(
        label=_("For whom"), max_length=150, help_text=_("A user name, or the short name of an entity.")
    )
    purpose = _purpose()
    until = _until()

    def __init__(self, *args: Any, offers: list[Offer], **kwargs: Any) -> None:  # noqa: ANN401 (Django's own)
        super().__init__(*args, **kwargs)
        self.user: User | None = None
        self.entity: Entity | None = None
        self._offers = {offer.name: offer for offer in offers}
        titles: dict[str, list[tuple[str, str]]] = {}
        for offer in offers:
            titles.setdefault(offer.service.title, []).append((offer.name, describe(offer)))
        _choose(self, "offer", list(titles.items()))
        self.fields["purpose"].help_text = _("What it is for. Whoever gets it reads this.")
        self.fields["until"].initial = today() + USUAL_DURATION

    def clean_holder(self) -> str:
        """Find who is meant; where a user and an entity have the same name, `user:` or `entity:` says it."""
        typed: str = self.cleaned_data["holder"].strip()
        kind, _colon, name = typed.rpartition(":")
        if kind in ("", "user"):
            self.user = User.objects.filter(username=name, is_active=True).first()
        if kind in ("", "entity"):
            self.entity = Entity.objects.filter(slug=name, closed=None).first()
        if self.user is None and self.entity is None:
            raise forms.ValidationError(_("There is no such user, and no such entity."))
        if self.user is not None and self.entity is not None:
            raise forms.ValidationError(
                _("A user and an entity are called so: write user:NAME or entity:NAME.")
            )
        return typed

    @property
    def wanted(self) -> Offer:
        """What was chosen."""
        return self._offers[self.cleaned_data["offer"]]
