"""The object store, as a service of the platform opens it: S3 with the keys of one identity."""

from obstore.store import S3Store

from geoscope.secrets import S3Keys
from geoscope.settings import Settings

# Any name will do: S3 signatures carry a region, SeaweedFS has none.
REGION = "us-east-1"

BUCKETS = ("archive", "collections", "demo", "home-administrator", "products")
# Everybody reads their objects, with no keys.
PUBLIC_BUCKETS = ("demo",)


def open_bucket(
    settings: Settings, bucket: str, keys: S3Keys, *, prefix: str | None = None, patient: bool = True
) -> S3Store:
    """Open a bucket of the installation's object store, inside the edge.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    bucket : str
        Name of the bucket.
    keys : S3Keys
        Whose rights the reads and writes have.
    prefix : str, optional
        Keys are relative to it.
    patient : bool
        Whether to try again, for a minute and more, while the object store does not answer.
    """
    return S3Store(
        bucket,
        prefix=prefix,
        endpoint=settings.internal.object_store_url,
        region=REGION,
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "60s" if patient else "3s"},
        retry_config=None if patient else {"max_retries": 0},
    )
