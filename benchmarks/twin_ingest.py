"""Ingest of model output: decoding alone, the whole way into the store, and the memory that it takes."""

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.running import Bench
from geoscope.settings import Settings
from geoscope.twins.ingest.decoders import DecoderPool
from geoscope.twins.ingest.findings import Findings
from geoscope.twins.ingest.looking import look_at
from geoscope.twins.ingest.plan import Plan
from geoscope.twins.ingest.reading import FieldReader
from geoscope.twins.ingest.sources import find_input

NSIDE = 1024
FIELD_MB = 12 * NSIDE**2 * 4 / 1e6
FIELDS = 96
FIELDS_TO_DECODE = 24
ROUNDS = 3
SAMPLE_EVERY_S = 0.25
_NEWLINE = "\n"

# ecCodes in a process of its own, as ever. A smooth field and noise: what the coder sees of a temperature.
ENCODE = """
import sys
import eccodes, numpy

path, nside, packing, order, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
keys = {
    "tablesVersion": 32, "centre": "ecmf", "setLocalDefinition": 1, "productionStatusOfProcessedData": 12,
    "dataset": "climate-dt", "class": "d1", "activity": "ScenarioMIP", "experiment": "SSP3-7.0",
    "generation": 1, "model": "IFS-NEMO", "realization": 1, "resolution": "high", "stream": "clte",
    "type": "fc", "expver": "0001", "paramId": 167, "gridType": "healpix", "Nside": nside,
    "orderingConvention": order, "longitudeOfFirstGridPointInDegrees": 45, "bitsPerValue": 16,
}
rng = numpy.random.default_rng(1)
cells = 12 * nside**2
noise = rng.normal(0, 0.3, cells)
place = numpy.linspace(0, 20 * numpy.pi, cells)
with open(path, "wb") as file:
    for number in range(count):
        message = eccodes.codes_grib_new_from_samples("GRIB2")
        for key, value in keys.items():
            eccodes.codes_set(message, key, value)
        eccodes.codes_set(message, "dataDate", 20200101 + number // 24)
        eccodes.codes_set(message, "dataTime", number % 24 * 100)
        eccodes.codes_set(message, "packingType", packing)
        eccodes.codes_set_values(message, 280 + 20 * numpy.sin(place + number / 10) + noise)
        eccodes.codes_write(message, file)
        eccodes.codes_release(message)
"""


def measure(bench: Bench) -> str:
    """Return the section of the page; the platform runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, stored = [], []
        first = _encode(folder / "first.grib2", "grid_simple", "nested", 1)
        _ingest(bench, first, "bench-first", 1)  # a worker loads its libraries once in its life
        for packing, order in (("grid_simple", "nested"), ("grid_ccsds", "nested"), ("grid_ccsds", "ring")):
            path = _encode(folder / "few.grib2", packing, order, FIELDS_TO_DECODE)
            best = min((_decode(path) for _ in range(ROUNDS)), key=lambda each: each[0])
            rows.append(f"| {packing}, {order} | {best[1] / best[0] / 1e6:.0f} |")
            collection = f"bench-{packing}-{order}".replace("_", "-")
            path = _encode(folder / "one.grib2", packing, order, 1)
            one = _ingest(bench, path, f"{collection}-one", 1)
            path = _encode(folder / "many.grib2", packing, order, FIELDS)
            many = _ingest(bench, path, collection, FIELDS)
            stored.append(f"{packing}, {order} | {_row(one, many)}")
    return f"""## Ingest of twins

Hourly fields of HEALPix nside {NSIDE} ({FIELD_MB:.0f} MB each as float32) from GRIB 2 of 16
bits a value. Decoding alone, {FIELDS_TO_DECODE} of them, by one process that hands the values over to the one
that writes; the best of {ROUNDS}:

| packing, order | decoded values, MB a second of CPU time |
| --- | ---: |
{_NEWLINE.join(rows)}

The whole way, {FIELDS} fields of {FIELDS * FIELD_MB / 1000:.1f} GB, by `geoscope twins ingest`:
found, decoded, checked, compressed, written to the object store with coarser levels, registered, by a worker
that has ingested before. CPU time and memory (the peak of PSS) are those of the job worker and its decoders;
the object store's own CPU time is not among them. *Each further*: without what an ingest of one field takes,
since a process starts and a cube is made once:

| packing, order | seconds | MB/s | MB per CPU second | each further | one field, CPU s | peak memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{_NEWLINE.join(f"| {each} |" for each in stored)}"""


def _encode(path: Path, packing: str, order: str, count: int) -> Path:
    command = [sys.executable, "-c", ENCODE, path, NSIDE, packing, order, count]
    subprocess.run([str(each) for each in command], check=True)
    return path


def _decode(path: Path) -> tuple[float, int]:
    """Return CPU seconds (of the decoder and of who takes the values) and bytes of decoding a file."""
    settings = Settings(data_dir=path.parent)
    with DecoderPool(settings, 1) as decoders:
        findings: Findings = look_at(decoders, find_input(settings, [str(path)]).sources)
        plan = Plan(findings, {})
        size = plan.repositories[0].field_bytes
        reader = FieldReader(decoders, findings, size)
        counted, before = 0, 0.0
        for batch in plan.batches:
            for _ in reader.read(batch, plan.columns):
                if not before:
                    before = _cpu_of_this_tree()  # the first field also waits for the libraries
                else:
                    counted += size
        return _cpu_of_this_tree() - before, counted


def _cpu_of_this_tree() -> float:
    own = psutil.Process()
    return sum(_cpu_of(process) for process in (own, *own.children()))


def _cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass(frozen=True)
class _Cost:
    """What an ingest took."""

    seconds: float
    cpu_s: float
    memory: int


def _row(one: _Cost, many: _Cost) -> str:
    rates = (
        FIELDS * FIELD_MB / many.seconds,
        FIELDS * FIELD_MB / many.cpu_s,
        (FIELDS - 1) * FIELD_MB / (many.cpu_s - one.cpu_s),
    )
    told = " | ".join(f"{rate:.0f}" for rate in rates)
    return f"{many.seconds:.1f} | {told} | {one.cpu_s:.1f} | {many.memory / 1e6:.0f}"


def _ingest(bench: Bench, path: Path, collection: str, fields: int) -> _Cost:
    """Ingest a file, and tell what it took; all of its fields must be stored."""
    worker = next(each.pid for each in bench.state.parts if each.name == "job-worker")
    watch = _Watch(worker)
    started = time.perf_counter()
    command = ["twins", "ingest", "--data-dir", bench.folder, "--id", collection, path]
    done = subprocess.run(
        [sys.executable, "-m", "geoscope", *map(str, command)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    memory, cpu_s = watch.stop()
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])
    if f"{fields} field" not in done.stdout:
        raise RuntimeError(f"Not {fields} fields were stored: {done.stdout[-1000:]}")
    return _Cost(seconds, cpu_s, memory)


class _Watch:
    """Looks at a process and its children until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._memory = 0
        self._cpu: dict[int, float] = {}
        self._before = _cpu_of(self._process)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> tuple[int, float]:
        """Return the peak of memory in bytes, and the seconds of CPU time."""
        self._stop.set()
        self._thread.join()
        return self._memory, sum(self._cpu.values()) - self._before

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_S):
            memory = 0
            for process in (self._process, *self._process.children(recursive=True)):
                try:
                    memory += process.memory_full_info().pss
                    self._cpu[process.pid] = _cpu_of(process)
                except psutil.Error:
                    continue
            self._memory = max(self._memory, memory)
