"""The pages' forms: what a visitor may ask, checked before anybody else is bothered with it."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from geoscope.portal.explorer.datasets import Box

PAGE_SIZE = 12


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
    collection = forms.CharField(max_length=256, required=False)
    token = forms.CharField(max_length=2000, required=False)

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
        parameters: dict[str, str | int] = {"limit": PAGE_SIZE}
        for name, parameter in (
            ("q", "q"),
            ("bbox", "bbox"),
            ("token", "token"),
            ("collection", "collections"),
        ):
            if asked[name]:
                parameters[parameter] = asked[name]
        if asked["start"] or asked["end"]:
            first = f"{asked['start']:%Y-%m-%d}T00:00:00Z" if asked["start"] else ".."
            last = f"{asked['end']:%Y-%m-%d}T23:59:59.999999Z" if asked["end"] else ".."
            parameters["datetime"] = f"{first}/{last}"
        return parameters

    @property
    def is_narrowed(self) -> bool:
        """Whether anything was asked for."""
        return any(self.cleaned_data[name] for name in ("q", "bbox", "start", "end", "collection"))


class PointForm(forms.Form):
    """A point on the Earth, degrees."""

    lon = forms.FloatField(label=_("Longitude"), min_value=-180, max_value=180)
    lat = forms.FloatField(label=_("Latitude"), min_value=-90, max_value=90)
