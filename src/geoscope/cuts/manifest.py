"""What the platform knows of the cuts service."""

from geoscope import __version__
from geoscope.service import Category, Endpoint, Manifest, Meter, Provider

MANIFEST = Manifest(
    id="cuts",
    title="Cuts",
    summary=(
        "Get just the part of a dataset that matters: a place, a profile, a circle, a country, a box, a "
        "path; read from the cube and streamed as CoverageJSON, NetCDF, Zarr, CSV or Parquet."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.GET,
    version=__version__,
    routes=("/edr",),
    app="geoscope.cuts.api:create_application",
    endpoints=(
        Endpoint(href="/edr", title="Environmental Data Retrieval (OGC API - EDR 1.1)"),
        Endpoint(rel="data", href="/edr/collections", title="Collections that can be cut"),
    ),
    openapi="/edr/-/openapi",
    health="/edr/-/health",
    personal=True,
    documentation="https://docs.ogc.org/is/19-086r6/19-086r6.html",
    meters=(Meter(name="values", unit="values"),),
    sustainability="A series of ten years reads about a megabyte of the store, however large the cube is.",
)
