"""A real object store for tests that need no whole platform."""

import os
import subprocess
import sysconfig
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio

from geoscope.runtime import object_store
from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.runtime.plan import ObjectStoreProbe, Part
from geoscope.runtime.ports import free_port_pair, free_ports
from geoscope.runtime.probes import is_well
from geoscope.secrets import ensure_secrets
from geoscope.settings import InternalSettings, Settings


def choose_ports():
    """Choose ports for an object store and, as `data-apis`, for what stands before it."""
    admin, admin_grpc = free_port_pair(object_store.ADMIN_GRPC_DISTANCE)
    ports = free_ports(("data-apis", *object_store.PORTS), avoid=frozenset({admin, admin_grpc}))
    return ports | {"admin": admin, "admin-grpc": admin_grpc}


def start_object_store(settings, ports, timeout_s=60.0):
    """Start it, wait until it reads and writes, and return its process."""
    weed = str(Path(sysconfig.get_path("scripts")) / "weed")
    command = (weed, *object_store.arguments(settings, ports))
    log_path = settings.data_dir / "logs" / "object-store.log"
    with log_path.open("ab") as log:
        environment = os.environ | object_store.environment(settings)
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    probe = ObjectStoreProbe(settings, f"http://127.0.0.1:{ports['master']}")
    part = Part("object-store", "Object store", command, probe=probe)
    deadline = time.monotonic() + timeout_s
    while not anyio.run(partial(is_well, part, thoroughly=True)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"The object store is not well:\n{log_path.read_text()[-10_000:]}")
        time.sleep(0.05)
    return process


def end(process):
    """End it at once: asked to end, it waits ten seconds for clients that have gone."""
    process.kill()
    process.wait()


@contextmanager
def running_object_store(folder):
    """Run an object store of its own in a folder; yield the settings by which it is reached."""
    ports = choose_ports()
    url = f"http://127.0.0.1:{ports['s3']}"
    settings = Settings(data_dir=folder, internal=InternalSettings(object_store_url=url))
    prepare_data_folder(settings.data_dir)
    ensure_secrets(settings)
    process = start_object_store(settings, ports)
    try:
        yield settings
    finally:
        end(process)
