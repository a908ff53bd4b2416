"""What the platform knows of the viewer service."""

from geoscope import __version__
from geoscope.service import Category, Endpoint, Manifest, Meter, Provider

MANIFEST = Manifest(
    id="viewer",
    title="Viewer",
    summary=(
        "See any dataset on a map: tiles for a globe or a web map, whole pictures and legends, drawn from "
        "the cube when they are asked for, in colours that keep their meaning for every eye."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.SEE,
    version=__version__,
    routes=("/tiles",),
    app="geoscope.viewer.api:create_application",
    endpoints=(Endpoint(href="/tiles/colormaps", title="Colour maps to draw with"),),
    openapi="/tiles/-/openapi",
    health="/tiles/-/health",
    personal=True,
    documentation="https://github.com/mapbox/tilejson-spec/tree/master/3.0.0",
    meters=(Meter(name="tiles", unit="tiles"),),
    sustainability="Nothing is drawn before it is asked for, and no pyramid of pictures is stored.",
)
