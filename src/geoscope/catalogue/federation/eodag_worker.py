"""eodag's own process: requests come in as lines of JSON, answers go out as lines of JSON.

`python -m geoscope.catalogue.federation.eodag_worker FOLDER`, which `eodag_process` starts when it is first
needed. Credentials come in with the requests, and go into no message, log, file or list of processes.
"""

import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from geoscope.catalogue.federation.private_networks import NameGuard, hosts_in

if TYPE_CHECKING:
    from geoscope.catalogue.federation.eodag_gateway import ProviderGateway

THREADS = 16
MAX_GATEWAYS = 32
MAX_MESSAGE_CHARACTERS = 300

# Work of a gateway that signs in wherever it can.
DELIVERIES = ("order", "poll", "download")

_log = logging.getLogger(__name__)

type Json = dict[str, Any]


class Worker:
    """Answers requests, each in a thread of its own."""

    def __init__(self, folder: Path, answers: IO[bytes]) -> None:
        self._folder = folder
        self._answers = answers
        self._writing = threading.Lock()
        self._making = threading.Lock()
        self._stopped: set[int] = set()
        self._guard = NameGuard()
        self._guard.install()
        self._gateways: OrderedDict[bytes, ProviderGateway] = OrderedDict()

    def serve(self, requests: IO[bytes]) -> None:
        """Answer requests until there are no more."""
        with ThreadPoolExecutor(THREADS) as threads:
            # Importing eodag takes seconds: the first request finds it done, or waits for it.
            threads.submit(_import_eodag)
            for line in requests:
                request = orjson.loads(line)
                if "stop" in request:
                    self._stopped.add(request["stop"])
                else:
                    threads.submit(self._answer, request)

    def _answer(self, request: Json) -> None:
        number = request["number"]
        try:
            gateway = self._gateway(request)
            work: Callable[..., Json] = getattr(gateway, request["work"])
            more: tuple[Any, ...] = ()
            if request["work"] == "download":
                more = (partial(self._tell, number),)
            answer = {"number": number, "result": work(request["asked"], *more)}
        except Exception as error:  # noqa: BLE001 (whatever goes wrong is told to who has asked)
            kind = getattr(error, "kind", "failed")
            answer = {"number": number, "error": [kind, _without_secrets(str(error), request)]}
        self._write(answer)

    def _tell(self, number: int, done: int, whole: int | None) -> None:
        """Tell how far a download is; end it if nobody wants it any more."""
        if number in self._stopped:
            self._stopped.discard(number)
            raise InterruptedError("It was stopped.")
        self._write({"number": number, "progress": [done, whole]})

    def _gateway(self, request: Json) -> "ProviderGateway":
        from geoscope.catalogue.federation.eodag_gateway import ProviderGateway  # noqa: PLC0415 (takes seconds)

        asked = [request["provider"], request["definition"], request["credentials"]]
        delivers = request["work"] in DELIVERIES
        key = orjson.dumps([*asked, delivers], option=orjson.OPT_SORT_KEYS)
        with self._making:
            if key not in self._gateways:
                # What the operator wrote may be private; what a provider answers may not lead there.
                self._guard.allow(hosts_in(orjson.dumps(request["definition"]).decode()))
                self._gateways[key] = ProviderGateway(self._folder, *asked, delivers=delivers)
            self._gateways.move_to_end(key)
            while len(self._gateways) > MAX_GATEWAYS:
                self._gateways.popitem(last=False)
            return self._gateways[key]

    def _write(self, answer: Json) -> None:
        try:
            line = orjson.dumps(answer, default=str)
        except TypeError as error:
            line = orjson.dumps({"number": answer["number"], "error": ["failed", f"No JSON: {error}"]})
        with self._writing:
            self._answers.write(line + b"\n")
            self._answers.flush()


def _import_eodag() -> None:
    from geoscope.catalogue.federation import eodag_gateway  # noqa: PLC0415 (takes seconds)

    _log.debug("%s is there", eodag_gateway.__name__)


def _without_secrets(message: str, request: Json) -> str:
    for secret in request["credentials"].values():
        if len(secret) > 2:
            message = message.replace(secret, "***")
    # An address may hold a key among its parameters.
    words = (word.partition("?")[0] if "://" in word else word for word in message.split())
    return " ".join(words)[:MAX_MESSAGE_CHARACTERS]


def main() -> None:
    """Run the process."""
    folder = Path(sys.argv[1])
    # Whatever a library prints goes to the log, and not between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # What goes wrong is told to who has asked; eodag's own log holds whole addresses, keys among them.
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("eodag").setLevel(logging.CRITICAL + 1)
    os.environ |= {"EODAG_CFG_DIR": str(folder), "EODAG_EXT_COLLECTIONS_CFG_URI": ""}
    Worker(folder, answers).serve(sys.stdin.buffer)


if __name__ == "__main__":
    main()
