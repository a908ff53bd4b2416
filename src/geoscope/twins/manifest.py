"""What the platform knows of the twins service."""

from geoscope import __version__
from geoscope.service import Category, Endpoint, Manifest, Meter, Provider, Role

# Who may store model output as twins, and run simulations.
EDITOR_ROLE = "twin-editor"

MANIFEST = Manifest(
    id="twins",
    title="Digital twins",
    summary=(
        "Ask for digital-twin output in ECMWF's words: points, profiles, areas and tracks as CoverageJSON in "
        "milliseconds, whole fields as GRIB, with the clients that Destination Earth has; or open it as Zarr."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.GET,
    version=__version__,
    routes=("/twins", "/polytope"),
    app="geoscope.twins.api:create_application",
    endpoints=(
        Endpoint(href="/polytope/api/v1/collections", title="Polytope API 1"),
        Endpoint(href="/twins/queryables", title="What can be asked for, narrowed by what is chosen"),
    ),
    openapi="/twins/-/openapi",
    health="/twins/-/health",
    personal=True,
    roles=(
        Role(
            name=EDITOR_ROLE,
            title="Twin editor",
            summary="May store model output of their own buckets as digital twins.",
        ),
    ),
    documentation="https://polytope.readthedocs.io",
    meters=(Meter(name="values", unit="values"),),
    sustainability="A series or an area reads what it needs of the store: no whole field is moved.",
)
