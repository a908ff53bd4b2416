"""The identity service, as the registry lists it."""

import geoscope
from geoscope.service import Category, Endpoint, Manifest, Provider, Role

MANIFEST = Manifest(
    id="identity",
    title="Identity",
    summary="One account for everything: sign in here, or by OpenID Connect from programs and services.",
    provider=Provider(name="Geoscope"),
    category=Category.MANAGE,
    version=geoscope.__version__,
    part="portal",
    routes=("/account", "/auth", "/identity", "/realms"),
    endpoints=(
        Endpoint(href="/account", type="text/html", title="Your account"),
        Endpoint(rel="service-desc", href="/.well-known/openid-configuration", title="OpenID configuration"),
    ),
    health="/account/health",
    roles=(
        Role(
            name="DPAD_Direct_Access",
            title="Digital-twin output",
            summary="May read the output of digital twins.",
        ),
    ),
)
