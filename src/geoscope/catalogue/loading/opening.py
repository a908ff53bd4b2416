"""Which kind of source a path or an address is, found out by looking."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import httpx
import ijson
import orjson
from anyio import to_thread

from geoscope.catalogue.loading.addresses import link_address, links_of
from geoscope.catalogue.loading.chunks import Source
from geoscope.catalogue.loading.compression import open_bytes
from geoscope.catalogue.loading.features import FeatureSource
from geoscope.catalogue.loading.fetching import Fetcher, open_client, shown
from geoscope.catalogue.loading.geoparquet import GeoparquetSource
from geoscope.catalogue.loading.lines import MAX_LINE_BYTES, LineSource
from geoscope.catalogue.loading.stac_api import ApiSource, ItemPagesSource
from geoscope.catalogue.loading.static_catalogue import CatalogueFiles, StaticCatalogueSource
from geoscope.errors import InvalidInputError

STANDARD_INPUT = "-"

_LINES = re.compile(
    r"\.(ndjson|jsonl|ndgeojson|geojsonl|geojsons)(\.gz|\.gzip|\.zst|\.zstd)?$", re.IGNORECASE
)
_GEOPARQUET = re.compile(r"\.(geo)?parquet$", re.IGNORECASE)
_STORED_FIRST = re.compile(rf"{_LINES.pattern}|{_GEOPARQUET.pattern}|\.(gz|gzip|zst|zstd)$", re.IGNORECASE)
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class SourceOptions:
    """How a source is read.

    Parameters
    ----------
    collections : frozenset of str
        Only these are asked for, where the source can be asked.
    downloads : Path
        Folder for files from servers, which are stored before they are read.
    base_url : str or None
        Where a local static catalogue is published: its relative addresses become such as are found there.
    authorization : str or None
        Header of that name for the server of the source.
    transport : httpx.AsyncBaseTransport or None
        Decides which hosts may be reached; None: all.
    max_download_bytes : int or None
        Largest file that is stored.
    """

    downloads: Path
    collections: frozenset[str] = frozenset()
    base_url: str | None = None
    authorization: str | None = None
    transport: httpx.AsyncBaseTransport | None = None
    max_download_bytes: int | None = None


@asynccontextmanager
async def open_source(location: str, options: SourceOptions) -> AsyncIterator[Source]:
    """Open a file, a folder, standard input (`-`), or what a server has at an address.

    Raises
    ------
    InvalidInputError
        If there is nothing of a kind that is known.
    UnavailableError
        If its server does not answer.
    """
    async with open_client(options.transport) as client:
        fetcher = Fetcher(client, location, options.authorization)
        if location == STANDARD_INPUT:
            yield LineSource(None, STANDARD_INPUT)
        elif is_address(location):
            async with _remote(location, fetcher, options) as source:
                yield source
        else:
            yield await to_thread.run_sync(_local, Path(location), fetcher, options)


def is_address(location: str) -> bool:
    """Tell an address on a server from a local path."""
    return urlsplit(location).scheme in ("http", "https")


def _local(path: Path, fetcher: Fetcher, options: SourceOptions) -> Source:
    if path.is_dir():
        roots = [path / name for name in ("catalog.json", "collection.json") if (path / name).is_file()]
        if not roots:
            raise InvalidInputError(f"{path} holds neither catalog.json nor collection.json.")
        return _local_catalogue(roots[0], fetcher, options)
    revision = _revision_of(path)
    return _file(path, str(path.absolute()), revision, fetcher, options)


def _file(path: Path, name: str, revision: str, fetcher: Fetcher, options: SourceOptions) -> Source:
    """Open a local file by its name, or by how it begins."""
    # What is read from a pipe is gone.
    if _LINES.search(name) or not path.is_file():
        return LineSource(path, name, revision)
    with open_bytes(path) as (content, _):
        start = content.read(len(_PARQUET_MAGIC))
        if start == _PARQUET_MAGIC or _GEOPARQUET.search(name):
            return GeoparquetSource(path, name, revision)
        first_line = start + content.readline(MAX_LINE_BYTES)
        is_one_line = not content.read(1)
    kind = _type_of_line(first_line)
    if kind is not None and not is_one_line:
        return LineSource(path, name, revision)
    match kind or _type_of_file(path):
        case "FeatureCollection":
            return FeatureSource(path, name, revision, "features.item")
        case "Feature":
            return FeatureSource(path, name, revision, "")
        case "Catalog" | "Collection":
            return _local_catalogue(path, fetcher, options)
        case _:
            raise InvalidInputError(
                f"{path} is of no kind that can be loaded.",
                "Expected newline-delimited JSON, GeoJSON, stac-geoparquet, or a static catalogue.",
            )


def _type_of_line(line: bytes) -> str | None:
    """Return the type of the one object that a line is, or None if it is none."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return str(document.get("type")) if isinstance(document, dict) else None


def _type_of_file(path: Path) -> str | None:
    """Return the type of the one object that a file is, reading no further than needed."""
    with open_bytes(path) as (content, _):
        try:
            for prefix, event, value in ijson.parse(content):
                if prefix == "type" and event == "string":
                    return str(value)
                if prefix == "features" and event == "start_array":
                    return "FeatureCollection"
        except ijson.JSONError:
            return None
    return None


def _revision_of(path: Path) -> str:
    """Return what changes when somebody writes to a file, or puts another in its place."""
    if not path.exists():
        raise InvalidInputError(f"There is no {path}.", "Expected a file, a folder or an address.")
    status = path.stat()
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _local_catalogue(root: Path, fetcher: Fetcher, options: SourceOptions) -> Source:
    root = root.resolve()
    published = None
    if options.base_url is not None:
        published = (f"{root.parent.as_uri()}/", f"{options.base_url.rstrip('/')}/")
    files = CatalogueFiles(fetcher, root.parent)
    return StaticCatalogueSource(root.as_uri(), files, options.collections, published)


@asynccontextmanager
async def _remote(address: str, fetcher: Fetcher, options: SourceOptions) -> AsyncIterator[Source]:
    path = urlsplit(address).path
    if not _STORED_FIRST.search(path):
        yield await _documents(address, fetcher, options)
        return
    options.downloads.mkdir(parents=True, exist_ok=True)
    # Two loads at once have a file each; one that is left behind by a killed load is removed with its age.
    with NamedTemporaryFile(dir=options.downloads, suffix=f"-{PurePosixPath(path).name[-80:]}") as stored:
        copy = Path(stored.name)
        await fetcher.download(address, copy, options.max_download_bytes)
        revision = await to_thread.run_sync(_digest_of, copy)
        yield await to_thread.run_sync(_file, copy, address, revision, fetcher, options)


async def _documents(address: str, fetcher: Fetcher, options: SourceOptions) -> Source:
    """Open what answers with JSON at an address."""
    answer = await fetcher.get(address)
    document = answer.document()
    match document.get("type"):
        case "FeatureCollection":
            return ItemPagesSource(address, fetcher)
        case "Catalog" | "Collection" if "conformsTo" in document or links_of(document, "data"):
            return ApiSource(address, fetcher, options.collections)
        case "Collection" if links_of(document, "items") and not links_of(document, "item"):
            root = link_address(document, "root", answer.url)
            if root is not None:
                return ApiSource(root, fetcher, frozenset([str(document.get("id"))]))
            return StaticCatalogueSource(address, CatalogueFiles(fetcher), options.collections)
        case "Catalog" | "Collection":
            return StaticCatalogueSource(address, CatalogueFiles(fetcher), options.collections)
        case _:
            raise InvalidInputError(
                f"{shown(address)} is of no kind that can be loaded.",
                "Expected a STAC API, a static catalogue, or items as newline-delimited JSON or GeoParquet.",
            )
