"""Whether a lane is overloaded, and how many of it may wait while it is.

**The signal** is how long requests wait, and nothing else: not the load of a processor, not how
long statements take. Both move for other reasons, and a queue that empties is no overload however
busy the database is. DAGOR (Zhou et al., SoCC 2018) goes by the average queueing time of a second,
CoDel (Nichols and Jacobson, 2012) by the smallest one of an interval. This is CoDel's form: the
oldest request has been older than `after_s` at every look for a whole `INTERVAL_S`. An average
says that of a burst, too, which would have been served within a blink; and a queue that was short
once in a second is one that the database can keep up with.

**The answer** is a bound on what waits, in time: as many may wait as the lane was granted in
`after_s` at its pace of the last second, and never fewer than it has places. So refusing cannot
make a server connection idle. Who is refused is `shedding`'s to say. CoDel drops the oldest, more
often as time goes on; here the newest are refused, for those are told at once and can go
elsewhere, and the oldest have paid already.

It is over when nothing was too much for an interval. Were it over as soon as the wait is short,
the queue would grow for an interval again and again, and those in it would wait in vain.

**Off by default.** A queue that is long and served is no error, and how long is too long only
those know who wait: clients that give up after half a second need 100 ms here, a nightly job needs
nothing. What it prevents is told in docs/explanation/overload.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pglane.scheduler.lane import Lane

INTERVAL_S = 1.0
"""How long a wait must be too long before anybody is refused for it; DAGOR's window."""
_NEVER = float("inf")


class Overload:
    """What is known of one lane.

    Attributes:
        after_s: a wait beyond it is too long.
        above_since: from when on the oldest was too old at every look; infinite: it is not.
        until: it counts as overloaded up to then.
        pace: leases a second, as measured last.
    """

    __slots__ = ("_grants", "_measured", "above_since", "after_s", "pace", "until")

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self.above_since = _NEVER
        self.until = 0.0
        self.pace = 0.0
        self._grants = 0
        self._measured = 0.0

    def forget(self) -> None:
        """Nobody is granted anything at present, for a reason that is no overload."""
        self.above_since = _NEVER
        self.until = 0.0

    def excess(self, lane: "Lane", places: float, now: float) -> int:
        """How many more wait than may; 0: the lane is not overloaded.

        Args:
            lane: one whose requests wait; asked at each arrival.
            places: what it can have.
            now: seconds of the worker's clock.
        """
        if now - _oldest_since(lane, now) <= self.after_s:
            self.above_since = _NEVER
        elif self.above_since == _NEVER:
            self.above_since = now
            if now >= self.until:
                self._mark(lane, now)
        if now - self._measured >= INTERVAL_S:
            self.pace = (lane.counters.grants - self._grants) / (now - self._measured)
            self._mark(lane, now)
        if now - self.above_since >= INTERVAL_S:
            self.until = now + INTERVAL_S
        if now >= self.until:
            return 0
        excess = lane.waiting - int(max(places, self.pace * self.after_s))
        if excess <= 0:
            return 0
        self.until = now + INTERVAL_S
        return excess

    def _mark(self, lane: "Lane", now: float) -> None:
        self._measured = now
        self._grants = lane.counters.grants


def _oldest_since(lane: "Lane", now: float) -> float:
    """Since when the oldest waits that has nothing coming."""
    oldest = lane.arrivals.first
    while oldest is not None and oldest.claimed:
        oldest = oldest.newer
    return now if oldest is None else oldest.arrived
