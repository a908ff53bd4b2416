"""What the platform knows of the catalogue."""

from geoscope import __version__
from geoscope.service import Category, Endpoint, Manifest, Provider, Role

EDITOR_ROLE = "catalogue-editor"
PUBLISHER_ROLE = "collection-publisher"

MANIFEST = Manifest(
    id="catalogue",
    title="Catalogue",
    summary="Finds data by place, time and words: a STAC API that any STAC client can use as it is.",
    provider=Provider(name="Geoscope"),
    category=Category.FIND,
    version=__version__,
    routes=("/stac",),
    app="geoscope.catalogue.api:create_application",
    endpoints=(
        Endpoint(rel="root", href="/stac", title="STAC API"),
        Endpoint(rel="search", href="/stac/search", type="application/geo+json", title="Item search"),
    ),
    openapi="/stac/api",
    health="/stac/health",
    personal=True,
    documentation="https://github.com/radiantearth/stac-api-spec/tree/release/v1.0.0",
    roles=(
        Role(
            name=EDITOR_ROLE,
            title="Catalogue editor",
            summary="May add, change and remove collections and items of the catalogue.",
        ),
        Role(
            name=PUBLISHER_ROLE,
            title="Collection publisher",
            summary="May publish collections of their own, and share, change and remove those.",
        ),
    ),
)
