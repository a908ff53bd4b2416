"""What `geoscope status` shows."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from geoscope.runtime.data_folder import is_locked
from geoscope.runtime.state import Condition, PartState, read_state
from geoscope.settings import Settings

_COLOURS = {Condition.READY: "green", Condition.BACKING_OFF: "red"}


def status_document(settings: Settings) -> dict[str, Any]:
    """Describe what runs on a data folder; memory is resident memory, children included."""
    state = read_state(settings.data_dir)
    if state is None or not is_locked(settings.data_dir):
        return {"running": False, "data_dir": str(settings.data_dir), "parts": []}
    parts = [_part_document(part) for part in state.parts]
    own_bytes = _memory_bytes(state.pid, with_children=False)
    return {
        "running": True,
        "ready": state.ready,
        "address": state.address,
        "s3_address": state.s3_address,
        "data_dir": str(settings.data_dir),
        "pid": state.pid,
        "started": state.started.isoformat(),
        "supervisor_memory_bytes": own_bytes,
        "memory_bytes": own_bytes + sum(part["memory_bytes"] for part in parts),
        "parts": parts,
    }


def print_status(document: dict[str, Any], console: Console) -> None:
    """Print the document as a table for people."""
    if not document["running"]:
        console.print(f"Nothing runs on {document['data_dir']}. Start the platform with `geoscope up`.")
        return
    console.print(f"Geoscope at [bold]{document['address']}[/bold], S3 at {document['s3_address']}")
    console.print(f"{document['data_dir']}, process {document['pid']}", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("Part", "State", "Since", "Memory", "Restarts", "Address", "Last error"):
        table.add_column(
            heading, justify="right" if heading in ("Memory", "Restarts") else "left", overflow="fold"
        )
    for part in document["parts"]:
        colour = _COLOURS.get(part["state"], "yellow")
        table.add_row(
            part["name"],
            f"[{colour}]{part['state']}[/]",
            _ago(part["since"]),
            f"{part['memory_bytes'] / 1024**2:.0f} MiB" if part["pid"] else "",
            str(part["restarts"]),
            part["address"] or "",
            part["last_error"] or "",
        )
    table.add_row("supervisor", "", "", f"{document['supervisor_memory_bytes'] / 1024**2:.0f} MiB")
    table.add_row("[bold]all", "", "", f"[bold]{document['memory_bytes'] / 1024**2:.0f} MiB")
    console.print(table)


def _part_document(part: PartState) -> dict[str, Any]:
    return {
        "name": part.name,
        "title": part.title,
        "state": part.condition.value,
        "since": part.since.isoformat(),
        "pid": part.pid,
        "memory_bytes": _memory_bytes(part.pid, with_children=True) if part.pid else 0,
        "address": part.address,
        "restarts": part.restarts,
        "last_error": part.last_error,
    }


def _memory_bytes(pid: int, *, with_children: bool) -> int:
    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *(process.children(recursive=True) if with_children else [])]:
            with suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def _ago(since: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
