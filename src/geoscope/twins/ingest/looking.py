"""Finding out what sources hold, several at once."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from geoscope.settings import Settings
from geoscope.twins.ingest.answers import Source
from geoscope.twins.ingest.decoders import Decoder, index
from geoscope.twins.ingest.findings import Findings

POLL_S = 0.2


def look_at(
    settings: Settings,
    sources: Sequence[Source],
    decoders: int,
    report: Callable[[int, int], None] | None = None,
) -> Findings:
    """Find out what sources hold.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    sources : sequence of Source
        Files and groups.
    decoders : int
        How many processes work at once.
    report : callable, optional
        Told how many sources were looked at, and how many there are.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    looker = _Looker(settings, sources)
    threads = [threading.Thread(target=looker.work) for _ in range(min(decoders, len(sources)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(POLL_S)
                if report is not None:
                    report(looker.done, len(sources))
    except BaseException as error:
        looker.problem = error  # nobody waits any more, as when the job was dismissed
        for thread in threads:
            thread.join()
        raise
    if looker.problem is not None:
        raise looker.problem
    return looker.findings


class _Looker:
    """What the threads share."""

    def __init__(self, settings: Settings, sources: Sequence[Source]) -> None:
        self.findings = Findings()
        self.done = 0
        self.problem: BaseException | None = None
        self._settings = settings
        self._takers = [self.findings.add_source(source) for source in sources]
        self._waiting = queue.SimpleQueue[int]()
        for number in range(len(sources)):
            self._waiting.put(number)
        self._lock = threading.Lock()

    def given_up(self) -> bool:
        """Tell whether nobody waits for the findings any more."""
        return self.problem is not None

    def work(self) -> None:
        """Look at source after source, until none is left or something is wrong."""
        try:
            with ExitStack() as stack:
                decoders: dict[str, Decoder] = {}
                while not self.given_up():
                    number = self._waiting.get_nowait()
                    source = self.findings.sources[number]
                    if source.family not in decoders:
                        decoders[source.family] = stack.enter_context(Decoder(self._settings, source.family))
                    for answer in index(decoders[source.family], source):
                        if self.given_up():
                            return
                        with self._lock:
                            self._takers[number].take(answer)
                    with self._lock:
                        self.done += 1
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001 (told to the thread that waits)
            self.problem = error
