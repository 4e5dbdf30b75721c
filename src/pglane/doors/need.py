"""What a request needs of a server connection, and whether one that is free is that."""

from pglane.connection.settings import Vector, fits_without_reset
from pglane.pool.ledger import Slot
from pglane.scheduler.request import Offer, Request


class Need:
    """What a request needs of a server connection, besides the role.

    Attributes:
        startup: the settings its client began with.
        base: settings the connection must be opened with.
        exact: it must have been opened with exactly `base` (session door).
        fresh: it must be opened for this request alone (direct door).
        holds: the session state that its client has now. A connection that has it too needs no
            preparation, and comes first.
        last: the slot it was given last, remembered only where leases rotate.
    """

    __slots__ = ("base", "exact", "fresh", "holds", "last", "startup")

    def __init__(self, startup: Vector, base: Vector, exact: bool, fresh: bool) -> None:
        self.startup = startup
        self.base = base
        self.exact = exact
        self.fresh = fresh
        self.holds: object = startup
        self.last: Slot | None = None

    def accepts(self, base: object) -> bool:
        """Whether a pooled connection that was opened with `base` will do."""
        if self.fresh:
            return False
        if base is self.base:
            return True
        return (
            not self.exact and isinstance(base, Vector) and fits_without_reset(base, self.startup)
        )


class SlotOffer(Offer):
    """A slot whose server connection is free; a desk has one offer at a time, and one object.

    Attributes:
        slot: the one that is offered.
        anew: leases rotate: it is not for whom it was the last one, if others can be had.
        has_room: others can be opened.
    """

    __slots__ = ("anew", "has_room", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.anew = False
        self.has_room = False

    def fits(self, request: Request) -> bool:
        """Whether role and settings are what the request needs."""
        need: Need = request.need  # type: ignore[assignment]
        if self.anew and need.last is self.slot and (self.has_room or request.claimed):
            return False
        return request.user == self.slot.user and need.accepts(self.slot.base)
