"""What one lane counts: plain numbers, written where things happen, read as a snapshot.

Times fall into buckets of doubling width from one microsecond up: the buckets of two
lanes or two moments can be added and subtracted, and 32 of them reach beyond an hour.

Compiled, numbers that are many stand in arrays: to count makes no object, and who reads one from
outside gets a list of his own.
"""

from pglane.scheduler.reasons import REASONS, REFUSALS

BUCKETS = 33
_BUCKETS: int = BUCKETS
VIOLATIONS = ("held_too_long", "opening", "suspended")
"""Why a promise was broken: a lease outlasted what is enforced (a server process that does not
end, a lock), a server connection had to be opened first, or there are fewer than promised (fewer
than all lanes reserve, or not all of them back yet after a change)."""


class Counters:
    """Only ever growing numbers of a lane, but for the maxima.

    Attributes:
        grants: leases given.
        waits: those that waited, by bucket: number n holds waits below 2**n microseconds.
        wait_s: sum of all waits that ended in a lease.
        wait_s_max: the longest of them.
        service_s: places in use times seconds.
        backlogged_s: seconds in which somebody waited.
        backlogged_service_s: places in use times seconds, while somebody waited.
        borrowed_s: seconds of its leases on places that were reserved for others.
        lent_s: seconds of others' leases on places that were reserved for it.
        recalls: leases that were asked to end because their place was needed.
        give_back_s: sum of the time from asking until the place was free.
        give_back_s_max: the longest of them.
        give_backs: by bucket, as `waits`.
        reasons: arrivals that had to wait, by `reasons.REASONS`.
        refused: by `reasons.REFUSALS`.
        violations: waits beyond the promised bound, by `VIOLATIONS`.
    """

    __slots__ = (
        "backlogged_s", "backlogged_service_s", "borrowed_s", "give_back_s", "give_back_s_max",
        "give_backs", "grants", "lent_s", "reasons", "recalls", "refused", "service_s",
        "violations", "wait_s", "wait_s_max", "waits",
    )  # fmt: skip

    def __init__(self) -> None:
        self.grants = 0
        self.waits = zeros(BUCKETS)
        self.wait_s = 0.0
        self.wait_s_max = 0.0
        self.service_s = 0.0
        self.backlogged_s = 0.0
        self.backlogged_service_s = 0.0
        self.borrowed_s = 0.0
        self.lent_s = 0.0
        self.recalls = 0
        self.give_back_s = 0.0
        self.give_back_s_max = 0.0
        self.give_backs = zeros(BUCKETS)
        self.reasons = zeros(len(REASONS))
        self.refused = zeros(len(REFUSALS))
        self.violations = zeros(len(VIOLATIONS))

    def waited(self, wait_s: float) -> int:
        """A wait ended in a lease; the bucket of it."""
        bucket = _bucket(wait_s)
        self.waits[bucket] += 1
        self.wait_s += wait_s
        if wait_s > self.wait_s_max:
            self.wait_s_max = wait_s
        return bucket

    def given_back(self, took_s: float) -> None:
        """A place that was asked for is free."""
        self.give_backs[_bucket(took_s)] += 1
        self.give_back_s += took_s
        if took_s > self.give_back_s_max:
            self.give_back_s_max = took_s


def zeros(count: int) -> list[int]:
    """Compiled, a list of another length than the array of the `.pxd` has is refused."""
    return [0] * count


def _bucket(seconds: float) -> int:
    """The number of the bucket that a time falls into."""
    left_us = seconds * 1e6
    bucket = 0
    while left_us >= 1.0 and bucket < _BUCKETS - 1:
        left_us *= 0.5  # exact, as shifting would be, and no number is made
        bucket += 1
    return bucket
