"""What every page shows: the platform's name and version."""

from django.http import HttpRequest

import geoscope
from geoscope.portal.explorer.labels import LABELS
from geoscope.settings import current_settings


def platform(request: HttpRequest) -> dict[str, object]:
    """Return the template variables that every page has."""
    return {
        "site_name": current_settings().site_name,
        "version": geoscope.__version__,
        "geo_labels": LABELS,
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
