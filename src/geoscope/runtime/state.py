"""What runs now, part by part: written by the supervisor at each change, read by `geoscope status`."""

import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from geoscope.settings import InternalSettings, Settings

STATE_FILE = "state.json"


class Condition(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing off"
    STOPPING = "stopping"
    STOPPED = "stopped"


class PartState(BaseModel):
    """One part, as it is now."""

    name: str
    title: str
    condition: Condition = Condition.WAITING
    since: datetime
    pid: int | None = None
    process_started: float | None = None
    address: str | None = None
    restarts: int = 0
    last_error: str | None = None


class RunState(BaseModel):
    """The whole platform, as it is now."""

    pid: int
    address: str
    s3_address: str
    started: datetime
    parts: list[PartState]

    def settings(self, settings: Settings) -> Settings:
        """Return settings with the addresses at which this platform really listens."""
        address, s3 = urlsplit(self.address), urlsplit(self.s3_address)
        addresses = {part.name: part.address for part in self.parts if part.address}
        edge = settings.edge
        if address.scheme == "https":
            edge = edge.model_copy(
                update={"public_host": address.hostname, "https_port": address.port or 443}
            )
        else:
            edge = edge.model_copy(
                update={"host": address.hostname, "port": address.port, "s3_port": s3.port}
            )
        internal = InternalSettings(
            portal_url=addresses["portal"],
            data_apis_url=addresses["data-apis"],
            object_store_url=addresses["object-store"],
        )
        return settings.model_copy(update={"edge": edge, "internal": internal})

    @property
    def ready(self) -> bool:
        """Whether every part is up."""
        return all(part.condition is Condition.READY for part in self.parts)


def write_state(folder: Path, state: RunState) -> None:
    """Replace the state file in one step: a reader sees the old one or the new one."""
    path = folder / "run" / STATE_FILE
    partial = path.with_suffix(".partial")
    partial.write_text(state.model_dump_json(indent=1))
    partial.replace(path)


def read_state(folder: Path) -> RunState | None:
    """Return the last written state, or None if there is none that can be read."""
    try:
        return RunState.model_validate_json((folder / "run" / STATE_FILE).read_text())
    except (OSError, ValidationError):
        return None


def forget_state(folder: Path) -> None:
    """Remove the state file: nothing runs."""
    (folder / "run" / STATE_FILE).unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Tell whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
