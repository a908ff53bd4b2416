"""stac-geoparquet files, row group by row group; rows become items in the checker processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from geoscope.catalogue.loading.chunks import (
    CHUNK_DOCUMENTS,
    Chunk,
    Give,
    Objects,
    Position,
    Problem,
)
from geoscope.catalogue.loading.threads import give_from_thread
from geoscope.errors import InvalidInputError, SetupError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class Rows:
    """Rows of a table (Arrow IPC stream), counted from `first`."""

    table: bytes
    first: int

    def read(self) -> Iterator[tuple[str, dict[str, Any] | Problem]]:
        """Yield each row as an item."""
        import pyarrow as pa  # noqa: PLC0415 (a large library that only such files need)

        with pa.ipc.open_stream(self.table) as stream:
            table = stream.read_all()
        try:
            items: list[dict[str, Any] | Problem] = _items(table)
        except Exception:  # noqa: BLE001 (whatever one row has caused: the others are read)
            items = [_item(table.slice(row, 1), f"row {self.first + row}") for row in range(table.num_rows)]
        for number, item in enumerate(items, start=self.first):
            yield f"row {number}", item


class GeoparquetSource:
    """A stac-geoparquet file; the collections in its metadata come first. Parameters as of `Source`.

    Raises
    ------
    SetupError
        If the libraries for such files are not installed.
    """

    def __init__(self, path: Path, name: str, revision: str) -> None:
        for library in ("pyarrow.parquet", "rustac"):
            try:
                import_module(library)
            except ImportError as error:
                raise SetupError(
                    f"Reading GeoParquet needs {library.partition('.')[0]}.",
                    "Install `geoscope[geoparquet]`.",
                ) from error
        self._path = path
        self.name = name
        self.revision = revision

    async def read(self, after: Position | None, give: Give) -> None:
        """Give the rows after a position."""
        await give_from_thread(self._chunks(after["rows"] if after else None), give)

    def _chunks(self, after: int | None) -> Iterator[Chunk]:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        done = 0
        try:
            with pq.ParquetFile(self._path, buffer_size=1024**2, pre_buffer=False) as file:
                if not {"id", "geometry"} <= set(file.schema_arrow.names):
                    raise InvalidInputError(
                        f"{self._path} is no stac-geoparquet.", "It has no columns `id` and `geometry`."
                    )
                if after is None:
                    yield from _collections(file.metadata.metadata or {})
                total = file.metadata.num_rows
                for batch in _batches(file, after or 0):
                    done = batch.first + batch.rows.num_rows
                    yield Chunk(Rows(_packed(batch.rows), batch.first + 1), {"rows": done}, done / total)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInputError(f"{self._path} cannot be read after row {done}: {error}.") from error


@dataclass(frozen=True)
class _Batch:
    first: int
    rows: "pa.RecordBatch"


def _batches(file: "pq.ParquetFile", done: int) -> Iterator[_Batch]:
    """Yield the rows behind the first `done`; row groups before are not read at all."""
    first = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if first + count <= done:
            first += count
            continue
        for rows in file.iter_batches(batch_size=CHUNK_DOCUMENTS, row_groups=[group]):
            skipped = min(max(0, done - first), rows.num_rows)
            if skipped < rows.num_rows:
                yield _Batch(first + skipped, rows.slice(skipped))
            first += rows.num_rows


def _collections(metadata: dict[bytes, bytes]) -> Iterator[Chunk]:
    """Read the collections that the file's metadata hold (stac-geoparquet 1.0, member `collections`)."""
    try:
        known = orjson.loads(metadata.get(b"stac-geoparquet", b"{}"))
        collections = dict(known.get("collections") or {})
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        collections = {"": "no JSON object"}
    if collections:
        places = tuple(f"collection {id_} of the metadata" for id_ in collections)
        yield Chunk(Objects(places, tuple(collections.values())), {"rows": 0}, 0.0)


def _packed(rows: "pa.RecordBatch") -> bytes:
    import pyarrow as pa  # noqa: PLC0415

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_batch(rows)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _items(table: "pa.Table") -> list[Any]:
    import rustac  # noqa: PLC0415

    features: list[Any] = rustac.from_arrow(table)["features"]
    return features


def _item(row: "pa.Table", place: str) -> dict[str, Any] | Problem:
    try:
        item: dict[str, Any] = _items(row)[0]
    except Exception as error:  # noqa: BLE001 (reported with the row)
        return Problem(place, f"It cannot be read as an item: {error}.")
    return item
