"""From samples to figures: what one stream met in one run, and what a contender did over runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from pglane.lab.traffic import SERVED, UNANSWERED, Sample, Stream

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Tally:
    """One stream in one run.

    Attributes:
        asked: requests that count: asked after the warm-up, before the end.
        served: those that were answered.
        refused: those that were refused, by SQLSTATE.
        unanswered: those that still waited at the end.
        per_s: answers a second between the warm-up and the end, whenever they were asked for.
        waits_s: in order: of all that were served, and of those that had waited longer than any of
            them when the run ended.
        longest_open: the longest wait had not ended when the run did.
        samples: all of them, for plots.
    """

    kind: str
    asked: int
    served: int
    refused: dict[str, int]
    unanswered: int
    per_s: float
    waits_s: tuple[float, ...]
    longest_open: bool
    samples: tuple[Sample, ...] = ()

    @property
    def served_share(self) -> float:
        """1.0 when everybody who asked was answered."""
        return self.served / self.asked if self.asked else 0.0

    def wait_s(self, part: float) -> float:
        """This part of the requests waited no longer; `NEVER` when none was answered."""
        if not self.served:
            return NEVER
        return self.waits_s[min(len(self.waits_s) - 1, int(part * len(self.waits_s)))]


def tally(stream: Stream, samples: Iterable[Sample], warm_s: float, until_s: float) -> Tally:
    """What counts of a stream's samples: those asked between the two moments."""
    every = list(samples)
    answers = sum(
        one.outcome == SERVED and warm_s <= one.asked_s + one.wait_s + stream.work_s < until_s
        for one in every
    )
    counted = [one for one in every if warm_s <= one.asked_s < until_s or stream.once]
    served = sorted(one.wait_s for one in counted if one.outcome == SERVED)
    open_s = sorted(one.wait_s for one in counted if one.outcome == UNANSWERED)
    longest = served[-1] if served else 0.0
    outlasting = [wait for wait in open_s if wait > longest]
    refused = Counter(one.outcome for one in counted if one.outcome not in {SERVED, UNANSWERED})
    return Tally(
        kind=stream.kind,
        asked=len(counted),
        served=len(served),
        refused=dict(refused),
        unanswered=len(open_s),
        per_s=answers / (until_s - warm_s),
        waits_s=tuple(served + outlasting),
        longest_open=bool(outlasting),
        samples=tuple(counted),
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and what it lies between."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Of one figure over the rounds."""
    return Spread(median(values), min(values), max(values))


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1.0 when all got the same, 1/n when one got everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0
