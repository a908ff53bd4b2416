"""Timing: the candidates take turns, so that a drift of the machine meets all of them alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long one candidate took, in milliseconds."""

    name: str
    samples_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.samples_ms)

    @property
    def spread_ms(self) -> tuple[float, float]:
        """The 10th and the 90th percentile."""
        deciles = statistics.quantiles(self.samples_ms, n=10, method="inclusive")
        return deciles[0], deciles[-1]

    def row(self, baseline: "Timing | None" = None) -> str:
        low, high = self.spread_ms
        ratio = f"{self.median_ms / baseline.median_ms:.2f}" if baseline else ""
        return f"| {self.name} | {self.median_ms:.1f} | {low:.1f} to {high:.1f} | {ratio} |"


def take_turns(candidates: dict[str, Callable[[], object]], rounds: int, warm_up: int = 3) -> list[Timing]:
    """Time each candidate once a round, in turn, after some rounds that do not count."""
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(-warm_up, rounds):
        for name, run in candidates.items():
            started = time.perf_counter()
            run()
            if number >= 0:
                samples[name].append((time.perf_counter() - started) * 1000)
    return [Timing(name, tuple(taken)) for name, taken in samples.items()]


def table(timings: list[Timing], against: str) -> str:
    """Return a Markdown table; the last column is the ratio to one of the candidates."""
    baseline = next(timing for timing in timings if timing.name == against)
    head = f"| | median, ms | 10 to 90 %, ms | ratio to {against} |\n| --- | ---: | ---: | ---: |"
    return "\n".join([head, *(timing.row(baseline) for timing in timings)])
