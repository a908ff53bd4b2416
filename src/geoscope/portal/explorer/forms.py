"""The pages' forms: what a visitor may ask, checked before anybody else is bothered with it."""

import re
from enum import StrEnum

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from geoscope.portal.explorer.dataset_list import Place
from geoscope.portal.explorer.datasets import Box

PAGE_SIZE = 12
# Fields that say where to look, how to sort and which page to show.
NOT_NARROWING = frozenset({"collection", "page", "sort", "token"})


class Sort(StrEnum):
    """In which order products are shown; without a choice the newest come first."""

    OLDEST = "oldest"
    CLEAREST = "clearest"


SORT_KEYS = {Sort.OLDEST: "+datetime", Sort.CLEAREST: "+eo:cloud_cover"}


def box_of_text(text: str) -> Box:
    """Read `west,south,east,north` in degrees; west may lie east of east, across 180 degrees.

    Raises
    ------
    ValidationError
        Saying what is expected.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ValidationError(
            _("The area needs four numbers with commas between them: west, south, east, north.")
        ) from error
    # Written so that a number that is none (NaN) fails as well.
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValidationError(
            _("Longitudes go from -180 to 180 degrees, latitudes from -90 to 90, south first.")
        )
    return west, south, east, north


class SearchForm(forms.Form):
    """What, where and when somebody looks for."""

    q = forms.CharField(label=_("Search"), max_length=200, required=False)
    bbox = forms.CharField(label=_("Area"), max_length=120, required=False)
    start = forms.DateField(label=_("From"), required=False, input_formats=["%Y-%m-%d"])
    end = forms.DateField(label=_("To"), required=False, input_formats=["%Y-%m-%d"])

    def clean_bbox(self) -> str:
        """Check the area and write it in one way."""
        text = self.cleaned_data["bbox"].strip()
        return ",".join(f"{number:.10g}" for number in box_of_text(text)) if text else ""

    def clean(self) -> None:
        """Check that the time does not run backwards."""
        super().clean()
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and start > end:
            self.add_error("end", _("This day lies before the first one."))

    @property
    def parameters(self) -> dict[str, str | int]:
        """The search as the catalogue takes it."""
        asked = self.cleaned_data
        parameters: dict[str, str | int] = {}
        if asked["q"]:
            parameters["q"] = every_word(asked["q"])
        if asked["bbox"]:
            parameters["bbox"] = asked["bbox"]
        if asked["start"] or asked["end"]:
            first = f"{asked['start']:%Y-%m-%d}T00:00:00Z" if asked["start"] else ".."
            last = f"{asked['end']:%Y-%m-%d}T23:59:59.999999Z" if asked["end"] else ".."
            parameters["datetime"] = f"{first}/{last}"
        return parameters

    @property
    def is_narrowed(self) -> bool:
        """Whether anything narrows the search within what is looked through."""
        return any(value for name, value in self.cleaned_data.items() if name not in NOT_NARROWING)


class DatasetForm(SearchForm):
    """What datasets somebody looks for."""

    provider = forms.CharField(max_length=200, required=False)
    place = forms.ChoiceField(choices=[(place.value, place.value) for place in Place], required=False)
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False)


class ProductForm(SearchForm):
    """What products somebody looks for, in one dataset or in all that this platform holds."""

    collection = forms.CharField(max_length=256, required=False)
    sort = forms.ChoiceField(choices=[(sort.value, sort.value) for sort in Sort], required=False)
    token = forms.CharField(max_length=4000, required=False)

    @property
    def parameters(self) -> dict[str, str | int]:
        """The search as the catalogue takes it."""
        asked = self.cleaned_data
        parameters = super().parameters | {"limit": PAGE_SIZE}
        if asked["collection"]:
            parameters["collections"] = asked["collection"]
        if asked["token"]:
            parameters["token"] = asked["token"]
        if asked["sort"]:
            parameters["sortby"] = SORT_KEYS[Sort(asked["sort"])]
        return parameters


def every_word(text: str) -> str:
    """Return a free-text query that finds what holds all the words, wherever they stand.

    The catalogue takes words that stand together for one phrase. Who writes quotation marks, commas,
    parentheses, signs or operators knows what they want.
    """
    words = text.split()
    is_plain = not re.search(r'[",()]|(?:^|\s)[+-]|\b(?:AND|OR|NOT)\b', text)
    return " AND ".join(words) if is_plain else text


class PointForm(forms.Form):
    """A point on the Earth, degrees."""

    lon = forms.FloatField(label=_("Longitude"), min_value=-180, max_value=180)
    lat = forms.FloatField(label=_("Latitude"), min_value=-90, max_value=90)
