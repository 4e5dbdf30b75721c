"""Who goes next: first come, first served, over all queues of one budget.

One queue for every door and every user of a database, so that no kind of traffic is invisible to
another: a released server connection is offered to whoever waits longest, not to the next of the
same pool.

One exception, bounded: a server connection of another role must be closed and opened anew (about
11 ms with SCRAM), so for the first `SWITCH_S_MAX` of its wait a request may be passed over by
later ones that fit what is free. After that it is served first, at the price of the switch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

SWITCH_S_MAX = 0.020
"""How long a request may be passed over for ones that fit: about what the switch itself costs."""


class WaitReason(Enum):
    """Why a request waits; a closed set, told to clients, console and log alike."""

    NO_SERVER_FREE = "no_server_free"
    OPENING_SERVER = "opening_server"
    DATABASE_DOWN = "database_down"
    PAUSED = "paused"


_NO_SERVER_FREE = WaitReason.NO_SERVER_FREE  # to ask an Enum for a member costs a look-up


class Request:
    """One client that waits for a lease.

    Attributes:
        user: the role it needs.
        need: what else the server connection must be like (`doors.lease.Need`).
        arrived: when it asked, in seconds of the worker's clock.
        deadline: when it must have been answered.
        client: the engine's object; the scheduler does not look inside.
        reason: why it waits.
        claimed: a server connection is being opened in its name.
    """

    __slots__ = ("arrived", "claimed", "client", "deadline", "need", "reason", "user")

    def __init__(
        self, user: str, need: object, arrived: float, deadline: float, client: object
    ) -> None:
        self.user = user
        self.need = need
        self.arrived = arrived
        self.deadline = deadline
        self.client = client
        self.reason = _NO_SERVER_FREE
        self.claimed = False


class Offer:
    """A free server connection, as far as the queue needs to know it."""

    __slots__ = ()

    def fits(self, request: Request) -> bool:
        """Whether it will do for a request."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """How many wait, and since when the first one does (seconds of the clock; None: nobody)."""

    waiting: int
    head_arrived: float | None


class FifoQueue:
    """The waiting requests of one budget in order of arrival."""

    def __init__(self) -> None:
        self._waiting: dict[Request, None] = {}
        self._last_deadline = 0.0
        self._mixed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Request]:
        return iter(list(self._waiting))

    def __contains__(self, request: object) -> bool:
        return request in self._waiting

    def is_empty(self) -> bool:
        """Nobody waits."""
        return not self._waiting

    def arrive(self, request: Request) -> None:
        """It waits from now on."""
        if not self._waiting:
            self._mixed = False
        elif request.deadline < self._last_deadline:
            self._mixed = True
        self._last_deadline = request.deadline
        self._waiting[request] = None

    def leave(self, request: Request) -> None:
        """It was granted, rejected, cancelled, or its client is gone."""
        self._waiting.pop(request, None)

    def head(self) -> Request | None:
        """Who waits longest."""
        for request in self._waiting:
            return request
        return None

    def first_deadline(self) -> float | None:
        """The earliest deadline; None: nobody waits."""
        if self._mixed:
            return min((request.deadline for request in self._waiting), default=None)
        head = self.head()
        return None if head is None else head.deadline

    def choose(self, offer: Offer, now: float, may_switch: bool) -> Request | None:
        """Who gets the server connection that is free now.

        The first request that fits it, unless one before that has waited beyond `SWITCH_S_MAX`
        and has nothing being opened for it: then that one, though it does not fit, if the caller
        `may_switch`.
        None: nobody who fits waits.
        """
        for request in self._waiting:
            if offer.fits(request):
                return request
            if may_switch and not request.claimed and now - request.arrived >= SWITCH_S_MAX:
                return request
        return None

    def unclaimed(self) -> Request | None:
        """The first for which no server connection is being opened."""
        for request in self._waiting:
            if not request.claimed:
                return request
        return None

    def expired(self, now: float) -> list[Request]:
        """Those whose deadline is over."""
        return [request for request in self._waiting if request.deadline <= now]

    def statistics(self) -> QueueStatistics:
        """A snapshot."""
        head = self.head()
        return QueueStatistics(len(self._waiting), None if head is None else head.arrived)
