"""All addresses of the portal."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from geoscope.portal.api.application import account_api, api
from geoscope.portal.granted import granted_principal
from geoscope.portal.housekeeping import housekeeping
from geoscope.portal.registry.health import portal_health
from geoscope.settings import has_saml

urlpatterns = [
    path("health", portal_health, name="health"),
    path("health/housekeeping", housekeeping),
    path("health/principals/<str:subject>", granted_principal),
    path("services", include("geoscope.portal.registry.urls")),
    path("", include("geoscope.portal.identity.urls")),
    path("", include("geoscope.portal.grants.urls")),
    path("api/", api.urls),
    path("entities", include("geoscope.portal.entities.urls")),
    path("account/", account_api.urls),
    path("account/storage", include("geoscope.portal.storage.urls")),
    path("account", include("geoscope.portal.accounts.urls")),
    *([path("account/saml/", include("geoscope.portal.accounts.saml_urls"))] if has_saml() else []),
    path("account/", include("allauth.urls")),
    path("orders", include("geoscope.portal.orders.urls")),
    path("publish", include("geoscope.portal.publishing.urls")),
    path("language", set_language, name="set_language"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include("geoscope.portal.explorer.urls")),
]

handler400 = "geoscope.portal.explorer.views.errors.bad_request"
handler403 = "geoscope.portal.explorer.views.errors.forbidden"
handler404 = "geoscope.portal.explorer.views.errors.not_found"
handler500 = "geoscope.portal.explorer.views.errors.server_error"
