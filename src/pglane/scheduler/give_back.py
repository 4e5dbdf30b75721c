"""Taking back what was lent: which leases are asked to end, and when.

Nothing is taken while nobody needs it. A borrowed lease that outlasts what its lender allows
(`borrow_hold_s`) runs on until a request of the lender waits; so does one that is older than its
own lane's `hold_s_max`. Then as many are asked as are needed and have not been asked: first
clients that think inside a transaction, then those that only read, then the youngest, which lose
least.
One whose COMMIT is on its way is never asked: what is in doubt is worse than what is late.

*Needed* is what it takes until the lender may have its places: also what must be free for others
before (places that are guarded may not be there yet), and what lanes get that are owed a place and
came earlier. Where its door is full, only leases of that door are of use. All are asked at once:
one after the other, each would take its own time to end.

A lease that was asked still has its place: a cancel does not end a statement at once, and a server
connection counts until its backend is gone. `policy.GIVE_BACK_S` covers that time.
"""

from collections.abc import Iterable

from pglane.scheduler.group import Group
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
        self, lanes: Iterable[Lane], groups: Iterable[Group], waiting: int, now: float
    ) -> tuple[list[Lease], float]:
        """Which leases are to end now, and when to ask again; `groups`: budget and doors."""
        known = list(lanes)
        if not waiting:
            return [], min(map(_first_end, known), default=_NEVER)
        asked, due = self._outstayed(known, now)
        # What a door gives back is the budget's, too.
        for group in sorted(groups, key=lambda group: group.parent is None):
            inside = [lane for lane in known if lane.group is group or group.parent is None]
            lent, later = self._lent(group, inside, now)
            asked += lent
            due = min(due, later)
        return asked, due

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

    def _lent(self, group: Group, lanes: list[Lane], now: float) -> tuple[list[Lease], float]:
        """The best of those that are old enough, and when the next one is."""
        lenders = [lane for lane in lanes if lane.takes_back and _owed(lane)]
        needed = _needed(group, lanes, lenders)
        if needed <= 0:
            return [], _NEVER
        hold_s = min(lane.policy.borrow_hold_s for lane in lenders)
        ripe, due = _ripe(lanes, hold_s, now)
        chosen = sorted(ripe, key=_loss)[:needed]
        for lease in chosen:
            self._note(lease, now)
        return chosen, due if len(chosen) < needed else _NEVER

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
    """Places that a lane waits for within its reservation."""
    return min(lane.waiting, lane.reserve - lane.busy) if lane.place == UNMET else 0


def _needed(group: Group, lanes: list[Lane], lenders: list[Lane]) -> int:
    """Places that must still be asked for until these lenders have what they wait for."""
    if not lenders:
        return 0
    latest = max(lane.arrivals.last.arrived for lane in lenders)  # type: ignore[union-attr]
    places = group.busy + group.guarded - group.limit
    for lane in lanes:
        owed = _owed(lane)
        if owed and (lane in lenders or lane.key <= latest):
            missing = lane.reserve - lane.busy
            from_guarded = min(lane.kept_free, missing) - min(lane.kept_free, missing - owed)
            places += owed - from_guarded
        places -= min(_asked(lane), _beyond(lane))
    return places


def _asked(lane: Lane) -> int:
    """Its leases that were asked to end and have not."""
    return sum(lease.recalled >= 0.0 and not lease.golden for lease in lane.holders)


def _beyond(lane: Lane) -> int:
    """What it has beyond its reservation: who has less takes back what ends."""
    return max(lane.busy - lane.reserve, 0)


def _ripe(lanes: list[Lane], hold_s: float, now: float) -> tuple[list[Lease], float]:
    """Borrowed leases that have had their time, and when the next one has."""
    ripe: list[Lease] = []
    due = _NEVER
    for lane in lanes:
        left = _beyond(lane) - _asked(lane)
        if not lane.borrows or left <= 0:
            continue
        able: list[Lease] = []
        for lease in lane.holders:
            if lease.since + hold_s > now:
                due = min(due, lease.since + hold_s)
                break
            if _can_end(lease) and not lease.golden:
                able.append(lease)
        ripe += sorted(able, key=_loss)[:left]
    return ripe, due


def _loss(lease: Lease) -> tuple[bool, bool, float]:
    """What ending it costs: least first."""
    return (not lease.idle, not lease.reads_only, -lease.since)
