"""Does a curve grow? Robustly: single peaks and steps at the beginning do not count.

Theil-Sen: the median of the slopes between all pairs of points, judged over the later part of a
process's life, when caches have filled. It is a leak when the growth that it means for that time
is more than a curve may wander, and most pairs rise. Rejected: least squares (a few peaks of load
turn it), first against last value (chance).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

WARM_UP = 0.3
"""Part of a process's life that is not judged: caches fill."""
JUDGED_S_MIN = 300.0
POINTS_MIN = 20
MEMORY_GROWTH_MAX = 4 << 20
"""Bytes that resident memory may seem to grow over the judged time."""
DESCRIPTORS_GROWTH_MAX = 4
RISING_MIN = 0.6
"""Part of the pairs that rise where something grows all the time."""


@dataclass(frozen=True)
class Trend:
    """What a curve does.

    Attributes:
        growth: the median slope times the judged time, in the curve's unit.
        rising: part of the pairs of points of which the later is higher.
        judged_s: for how long it was looked at; 0: too short to say anything.
    """

    growth: float
    rising: float
    judged_s: float

    def is_leak(self, growth_max: float) -> bool:
        return self.growth > growth_max and self.rising >= RISING_MIN


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """Of one process's curve: (seconds, value), in order."""
    if not points:
        return Trend(0.0, 0.0, 0.0)
    begin, end = points[0][0], points[-1][0]
    start = begin + (end - begin) * WARM_UP
    judged = [point for point in points if point[0] >= start]
    length_s = end - start
    if length_s < JUDGED_S_MIN or len(judged) < POINTS_MIN:
        return Trend(0.0, 0.0, 0.0)
    pairs = [
        ((later - earlier) / (then - now), later > earlier)
        for (now, earlier), (then, later) in itertools.combinations(judged, 2)
        if then > now
    ]
    slope = median(slope for slope, _ in pairs)
    return Trend(slope * length_s, sum(rises for _, rises in pairs) / len(pairs), length_s)
