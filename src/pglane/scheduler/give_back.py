"""Taking back what was lent: which leases are asked to end, and when.

Nothing is taken while nobody needs it. A borrowed lease that outlasts what its lender allows
(`borrow_hold_s`) runs on until a request of the lender waits; so does one that is older than its
own lane's `hold_s_max`. Then as many are asked as are needed and have not been asked: first
clients that think inside a transaction, then those that only read, then the youngest, which lose
least.
One whose COMMIT is on its way is never asked: what is in doubt is worse than what is late.

A lease that was asked still has its place: a cancel does not end a statement at once, and a server
connection counts until its backend is gone. `bounds.GIVE_BACK_S` covers that time.
"""

from collections.abc import Iterable

from pglane.scheduler.lane import UNMET, Lane
from pglane.scheduler.request import Lease, Request

_NEVER = float("inf")


class Recalls:
    """Leases that were asked to end and have not, `pending` in number."""

    def __init__(self) -> None:
        self.pending = 0

    def ended(self, lease: Lease) -> None:
        """It gave its place back, or its server connection is gone."""
        lease.recalled = -1.0
        self.pending -= 1

    def ask(
        self, lanes: Iterable[Lane], waiting: int, over: int, now: float
    ) -> tuple[list[Lease], float]:
        """Which leases are to end now, and when to ask again; `over`: more than there may be."""
        known = list(lanes)
        if not waiting:
            return [], min(map(_first_end, known), default=_NEVER)
        asked, due = self._outstayed(known, now)
        owed = sum(_owed(lane) for lane in known)
        needed = owed + over - self.pending if owed else 0
        lent, later = _lent(known, needed, now)
        for lease in lent:
            self._note(lease, now)
        return asked + lent, min(due, later)

    def _outstayed(self, lanes: list[Lane], now: float) -> tuple[list[Lease], float]:
        """Leases that are older than their own lane allows."""
        asked: list[Lease] = []
        due = _NEVER
        for lane in lanes:
            if not lane.hold_s_max:
                continue
            for lease in lane.holders:
                ends = lease.since + lane.hold_s_max
                if ends > now:
                    due = min(due, ends)
                    break
                if _can_end(lease):
                    self._note(lease, now)
                    asked.append(lease)
        return asked, due

    def _note(self, lease: Lease, now: float) -> None:
        lease.recalled = now
        self.pending += 1
        lane: Lane = lease.lane  # type: ignore[assignment]
        lane.counters.recalls += 1


def _can_end(lease: Lease) -> bool:
    """Whether it may be asked: not twice, not in its COMMIT, and not before it has begun."""
    if lease.recalled >= 0.0 or lease.committing:
        return False
    return not (isinstance(lease, Request) and lease.claimed)


def _first_end(lane: Lane) -> float:
    """When the first of its leases becomes older than it allows; perhaps it is already."""
    for lease in lane.holders:
        if lane.hold_s_max and _can_end(lease):
            return lease.since + lane.hold_s_max
    return _NEVER


def _owed(lane: Lane) -> int:
    """Places that a lane waits for, has lent, and wants back within a time."""
    if lane.place != UNMET or not lane.policy.borrow_hold_s:
        return 0
    return min(lane.waiting, lane.reserve - lane.busy)


def _lent(lanes: list[Lane], needed: int, now: float) -> tuple[list[Lease], float]:
    """The best of those that are old enough, and when the next one is."""
    if needed <= 0:
        return [], _NEVER
    hold_s = min(lane.policy.borrow_hold_s for lane in lanes if _owed(lane))
    ripe: list[Lease] = []
    due = _NEVER
    for lane in lanes:
        if not lane.borrows or lane.busy <= lane.reserve:
            continue
        able: list[Lease] = []
        for lease in lane.holders:
            if lease.since + hold_s > now:
                due = min(due, lease.since + hold_s)
                break
            if _can_end(lease):
                able.append(lease)
        ripe += sorted(able, key=_loss)[: lane.busy - lane.reserve]
    chosen = sorted(ripe, key=_loss)[:needed]
    return chosen, due if len(chosen) < needed else _NEVER


def _loss(lease: Lease) -> tuple[bool, bool, float]:
    """What ending it costs: least first."""
    return (not lease.idle, not lease.reads_only, -lease.since)
