"""A tenant: those inside a lane who share one turn.

Tenants of a lane take turns. A key counts turns: whoever gets one goes one turn behind the
others, so nobody can have two while another who waits has none; that is what bounds the wait of
a quiet tenant by (its own place in line) x (active tenants), however many clients a loud one has.
Leases much longer than usual cost turns that were not taken yet (`fine`): a tenant of slow
transactions is not to get a hundred times the time. Shorter ones earn nothing, or the bound would
be lost; and a debt is limited, or one lease that hung would shut a tenant out.
"""

from pglane.scheduler.counters import BUCKETS, zeros
from pglane.scheduler.heap import Node
from pglane.scheduler.reasons import REFUSALS
from pglane.scheduler.request import Line

FINE_TURNS_MAX = 16.0
_FINE_TURNS_MAX: float = FINE_TURNS_MAX


class Tenant(Node):
    """Its key is the turn from which on it may be served next.

    Attributes:
        name: what its clients call themselves.
        lane: `lane.Lane`.
        line: its requests that wait and have nothing coming, oldest first.
        waiting: how many they are.
        busy: places it has.
        members: clients that belong to it.
        grants: leases it got.
        refused: requests of it that were refused, by `reasons.REFUSALS`.
        waits: those that waited and got a lease, by bucket as in `counters.Counters`.
        wait_s: sum of these waits.
        wait_s_max: its longest wait that ended in a lease.
        held_s: sum of the time of its leases that ended.
    """

    __slots__ = (
        "busy", "grants", "held_s", "lane", "line", "members", "name", "refused", "wait_s",
        "wait_s_max", "waiting", "waits",
    )  # fmt: skip

    def __init__(self, name: str, lane: object) -> None:
        super().__init__()
        self.name = name
        self.lane = lane
        self.line = Line()
        self.waiting = 0
        self.busy = 0
        self.members = 0
        self.grants = 0
        self.refused = zeros(len(REFUSALS))
        self.waits = zeros(BUCKETS)
        self.wait_s = 0.0
        self.wait_s_max = 0.0
        self.held_s = 0.0

    def waited(self, wait_s: float, bucket: int) -> None:
        """A wait of it ended in a lease."""
        self.waits[bucket] += 1
        self.wait_s += wait_s
        if wait_s > self.wait_s_max:
            self.wait_s_max = wait_s

    def is_idle(self) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return self.members == 0 and self.busy == 0 and self.waiting == 0

    def fine(self, held_s: float, usual_s: float, turn: float) -> bool:
        """Turns for a lease that was longer than usual; whether its key changed."""
        turns = held_s / usual_s - 1.0
        if turns <= 0.0:
            return False
        if turns > _FINE_TURNS_MAX:
            turns = _FINE_TURNS_MAX
        key = self.key if self.key > turn else turn
        key += turns
        if key > turn + 1.0 + _FINE_TURNS_MAX:
            key = turn + 1.0 + _FINE_TURNS_MAX
        if key <= self.key:
            return False
        self.key = key
        return True
