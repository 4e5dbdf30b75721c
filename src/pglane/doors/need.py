"""What a request needs of a server connection, and whether one that is free is that."""

from pglane.connection.settings import Vector, fits_without_reset
from pglane.pool.ledger import CLOSING, Ledger, Slot
from pglane.scheduler.request import Offer, Request

_CLOSING: int = CLOSING  # compiled, that is a C integer that Python code cannot see


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
        self._set_up(startup, base, exact, fresh)

    def _set_up(self, startup: Vector, base: Vector, exact: bool, fresh: bool) -> None:
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


def need_of(startup: Vector, base: Vector, exact: bool, fresh: bool) -> Need:
    """One, made without what it costs to call a class."""
    made = Need.__new__(Need)
    made._set_up(startup, base, exact, fresh)
    return made


class SlotOffer(Offer):
    """A slot whose server connection is free; a desk has one offer at a time, and one object.

    Attributes:
        slot: the one that is offered.
        anew: leases rotate: it is not for whom it was the last one, if others can be had.
        has_room: others can be opened.
        ledger: where the others are.
    """

    __slots__ = ("anew", "has_room", "ledger", "slot")

    def __init__(self, slot: Slot, ledger: Ledger) -> None:
        self.slot = slot
        self.ledger = ledger
        self.anew = False
        self.has_room = False

    def fits(self, request: Request) -> bool:
        """Whether role and settings are what the request needs."""
        need: Need = request.need  # type: ignore[assignment]
        if self.anew and need.last is self.slot and (self.has_room or request.claimed):
            return False
        return request.user == self.slot.user and need.accepts(self.slot.base)

    def may_come(self, request: Request) -> bool:
        """Whether one of the same role is used, or is being opened, that would do."""
        need: Need = request.need  # type: ignore[assignment]
        for slot in self.ledger:
            if slot.user == request.user and slot.state != _CLOSING and need.accepts(slot.base):
                return True
        return False
