"""A process that reads strangers' files: `python -m geoscope.catalogue.publishing.reader_process KIND`.

One kind of file for one process: the libraries of GRIB and of GDAL do not get on together. Each line of its
input is a task, each line of its output the answer; both are JSON, as what comes out of here is not trusted.
It ends with its input, so that it outlives nobody.
"""

import base64
import os
import queue
import re
import resource
import shutil
import sys
import tempfile
import threading
from contextlib import ExitStack
from typing import Any, BinaryIO

import orjson
from obstore.exceptions import BaseError as ObjectStoreError
from zarr.storage import ObjectStore

from geoscope.errors import GeoscopeError
from geoscope.object_file import open_object
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import current_settings

IDENTITY = "data-apis"

# GDAL calls an opened file by a name that means nothing to its owner.
_NAME_OF_OWN = re.compile(r"['\"]?/vsi[^\s'\"]*['\"]?")


def main() -> None:
    """Answer tasks until the input ends."""
    kind = sys.argv[1]
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    limits = current_settings().catalogue.publishing
    resource.setrlimit(resource.RLIMIT_AS, (limits.reader_memory_bytes,) * 2)
    file_bytes = limits.max_grib_bytes if kind == "grib" else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(tasks,), daemon=True).start()
    while True:
        answers.write(_answer(kind, tasks.get()) + b"\n")


def _take_in(tasks: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(orjson.loads(line))
    # At once, also in the middle of a task; and native libraries may crash when they are unloaded.
    os._exit(0)


def _answer(kind: str, task: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(_work(kind, task), option=orjson.OPT_SERIALIZE_NUMPY)
    except GeoscopeError as error:
        told = {"problem": error.problem, "remedy": error.remedy}
    except FileNotFoundError:
        told = {"problem": "It is not there any more, or not whole."}
    except ObjectStoreError:
        told = {"unavailable": "yes"}
    except MemoryError:
        told = {"problem": "To read it takes more memory than is allowed.", "remedy": "Split it."}
    except Exception as error:  # noqa: BLE001 (libraries raise anything at a broken file)
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        told = {"problem": f"It cannot be read as {kind}: {_NAME_OF_OWN.sub('it', said)}"}
    return orjson.dumps(told)


def _work(kind: str, task: dict[str, Any]) -> dict[str, Any]:
    """Do a task and return its answer: a description, or a picture in base64."""
    settings = current_settings()
    bucket = open_bucket(
        settings,
        task["bucket"],
        read_s3_keys(settings, IDENTITY),
        prefix=task["key"] if kind == "zarr" else None,
    )
    drawing = task["do"] == "draw"
    with ExitStack() as stack:
        if kind == "zarr":
            from geoscope.catalogue.publishing import gridded  # noqa: PLC0415 (each process loads what it needs)

            dataset = stack.enter_context(gridded.opened_zarr(ObjectStore(bucket, read_only=True)))
            if drawing:
                return _picture(gridded.draw_gridded(dataset))
            return gridded.describe_gridded(dataset, gridded.ZARR, task["named_time"]).to_json()
        file: BinaryIO = stack.enter_context(open_object(bucket, task["key"]))
        if kind == "netcdf":
            from geoscope.catalogue.publishing import gridded  # noqa: PLC0415 (as above)

            dataset = stack.enter_context(gridded.opened_netcdf(file))
            if drawing:
                return _picture(gridded.draw_gridded(dataset))
            return gridded.describe_gridded(dataset, gridded.NETCDF, task["named_time"]).to_json()
        if kind == "grib":
            from geoscope.catalogue.publishing import grib  # noqa: PLC0415 (as above)

            # ecCodes reads from files of the system only.
            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(file, copy, 1024**2)
            return _picture(grib.draw_grib(copy)) if drawing else grib.describe_grib(copy).to_json()
        from geoscope.catalogue.publishing import rasters  # noqa: PLC0415 (as above)

        return _picture(rasters.draw_raster(file)) if drawing else rasters.describe_raster(file).to_json()


def _picture(picture: bytes | None) -> dict[str, Any]:
    return {"picture": None if picture is None else base64.b64encode(picture).decode()}


if __name__ == "__main__":
    main()
