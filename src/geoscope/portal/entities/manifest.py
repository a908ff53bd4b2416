"""What the platform knows of the service that manages entities, roles and quotas."""

import geoscope
from geoscope.service import Category, Endpoint, Manifest, Provider, Role

MANIFEST = Manifest(
    id="entities",
    title="Entities and roles",
    summary=(
        "Organisations and projects with their members; roles and quotas, asked for with a reason and "
        "decided by people."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.MANAGE,
    version=geoscope.__version__,
    part="portal",
    routes=("/api", "/board", "/entities"),
    endpoints=(
        Endpoint(href="/entities", type="text/html", title="Your entities"),
        Endpoint(href="/account/services", type="text/html", title="Your services"),
    ),
    openapi="/api/openapi.json",
    health="/entities/health",
    roles=(
        Role(
            name="approval-board",
            title="Approval board",
            summary="Decides on new entities, and on requests for roles and quotas of every service.",
            on_request=False,
        ),
    ),
)
