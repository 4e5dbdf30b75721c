"""What a lease desk decides: a closed set, carried out by the engine in the order given."""

from dataclasses import dataclass

from pglane.pool.ledger import Slot
from pglane.scheduler.request import Lease, Request


class Grant:
    """The slot is leased to the request. No dataclass: every contended lease makes one."""

    __slots__ = ("request", "slot")
    __match_args__ = ("request", "slot")

    def __init__(self, request: Request, slot: Slot) -> None:
        self.request = request
        self.slot = slot


@dataclass(frozen=True, slots=True)
class Open:
    """A server connection is to be opened in this slot, for this request's kind."""

    slot: Slot
    request: Request


@dataclass(frozen=True, slots=True)
class Close:
    """The server connection in this slot is to be ended."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Reject:
    """The request is not served; it says why (`Request.refused`)."""

    request: Request


@dataclass(frozen=True, slots=True)
class Recall:
    """The lease is to end: its place is needed, and was lent for so long only."""

    lease: Lease


Decision = Grant | Open | Close | Reject | Recall
