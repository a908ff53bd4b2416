"""How each backend did lately, and whether it is worth asking now."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

# After so many failures, one after the other, a backend is left alone; each further one doubles the time.
FAILURES_BEFORE_PAUSE = 3
FIRST_PAUSE_S = 15.0
LONGEST_PAUSE_S = 600.0


@dataclass
class Health:
    """What is known of one backend; all times of day are in UTC."""

    last_answer: datetime | None = None
    latency_s: float | None = None
    failures: int = 0
    answers: int = 0
    message: str = ""
    _paused_until_s: float = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether it failed so often that it is left alone for a while."""
        return time.monotonic() < self._paused_until_s

    @property
    def pause_s(self) -> float:
        """For how long it is still left alone."""
        return max(0.0, self._paused_until_s - time.monotonic())

    def answered(self, latency_s: float) -> None:
        """Note that it has answered."""
        self.last_answer = datetime.now(UTC)
        self.latency_s = latency_s
        self.answers += 1
        self.failures = 0
        self.message = ""
        self._paused_until_s = 0.0

    def failed(self, message: str) -> None:
        """Note that it has not answered as it should."""
        self.failures += 1
        self.message = message
        beyond = self.failures - FAILURES_BEFORE_PAUSE
        if beyond >= 0:
            pause_s = min(FIRST_PAUSE_S * 2 ** min(beyond, 10), LONGEST_PAUSE_S)
            self._paused_until_s = time.monotonic() + pause_s
