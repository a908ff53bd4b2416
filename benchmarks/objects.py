"""Objects through the edge, beside the object store's own speed."""

import httpx
import obstore
from obstore.store import S3Store

from benchmarks.measure import table, take_turns
from benchmarks.running import Bench
from geoscope.objects import REGION
from geoscope.secrets import S3Keys, read_s3_keys

ROUNDS = 30
SIZE_BYTES = 8 * 1024**2


def measure(bench: Bench) -> str:
    keys = read_s3_keys(bench.settings, "jobs")
    direct = _bucket(bench.settings.internal.object_store_url, keys)
    through_edge = _bucket(bench.settings.s3_url, keys)
    content = httpx.get(bench.url).content.ljust(SIZE_BYTES, b"\0")
    puts = take_turns(
        {
            "put, object store itself": lambda: obstore.put(
                direct, "bench/object", content, use_multipart=False
            ),
            "put, through the edge": lambda: obstore.put(
                through_edge, "bench/object", content, use_multipart=False
            ),
        },
        ROUNDS,
    )
    gets = take_turns(
        {
            "get, object store itself": lambda: obstore.get(direct, "bench/object").bytes(),
            "get, through the edge": lambda: obstore.get(through_edge, "bench/object").bytes(),
        },
        ROUNDS,
    )
    return f"""## Objects

One object of {SIZE_BYTES // 1024**2} MiB through S3, {ROUNDS} rounds.

{table(puts, "put, object store itself")}

{table(gets, "get, object store itself")}"""


def _bucket(endpoint: str, keys: S3Keys) -> S3Store:
    return S3Store(
        "products",
        endpoint=endpoint,
        region=REGION,
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
