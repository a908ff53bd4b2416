"""How the command line speaks to a running platform: one line of JSON each way over a private Unix socket."""

import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream

from geoscope.errors import GeoscopeError, NotFoundError, SetupError, UnavailableError
from geoscope.runtime.data_folder import is_locked, socket_folder

CONTROL_SOCKET = "control.sock"
LONGEST_MESSAGE_BYTES = 4096

type Command = Callable[[dict[str, Any]], Awaitable[None]]


async def listen(folder: Path, commands: dict[str, Command]) -> None:
    """Answer commands until cancelled: `{"command": NAME, ...}`, answered with `{}` or `{"error": TEXT}`."""
    path = socket_folder(folder) / CONTROL_SOCKET
    path.unlink(missing_ok=True)

    async def answer(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                request = json.loads(await stream.receive(LONGEST_MESSAGE_BYTES))
                reply = {}
                try:
                    await commands[request["command"]](request)
                except GeoscopeError as error:
                    reply = {"error": str(error)}
                await stream.send(json.dumps(reply).encode())

    async with await anyio.create_unix_listener(path, mode=0o600) as listener:
        await listener.serve(answer)


def send(folder: Path, command: str, *, timeout_s: float = 60.0, **details: str) -> None:
    """Send a command to the platform that runs on a folder, and wait for its answer.

    Raises
    ------
    SetupError
        If nothing runs there.
    NotFoundError
        If the platform says that the command cannot be done.
    UnavailableError
        If it does not answer in time.
    """
    if not is_locked(folder):
        raise SetupError(f"Nothing runs on {folder}.", "Start the platform with `geoscope up`.")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(socket_folder(folder) / CONTROL_SOCKET))
            client.sendall(json.dumps({"command": command} | details).encode())
            reply = json.loads(client.recv(LONGEST_MESSAGE_BYTES) or b"{}")
        except OSError as error:
            raise UnavailableError(f"The platform on {folder} does not answer: {error}.") from error
    if "error" in reply:
        raise NotFoundError(reply["error"])
