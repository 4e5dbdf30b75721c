"""How a request becomes a lease: queue and ledger of one database brought together.

`LeaseDesk` is told what happened (somebody asks, a server connection was opened, released, is
gone, time passed) and answers with decisions for the engine to carry out. It is the only place
where the two meet.

A decision is made at every event over the whole queue of the budget:

1. A free server connection goes to whom `FifoQueue.choose` names; if it does not fit that
   request it is closed, and the place is *promised* to the request. While there is room in the
   budget nothing is closed for anybody.
2. While there is room in the budget, and not too many are being opened, one is opened for the
   first request that has none coming.
3. Whoever waits while an idle connection that fits nobody sits there gets that one's place.

Where the budget was lowered below what is used, free server connections are closed until it is
kept again.

With `rotated` set the desk does on purpose what load does by chance: a client gets another server
connection than the last time, for which one more is opened as long as there is room. It shows what
would break if session state did not travel.

After a failed attempt the next is made only after a pause that doubles (0.1 s to 5 s), with jitter
given as an argument; waiting requests keep waiting, within their own deadline.
"""

from dataclasses import dataclass

from pglane.connection.settings import Vector, fits_without_reset
from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, OPENING, Ledger, Slot
from pglane.scheduler.fifo import FifoQueue, Offer, Request, WaitReason

# Compiled, these are C integers that Python code cannot see.
_IDLE: int = IDLE
_LEASED: int = LEASED

LOOKED_AT_MAX = 16
"""Idle connections looked at for one in the client's state; a look costs nanoseconds."""
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0


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
    """A slot whose server connection is free; a desk has one offer at a time, and one object."""

    __slots__ = ("slot",)

    def __init__(self, slot: Slot) -> None:
        self.slot = slot

    def fits(self, request: Request) -> bool:
        """Whether role and settings are what the request needs."""
        need: Need = request.need  # type: ignore[assignment]
        return request.user == self.slot.user and need.accepts(self.slot.base)


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
    """The request waited its whole time."""

    request: Request


Decision = Grant | Open | Close | Reject


class LeaseDesk:
    """All leases of one database's budget.

    Attributes:
        ledger: where the slots are.
        queue: who waits.
        failure: what the last attempt to open said, "" after a success.
        paused: nobody is given a server connection, and none is opened.
        rotated: so many server connections of a role are opened before one is used again, and then
            the one unused for longest comes first; 0: the one used last does.
    """

    def __init__(self, budget: int, opening_max: int) -> None:
        self.ledger = Ledger(budget)
        self.queue = FifoQueue()
        self.opening_max = opening_max
        self.failure = ""
        self.rotated = 0
        self.paused = False
        self._promised: list[Request] = []
        self._claims: dict[Slot, Request] = {}
        self._offered = SlotOffer(Slot("", None, 0.0))
        self._backoff_s = 0.0
        self._open_after = 0.0

    def lease_idle(self, user: str, need: Need, now: float) -> Slot | None:
        """A free slot that fits, leased at once; None: the request must queue.

        Prefers the connection used last; this is the path of an uncontended request. Only if its
        session is in another state than the client's, a few more are looked at.
        """
        if self.rotated:
            return self._rotate(user, need, now)
        slot = self.ledger.newest_idle(user)
        if slot is None:
            return None
        if slot.holds is not need.holds or not need.accepts(slot.base):
            slot = self._best_idle(user, need)
        if slot is not None:
            self.ledger.move(slot, _LEASED, now)
        return slot

    def _best_idle(self, user: str, need: Need) -> Slot | None:
        """The newest in the client's state among the first few, else the newest that will do."""
        fallback: Slot | None = None
        for looked_at, slot in enumerate(self.ledger.idle_of(user)):
            if need.accepts(slot.base):
                if slot.holds is need.holds:
                    return slot
                if fallback is None:
                    fallback = slot
            if looked_at >= LOOKED_AT_MAX and fallback is not None:
                break
        return fallback

    def _rotate(self, user: str, need: Need, now: float) -> Slot | None:
        """The one unused for longest; the client's last one only where no other can be had."""
        has_room = self.ledger.has_room()
        if has_room and self.ledger.count_of(user) < self.rotated:
            return None
        chosen: Slot | None = None
        for slot in reversed(self.ledger.idle_of(user)):
            if need.accepts(slot.base) and (chosen is None or chosen is need.last):
                chosen = slot
        if chosen is need.last and has_room and not self.failure:
            return None
        if chosen is not None:
            self.ledger.move(chosen, LEASED, now)
            need.last = chosen
        return chosen

    def arrive(self, request: Request, now: float) -> list[Decision]:
        """A request that found nothing free."""
        self.queue.arrive(request)
        return self._provide(now)

    def leave(self, request: Request, now: float) -> list[Decision]:
        """It gave up, or its client is gone."""
        self.drop(request)
        return self._provide(now)

    def drop(self, request: Request) -> None:
        """As `leave`, and nothing is decided yet: the caller has more to tell."""
        self.queue.leave(request)
        if request.claimed and request in self._promised:
            self._promised.remove(request)

    def resize(self, budget: int, opening_max: int, now: float) -> list[Decision]:
        """The budget is another one from now on; what is leased stays leased."""
        self.ledger.budget = budget
        self.opening_max = opening_max
        decisions: list[Decision] = []
        for idle in self.ledger.in_state(IDLE)[: max(self.ledger.excess(), 0)]:
            self.ledger.move(idle, CLOSING, now)
            decisions.append(Close(idle))
        # A place that was promised may be one of those that are no more.
        for request in self._promised:
            request.claimed = False
        self._promised.clear()
        return decisions + self._provide(now)

    def cleaning(self, slot: Slot, now: float) -> None:
        """Its client is gone; it is put back into a state that anybody may have."""
        if slot.state == LEASED:
            self.ledger.move(slot, CLEANING, now)

    def rests(self, slot: Slot, now: float) -> bool:
        """A clean server connection is idle if nobody waits for one and the budget is kept.

        The path of a budget that is not used up. False: something is to be decided.
        """
        if not self.queue.is_empty() or self.ledger.excess() > 0:
            return False
        self.ledger.move(slot, _IDLE, now)
        return True

    def pass_on(self, slot: Slot, now: float) -> Request | None:
        """A clean server connection goes straight to whoever is next, if nothing else changes.

        The path of a busy budget: all of it is leased and the next one fits. None: `released`
        decides.
        """
        ledger = self.ledger
        if slot.state != _LEASED or self.queue.is_empty():
            return None
        if ledger.room() != 0 or ledger.count(_IDLE):
            return None
        self._offered.slot = slot
        request = self.queue.choose(self._offered, now, True)
        if request is None or not self._offered.fits(request):
            return None
        self.drop(request)
        ledger.hand_over(slot, now)
        if self.rotated:
            request.need.last = slot  # type: ignore[attr-defined]
        return request

    def released(self, slot: Slot, now: float) -> list[Decision]:
        """A clean server connection is free."""
        if self.ledger.excess() > 0:
            self.ledger.move(slot, CLOSING, now)
            return [Close(slot)]
        if self.queue.is_empty():
            self.ledger.move(slot, IDLE, now)
            return []
        return self._offer(slot, now) + self._provide(now)

    def opened(self, slot: Slot, now: float) -> list[Decision]:
        """A new server connection is logged in."""
        self._settle(slot)
        self._succeeded()
        return self.released(slot, now)

    def opened_for(self, slot: Slot, request: Request, now: float) -> list[Decision]:
        """A connection that was opened for one request alone is logged in."""
        self._settle(slot)
        self._succeeded()
        self.drop(request)
        self.ledger.move(slot, LEASED, now)
        return [Grant(request, slot), *self._provide(now)]

    def opening_failed(self, slot: Slot, reason: str, jitter: float, now: float) -> list[Decision]:
        """It could not be opened; `jitter` is a random number in [0, 1)."""
        self._settle(slot)
        self.failure = reason
        self._backoff_s = min(max(self._backoff_s * 2, BACKOFF_S_MIN), BACKOFF_S_MAX)
        self._open_after = now + self._backoff_s * (0.5 + jitter)
        self.ledger.remove(slot)
        return self._fall_back(now) + self._provide(now)

    def closing(self, slot: Slot, now: float) -> list[Decision]:
        """The engine ends a server connection of its own accord."""
        self._settle(slot)
        if slot.state == CLOSING:
            return []
        self.ledger.move(slot, CLOSING, now)
        return self._provide(now)

    def gone(self, slot: Slot, now: float) -> list[Decision]:
        """The backend of a slot is gone."""
        self._settle(slot)
        self.ledger.remove(slot)
        return self._provide(now)

    def tick(self, now: float) -> list[Decision]:
        """Time passed: who waited too long is rejected, openings are tried again."""
        decisions: list[Decision] = []
        for request in self.queue.expired(now):
            self.drop(request)
            decisions.append(Reject(request))
        return decisions + self._provide(now)

    def next_deadline(self, now: float) -> float | None:
        """When `tick` has something to do, in seconds of the clock; None: nobody waits."""
        deadline = self.queue.first_deadline()
        if deadline is None or self._open_after <= now:
            return deadline
        return min(deadline, self._open_after)

    def debts(self) -> int:
        """Promises and openings in somebody's name that are not kept yet; 0 where nobody waits."""
        return len(self._promised) + len(self._claims)

    # Deciding ------------------------------------------------------------------------------

    def _offer(self, slot: Slot, now: float) -> list[Decision]:
        """A free slot, while somebody waits."""
        offer = self._offered
        offer.slot = slot
        request = self.queue.choose(offer, now, not self.ledger.has_room())
        if request is None or self._awaits_another(request, slot):
            self.ledger.move(slot, IDLE, now)
            return []
        if not offer.fits(request):
            self._promise(request)
            self.ledger.move(slot, CLOSING, now)
            return [Close(slot)]
        return [self._grant(request, slot, now)]

    def _grant(self, request: Request, slot: Slot, now: float) -> Grant:
        self.drop(request)
        self.ledger.move(slot, LEASED, now)
        if self.rotated:
            request.need.last = slot  # type: ignore[attr-defined]
        return Grant(request, slot)

    def _awaits_another(self, request: Request, slot: Slot) -> bool:
        """Where leases rotate: it had this one last, and one is being opened for it."""
        need: Need = request.need  # type: ignore[assignment]
        return self.rotated > 0 and need.last is slot and request.claimed

    def _fall_back(self, now: float) -> list[Decision]:
        """Where leases rotate: who awaited another one that cannot be opened takes its last."""
        decisions: list[Decision] = []
        if self.rotated and not self.paused:
            for idle in self.ledger.in_state(IDLE):
                self._offered.slot = idle
                request = self.queue.choose(self._offered, now, False)
                if request is not None:
                    decisions.append(self._grant(request, idle, now))
        return decisions

    def _provide(self, now: float) -> list[Decision]:
        """Places for those who have none coming."""
        decisions: list[Decision] = []
        if self.paused or self.queue.is_empty():
            return decisions
        self._open_more(decisions, now)
        while not self.queue.is_empty() and not self.ledger.has_room():
            request = self.queue.unclaimed()
            idle = self.ledger.oldest_idle()
            if request is None or idle is None:
                break
            self._promise(request)
            self.ledger.move(idle, CLOSING, now)
            decisions.append(Close(idle))
        return decisions

    def _open_more(self, decisions: list[Decision], now: float) -> None:
        while (
            self.ledger.has_room()
            and self.ledger.count(OPENING) < self.opening_max
            and now >= self._open_after
        ):
            request = self._next_to_open()
            if request is None:
                break
            need: Need = request.need  # type: ignore[assignment]
            slot = self.ledger.open(request.user, need.base, now)
            request.claimed = True
            request.reason = WaitReason.OPENING_SERVER
            self._claims[slot] = request
            decisions.append(Open(slot, request))

    def _next_to_open(self) -> Request | None:
        """Who was promised a place comes first; who left took the promise along (`drop`)."""
        if self._promised:
            return self._promised.pop(0)
        return self.queue.unclaimed()

    def _succeeded(self) -> None:
        """The server can be reached and lets us in: openings need no pause any more."""
        self.failure = ""
        self._backoff_s = 0.0
        self._open_after = 0.0

    def _promise(self, request: Request) -> None:
        request.claimed = True
        self._promised.append(request)

    def _settle(self, slot: Slot) -> None:
        """The claim on a slot that was being opened is over."""
        request = self._claims.pop(slot, None)
        if request is not None:
            request.claimed = False
            request.reason = WaitReason.NO_SERVER_FREE
