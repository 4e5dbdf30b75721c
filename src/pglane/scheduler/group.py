"""What lanes share: a budget, or a door's part of it, as a handful of numbers.

The rules of reservations need no list of server connections and no list of lanes. Four sums say
all; they are kept up to date where a lane takes or returns a place, and a decision reads them:

    busy       places in use
    reserved   sum of the lanes' reservations
    guarded    unused reservations that must stay free: sum of min(guard, reserve - busy)
    unbounded  places beyond reservations that sit with lanes whose leases have no enforced end

A lane may have one more place *beyond its reservation*, or one back that it lent, if what is
guarded stays free (rule R3), and, where its leases have no enforced end, if those never sit on
what was reserved (rule R4). Then all that others hold of a reservation comes back within one
borrowed lease, which is what the bound on waiting rests on.
"""

from pglane.scheduler.heap import Heap


class Group:
    """A budget or a door.

    Attributes:
        name: of the door; "" for the budget.
        limit: places there are.
        parent: the group that this one is a part of.
        unmet: lanes that wait and have less than their reservation, oldest request first.
        sharing: lanes that wait and may borrow, least served first.
        strict: lanes that wait and may not borrow, least served first.
        standing: how many lanes are in these three.
    """

    __slots__ = (
        "busy", "excess", "guarded", "limit", "name", "parent", "reserved", "sharing", "standing",
        "strict", "unbounded", "unmet",
    )  # fmt: skip

    def __init__(self, name: str, limit: int, parent: "Group | None") -> None:
        self.name = name
        self.limit = limit
        self.parent = parent
        self.unmet = Heap()
        self.sharing = Heap()
        self.strict = Heap()
        self.standing = 0
        self.busy = 0
        self.reserved = 0
        self.guarded = 0
        self.excess = 0
        self.unbounded = 0

    def forget(self) -> None:
        """All sums begin anew: reservations are about to be counted again."""
        self.busy = 0
        self.reserved = 0
        self.guarded = 0
        self.excess = 0
        self.unbounded = 0

    def has_place(self) -> bool:
        """Whether any place is free."""
        return self.busy < self.limit

    def may_share(self) -> bool:
        """Whether one more beyond reservations leaves free what is guarded."""
        return self.busy + self.guarded < self.limit

    def may_hold(self) -> bool:
        """Whether one more without an enforced end stays off what is reserved."""
        return self.unbounded < self.limit - self.reserved

    def on_loan(self) -> int:
        """Places in use beyond reservations for which there is no room outside of them."""
        return max(self.excess - max(self.limit - self.reserved, 0), 0)
