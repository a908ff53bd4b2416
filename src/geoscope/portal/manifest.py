"""The portal, as the registry lists it."""

import geoscope
from geoscope.service import Category, Endpoint, Manifest, Provider, Role

MANIFEST = Manifest(
    id="portal",
    title="Portal",
    summary="The pages of this platform: explore the data, compare time series, see which services run.",
    provider=Provider(name="Geoscope"),
    category=Category.MANAGE,
    version=geoscope.__version__,
    part="portal",
    routes=(
        *("/admin", "/explore", "/health", "/language", "/orders"),
        *("/publish", "/series", "/services", "/static", "/status"),
    ),
    endpoints=(
        Endpoint(href="/explore", type="text/html", title="Explorer"),
        Endpoint(href="/series", type="text/html", title="Time series"),
        Endpoint(href="/status", type="text/html", title="Status"),
        Endpoint(href="/services", title="Service registry"),
    ),
    health="/health",
    roles=(
        Role(
            name="service-watch",
            title="Service watch",
            summary="May report the health of services to the registry.",
            on_request=False,
        ),
    ),
)
