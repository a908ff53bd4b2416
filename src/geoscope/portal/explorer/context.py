"""What every page shows: the platform's name and version."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

import geoscope
from geoscope.portal.accounts.models import User
from geoscope.portal.explorer.labels import LABELS
from geoscope.portal.grants.boards import is_on_a_board
from geoscope.portal.principals import may_publish, principal_for
from geoscope.settings import current_settings


def platform(request: HttpRequest) -> dict[str, object]:
    """Return the template variables that every page has."""
    return {
        "site_name": current_settings().site_name,
        "version": geoscope.__version__,
        "public_url": current_settings().public_url,
        "registration_open": current_settings().identity.registration,
        "is_loopback": current_settings().is_loopback,
        "has_providers": bool(current_settings().identity.providers),
        "geo_labels": LABELS,
        "may_publish": SimpleLazyObject(lambda: may_publish(request)),
        "on_a_board": SimpleLazyObject(lambda: _is_on_a_board(request)),
        "base": request.build_absolute_uri("/").rstrip("/"),
    }


def _is_on_a_board(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and is_on_a_board(user, principal_for(user))
