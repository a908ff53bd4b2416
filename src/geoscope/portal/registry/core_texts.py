"""The words of the core services' manifests, marked for translation; a test finds those that are missing."""

from django.utils.translation import gettext_noop as _

TEXTS = (
    _("Catalogue"),
    _("Finds data by place, time and words: a STAC API that any STAC client can use as it is."),
    _("Item search"),
    _("Cuts"),
    _(
        "Get just the part of a dataset that matters: a place, a profile, a circle, a country, a box, a "
        "path; read from the cube and streamed as CoverageJSON, NetCDF, Zarr, CSV or Parquet."
    ),
    _("Collections that can be cut"),
    _("Storage"),
    _(
        "Keeps the data. Public data can be read from anywhere by plain HTTPS, in ranges, without account. "
        "With keys it is an S3 endpoint for any S3 client. You read from the store itself: nothing is copied "
        "on the way."
    ),
    _("Portal"),
    _("The pages of this platform: explore the data, compare time series, see which services run."),
    _("Explorer"),
    _("Time series"),
    _("Service registry"),
    _("Viewer"),
    _(
        "See any dataset on a map: tiles for a globe or a web map, whole pictures and legends, drawn from "
        "the cube when they are asked for, in colours that keep their meaning for every eye."
    ),
    _("Colour maps to draw with"),
    _("Workflows"),
    _(
        "Run long work beside the data. Ask for a process by name, follow its progress, cancel it, and fetch "
        "its results. A job survives a restart: it goes on at the step it had reached."
    ),
    _("Your jobs"),
)
