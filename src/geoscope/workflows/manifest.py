"""What the platform knows of the workflows service."""

from geoscope import __version__
from geoscope.service import Access, AccessPolicy, Category, Endpoint, Manifest, Meter, Provider

MANIFEST = Manifest(
    id="workflows",
    title="Workflows",
    summary=(
        "Run long work beside the data. Ask for a process by name, follow its progress, cancel it, and fetch "
        "its results. A job survives a restart: it goes on at the step it had reached."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.PROCESS,
    version=__version__,
    routes=("/processes", "/jobs"),
    app="geoscope.workflows.api:create_application",
    endpoints=(
        Endpoint(
            rel="http://www.opengis.net/def/rel/ogc/1.0/processes",
            href="/processes",
            title="Processes (OGC API - Processes 1.0)",
        ),
        Endpoint(rel="http://www.opengis.net/def/rel/ogc/1.0/job-list", href="/jobs", title="Your jobs"),
    ),
    openapi="/processes/-/openapi",
    health="/processes/-/health",
    documentation="https://docs.ogc.org/is/18-062r2/18-062r2.html",
    access=Access(policy=AccessPolicy.REGISTERED),
    personal=True,
    meters=(Meter(name="jobs", unit="jobs"),),
    sustainability="Work runs where the data is: nothing is downloaded, and no finished step is run again.",
)
