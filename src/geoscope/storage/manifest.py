"""What the platform knows of the storage service; SeaweedFS itself is a part of the runtime."""

from geoscope import __version__
from geoscope.service import Category, Manifest, Provider

MANIFEST = Manifest(
    id="objects",
    title="Storage",
    summary=(
        "Keeps the data. Public data can be read from anywhere by plain HTTPS, in ranges, without account. "
        "With keys it is an S3 endpoint for any S3 client. You read from the store itself: nothing is copied "
        "on the way."
    ),
    provider=Provider(name="Geoscope"),
    category=Category.GET,
    version=__version__,
    routes=("/data",),
    part="object-store",
    health="/data/health",
    documentation="https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html",
    sustainability="Cubes are stored once, compressed, and read in small parts: little is moved.",
)
