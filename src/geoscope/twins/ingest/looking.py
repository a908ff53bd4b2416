"""Finding out what sources hold, several at once."""

import queue
import threading
from collections.abc import Callable, Sequence

from geoscope.twins.ingest.answers import Source
from geoscope.twins.ingest.decoders import DecoderPool, index
from geoscope.twins.ingest.findings import Findings

POLL_S = 0.2


def look_at(
    decoders: DecoderPool, sources: Sequence[Source], report: Callable[[int, int], None] | None = None
) -> Findings:
    """Find out what sources hold.

    Parameters
    ----------
    decoders : DecoderPool
        The processes that read them.
    sources : sequence of Source
        Files and groups.
    report : callable, optional
        Told how many sources were looked at, and how many there are.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    looker = _Looker(decoders, sources)
    threads = [
        threading.Thread(target=looker.work, args=(number,))
        for number in range(min(decoders.size, len(sources)))
    ]
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

    def __init__(self, decoders: DecoderPool, sources: Sequence[Source]) -> None:
        self.findings = Findings()
        self.done = 0
        self.problem: BaseException | None = None
        self._decoders = decoders
        self._takers = [self.findings.add_source(source) for source in sources]
        self._waiting = queue.SimpleQueue[int]()
        for number in range(len(sources)):
            self._waiting.put(number)
        self._lock = threading.Lock()

    def given_up(self) -> bool:
        """Tell whether nobody waits for the findings any more."""
        return self.problem is not None

    def work(self, thread: int) -> None:
        """Look at source after source, until none is left or something is wrong."""
        try:
            while not self.given_up():
                number = self._waiting.get_nowait()
                source = self.findings.sources[number]
                for answer in index(self._decoders.decoder(source.family, thread), source):
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
