"""How a request becomes a lease: queue and ledger of one database brought together.

`LeaseDesk` is told what happened (somebody asks, a server connection was opened, released, is
gone, time passed) and answers with decisions for the engine to carry out. It is the only place
where the two meet.

A decision is made at every event over the whole queue of the budget:

1. A free server connection goes to whom `LaneQueue.choose` names; if it does not fit that
   request it is closed, and the place is *claimed* for the request. While there is room in the
   budget nothing is closed for anybody.
2. While there is room in the budget, one is opened for whoever is next. As many as may are opened
   at once; other claims are *promised* and opened in their order.
3. Whoever is next while an idle connection that fits nobody sits there gets that one's place.

**Each slot that is not idle has a lease that books its place** in the scheduler's books: the
client's while it holds it, and from the decision on that it is made ready for that client;
nobody's (`LaneQueue.spare`) where it ends or is opened for nobody any more. So `budget.busy` of
the queue is what the ledger has beyond its idle slots, plus what is promised. A client uses one
request object again and again, unless a place is still booked with it.

While no server connection can be opened, those whom free ones fit are served though others are
next: the place of those is not what they lack.

Where the budget was lowered below what is used, free server connections are closed until it is
kept again. These have no lease: what they have is no place of the budget any more.

With `rotated` set the desk does on purpose what load does by chance: a client gets another server
connection than the last time, for which one more is opened as long as there is room. It shows what
would break if session state did not travel.

After a failed attempt the next is made only after a pause: any part of a span that doubles (0.1 s
to 5 s), by a random number given as an argument (Brooker, "Exponential Backoff And Jitter", AWS
2015: "full jitter"), so that many gateways do not come back at once. Attempts that fail together
count as one. Waiting requests keep waiting, within their own deadline.
"""

from typing import TYPE_CHECKING

from pglane.doors.decisions import Close, Decision, Grant, Open, Recall, Reject
from pglane.doors.need import Need, SlotOffer
from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, OPENING, Ledger, Shelf, Slot
from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.reasons import RefusedBecause, WaitReason
from pglane.scheduler.request import Request
from pglane.scheduler.standstill import IsQuiet, newest, stuck
from pglane.scheduler.tree import NEVER

if TYPE_CHECKING:
    from pglane.doors.lane_plan import LanePlan
    from pglane.scheduler.work import Work

# Compiled, these are C integers that Python code cannot see.
_IDLE: int = IDLE
_LEASED: int = LEASED
_NEVER: float = NEVER

LOOKED_AT_MAX = 16
"""Idle connections looked at for one in the client's state; a look costs nanoseconds."""
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
DENIED_S = 0.1
"""Between attempts for a role that has no connection left; the others wait that out, too."""
DENIAL_S_MAX = 1.0
"""What was said longer ago explains nothing."""
DENIED_MAX = 1000
"""Roles whose denial is remembered; beyond it, the one denied longest ago is forgotten."""
_PAUSED = WaitReason.PAUSED  # to ask an Enum for a member costs a look-up
_DATABASE_DOWN = WaitReason.DATABASE_DOWN


class LeaseDesk:
    """All leases of one database's budget.

    Attributes:
        ledger: where the slots are.
        queue: who waits, and whose the places are.
        failure: what the last attempt to open said, "" after a success.
        full: it said that there are too many connections.
        paused: nobody is given a server connection, and none is opened.
        rotated: so many server connections of a role are opened before one is used again, and then
            the one unused for longest comes first; 0: the one used last does.
    """

    def __init__(self, budget: int, opening_max: int, plan: "LanePlan | None" = None) -> None:
        self.ledger = Ledger(budget)
        self.queue = LaneQueue(budget)
        self.opening_max = opening_max
        self.failure = ""
        self.full = False
        self.rotated = 0
        self.paused = False
        self._denied: dict[str, tuple[str, float]] = {}
        self._promised: list[Request] = []
        self._claims: dict[Request, Slot] = {}
        self._offered = SlotOffer(Slot("", None, 0.0), self.ledger)
        self._own: Lane | None = None
        self._backoff_s = 0.0
        self._open_after = 0.0
        self._failed_at = -1.0
        self._plan: LanePlan | None = plan
        self._configure(budget, 0.0)

    def _configure(self, budget: int, now: float) -> None:
        if self._plan is None:
            self.queue.configure(budget, (), (), now)
        else:
            plan = self._plan
            wait_s_max = plan.matching.wait_s_max
            self.queue.configure(budget, plan.policies, plan.doors, now, wait_s_max)

    def lease_idle(self, request: Request, now: float) -> Slot | None:
        """A free slot that fits, leased at once; None: the request must queue."""
        slot = self.find_idle(request)
        if slot is not None:
            self.lease(slot, request, now)
        return slot

    def find_idle(self, request: Request) -> Slot | None:
        """A free slot that fits, to be leased before anything else is asked; None: see above.

        Prefers the connection used last; this is the path of an uncontended request. Only if its
        session is in another state than the client's, a few more are looked at.
        """
        slot = self._idle_for(request)
        return None if slot is None or not self.queue.may_take(request) else slot

    def lease(self, slot: Slot, request: Request, now: float) -> None:
        """Leases what `find_idle` gave."""
        self.queue.take_up(request, now)
        self._lease(slot, request, now)

    def _idle_for(self, request: Request) -> Slot | None:
        need: Need = request.need  # type: ignore[assignment]
        if self.rotated:
            return self._rotate(request.user, need, request.claimed)
        shelf: Shelf | None = request.shelf  # type: ignore[assignment]
        if shelf is None or shelf.ledger is not self.ledger:
            shelf = request.shelf = self.ledger.shelf_of(request.user)
        slot = shelf.newest
        if slot is not None and (slot.holds is not need.holds or not need.accepts(slot.base)):
            slot = self._best_idle(request.user, need)
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

    def _rotate(self, user: str, need: Need, claimed: bool) -> Slot | None:
        """The one unused for longest; the client's last one only where no other can be had."""
        has_room = self._has_room()
        if has_room and self.ledger.count_of(user) < self.rotated:
            return None
        chosen: Slot | None = None
        for slot in reversed(self.ledger.idle_of(user)):
            if need.accepts(slot.base) and (chosen is None or chosen is need.last):
                chosen = slot
        if chosen is need.last and (has_room or claimed) and not self.failure:
            return None
        return chosen

    def _lease(self, slot: Slot, request: Request, now: float) -> None:
        self.ledger.move(slot, _LEASED, now)
        slot.lease = request
        if self.rotated:
            request.need.last = slot  # type: ignore[attr-defined]

    def arrive(self, request: Request, now: float) -> list[Decision]:
        """A request that found nothing free."""
        return [] if self.lines_up(request, now) else self.arrived(request, now)

    def lines_up(self, request: Request, now: float) -> bool:
        """A request that found nothing free waits, and that is all.

        The path of a busy budget: nothing is free and nothing can be opened. False: `arrived`
        decides what follows.
        """
        self.queue.arrive(request, now)
        lane: Lane = request.lane  # type: ignore[assignment]
        if self.queue.refused or self._promised or lane.overload is not None:
            return False
        if self.paused or self.failure:
            return False
        return self.ledger.room() <= 0 and not self.ledger.count(_IDLE)

    def arrived(self, request: Request, now: float) -> list[Decision]:
        """A request stands in line, or was refused at once."""
        lane: Lane = request.lane  # type: ignore[assignment]
        if lane.overload is not None:
            self._relieve(lane, now)
        decisions = self._provide(None, now)
        if request.waiting and (self.paused or self.failure):
            request.reason = self.reason_of(request)
            lane.counters.reasons[request.reason.place] += 1
        return decisions

    def _relieve(self, lane: Lane, now: float) -> None:
        """Long waits are overload where server connections are given out, and only there."""
        if self.paused or self.failure:
            lane.overload.forget()  # type: ignore[union-attr]
        else:
            self.queue.relieve(lane, now)

    def reason_of(self, request: Request) -> WaitReason:
        """Why it waits, as things are now."""
        if self.paused:
            return _PAUSED
        if self.failure and (request.claimed or self.queue.budget.has_place()):
            return _DATABASE_DOWN
        return self.queue.reason_of(request)

    def leave(self, request: Request, now: float) -> list[Decision]:
        """It gave up, or its client is gone."""
        self.drop(request, now)
        return self._provide(None, now)

    def drop(self, request: Request, now: float) -> None:
        """As `leave`, and nothing is decided yet: the caller has more to tell."""
        self.queue.leave(request, now)
        self._forget(request, now)

    def _forget(self, request: Request, now: float) -> None:
        """It waits no longer; a slot that is made ready for it will be told of itself."""
        self._claims.pop(request, None)
        if request in self._promised:
            self._promised.remove(request)
            self.queue.release(request, now)

    def resize(
        self, budget: int, opening_max: int, now: float, plan: "LanePlan | None" = None
    ) -> list[Decision]:
        """Budget and promises are others from now on; what is leased stays leased."""
        self.ledger.budget = budget
        self.opening_max = opening_max
        self._plan = plan or self._plan
        self._configure(budget, now)
        decisions: list[Decision] = []
        for idle in self.ledger.in_state(IDLE)[: max(self.ledger.excess(), 0)]:
            self.ledger.move(idle, CLOSING, now)
            decisions.append(Close(idle))
        # A place that was claimed may be one of those that are no more.
        self._unpromise(now)
        for request, slot in list(self._claims.items()):
            if slot.state == CLOSING:
                self._take_back(request, slot, now)
        return decisions + self._provide(None, now)

    def _unpromise(self, now: float) -> None:
        promised, self._promised = self._promised, []
        for request in promised:
            self.queue.unclaim(request, now)

    def _take_back(self, request: Request, slot: Slot, now: float) -> None:
        """What is going on in the slot is not for the request any more."""
        self._claims.pop(request, None)
        self.queue.unclaim(request, now)
        slot.lease = self.queue.spare(slot, now)

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
        self._vacate(slot, now)
        self.ledger.move(slot, _IDLE, now)
        return True

    def pass_on(self, slot: Slot, now: float) -> Request | None:
        """A clean server connection goes straight to whoever is next, if nothing else changes.

        The path of a busy budget: all of it is leased and the next one fits. None: `released`
        decides.
        """
        ledger, queue = self.ledger, self.queue
        if slot.state != _LEASED or queue.is_empty():
            return None
        if ledger.room() != 0 or ledger.count(_IDLE):
            return None
        own = self._vacate(slot, now)
        offer = self._offered
        offer.slot = slot
        offer.anew = False
        request = queue.choose(offer, own, now, True)
        if request is None or request.claimed or not offer.fits(request):
            self._own = own
            return None
        queue.grant(request, now)
        slot.lease = request
        ledger.hand_over(slot, now)
        if self.rotated:
            request.need.last = slot  # type: ignore[attr-defined]
        return request

    def _vacate(self, slot: Slot, now: float) -> Lane | None:
        """The place of a slot is free; the lane whose it was."""
        lease = slot.lease
        if lease is None:  # `pass_on` has asked already
            own, self._own = self._own, None
            return own
        slot.lease = None
        self.queue.release(lease, now)  # type: ignore[arg-type]
        return lease.lane  # type: ignore[attr-defined, no-any-return]

    def released(self, slot: Slot, now: float) -> list[Decision]:
        """A clean server connection is free."""
        if self.ledger.excess() > 0:
            self._vacate(slot, now)
            self.ledger.move(slot, CLOSING, now)
            return [Close(slot)]
        own = self._vacate(slot, now)
        if self.queue.is_empty():  # `pass_on` may just have refused the last who waited
            self.ledger.move(slot, IDLE, now)
            return self.rejections(now)
        decisions: list[Decision] = []
        self._offer(slot, own, decisions, now)
        return decisions + self._provide(own, now)

    def opened(self, slot: Slot, now: float) -> list[Decision]:
        """A new server connection is logged in, for whom it was opened or who came before that."""
        self._succeeded()
        request = _claimant(slot)
        if request is None:
            return self.released(slot, now)
        first = self._first_like(request)
        if first is not request and not first.claimed:  # what was opened for it has failed
            self._take_back(request, slot, now)
            return self.released(slot, now)
        if first is not request:
            self._exchange(first, request, slot)
        return self.opened_for(slot, first, now)

    def _first_like(self, request: Request) -> Request:
        """Who came first of its tenant's of those who need the same kind."""
        lane: Lane = request.lane  # type: ignore[assignment]
        needed: Need = request.need  # type: ignore[assignment]
        first = lane.arrivals.first
        while first is not None and first is not request:
            need: Need = first.need  # type: ignore[assignment]
            same = first.user == request.user and need.base is needed.base and not need.fresh
            if same and first.tenant is request.tenant:
                return first
            first = first.newer
        return request

    def _exchange(self, first: Request, request: Request, slot: Slot) -> None:
        """Each gets what was being made ready for the other."""
        coming = self._claims.pop(first, None)
        if coming is None:
            self._promised[self._promised.index(first)] = request
            del self._claims[request]
        else:
            coming.lease = request
            self._claims[request] = coming
        slot.lease = first
        self._claims[first] = slot

    def opened_for(self, slot: Slot, request: Request, now: float) -> list[Decision]:
        """A connection that was opened for this request is logged in."""
        self._succeeded()
        decisions: list[Decision] = [self._grant(request, slot, now)]
        return decisions + self._provide(None, now)

    def opening_failed(self, slot: Slot, reason: str, jitter: float, now: float) -> list[Decision]:
        """It could not be opened; `jitter` is a random number in [0, 1)."""
        self.failure = reason
        if slot.since >= self._failed_at:  # else it was begun beside one that has failed since
            self._backoff_s = min(max(self._backoff_s * 2, BACKOFF_S_MIN), BACKOFF_S_MAX)
            self._open_after = now + self._backoff_s * jitter
            self._failed_at = now
        self._unpromise(now)
        return self.gone(slot, now)

    def opening_denied(self, slot: Slot, reason: str, now: float) -> list[Decision]:
        """The role has no connection left. The server is well: the pause is short."""
        self._denied.pop(slot.user, None)  # in the order of their last denial
        self._denied[slot.user] = (reason, now)
        if len(self._denied) > DENIED_MAX:
            del self._denied[next(iter(self._denied))]
        self._open_after = max(self._open_after, now + DENIED_S)
        return self.gone(slot, now)

    def denial(self, user: str, now: float) -> str:
        """Why the last attempt for this role was denied; "": it was not, or long ago."""
        reason, at = self._denied.get(user, ("", 0.0))
        return reason if now - at < DENIAL_S_MAX else ""

    def closing(self, slot: Slot, now: float) -> list[Decision]:
        """The engine ends a server connection of its own accord."""
        if slot.state == CLOSING:
            return []
        request = _claimant(slot)
        if request is not None:
            self._take_back(request, slot, now)
        elif slot.lease is None:
            slot.lease = self.queue.spare(slot, now)
        self.ledger.move(slot, CLOSING, now)
        return self._provide(None, now)

    def gone(self, slot: Slot, now: float) -> list[Decision]:
        """The backend of a slot is gone: its place is free, or whose it was claimed for."""
        request, fails = _claimant(slot), slot.state != CLOSING or self.failure
        self.ledger.remove(slot)
        own: Lane | None = None
        if request is None:
            own = self._vacate(slot, now)
        else:
            slot.lease = None
            del self._claims[request]
            if fails or not self._has_room():
                self.queue.unclaim(request, now)
            else:
                self._promised.append(request)
        return self._provide(own, now)

    def tick(self, now: float) -> list[Decision]:
        """Time passed: who waited too long is rejected, openings are tried again."""
        decisions = self._rejections(self.queue.expired(now), now)
        decisions += map(Recall, self.queue.recall(now))
        return decisions + self._provide(None, now)

    def break_standstill(
        self, is_quiet: IsQuiet, now: float
    ) -> "tuple[list[Work], list[Decision]]":
        """Refuses the newest of the works that wait for each other; those, and what follows."""
        if self.paused or self.failure:
            return [], []
        works = stuck(self.queue.lanes.values(), is_quiet)
        if works:
            self.queue.refuse(newest(works), RefusedBecause.POOL_DEADLOCK, now)
        return works, self._provide(None, now)

    def rejections(self, now: float) -> list[Decision]:
        """Those that the scheduler refused meanwhile; to be told once."""
        return self._rejections(self.queue.take_refused(), now)

    def _rejections(self, refused: list[Request], now: float) -> list[Decision]:
        for request in refused:
            self._forget(request, now)
        return [Reject(request) for request in refused]

    def next_deadline(self, now: float) -> float:
        """When `tick` has something to do, in seconds of the clock; infinite: never."""
        if self.queue.is_empty():
            return _NEVER
        due = self.queue.wakes_at()
        if now < self._open_after < due:
            return self._open_after
        return due

    def debts(self) -> int:
        """Promises and openings in somebody's name that are not kept yet; 0 where nobody waits."""
        return len(self._promised) + len(self._claims)

    # Deciding ------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        return self.ledger.room() > len(self._promised)

    def _take_up(self, slot: Slot) -> SlotOffer:
        """The offer of a slot."""
        offer = self._offered
        offer.slot = slot
        offer.anew = self.rotated > 0 and not self.failure
        offer.has_room = self._has_room()
        return offer

    def _offer(self, slot: Slot, own: Lane | None, decisions: list[Decision], now: float) -> None:
        """A free slot, while somebody waits."""
        offer = self._take_up(slot)
        request = self.queue.choose(offer, own, now, not self._has_room())
        if request is None and self.failure:
            request = self.queue.fitting(offer, own, now)
        if request is None:
            self.ledger.move(slot, IDLE, now)
        elif offer.fits(request):
            decisions.append(self._grant(request, slot, now))
        else:
            self._claim(request, slot, decisions, now)

    def _grant(self, request: Request, slot: Slot, now: float) -> Grant:
        if request.claimed:
            coming = self._claims.pop(request, None)
            if coming is None:
                self._promised.remove(request)
            elif coming is not slot:
                coming.lease = self.queue.spare(coming, now)
        self.queue.grant(request, now)
        self._lease(slot, request, now)
        return Grant(request, slot)

    def _claim(self, request: Request, slot: Slot, decisions: list[Decision], now: float) -> None:
        """The server connection in the slot makes room for one for the request."""
        self.queue.claim(request, now)
        self.queue.switched(now)
        slot.lease = request
        self._claims[request] = slot
        self.ledger.move(slot, CLOSING, now)
        decisions.append(Close(slot))

    def _provide(self, own: Lane | None, now: float) -> list[Decision]:
        """Places for those who have none coming."""
        decisions: list[Decision] = []
        if not self.paused and not self.queue.is_empty():
            self._open_promised(decisions, now)
            while self.queue.waiting and self._provide_one(own, decisions, now):
                own = None
        if self.queue.refused:
            decisions += self.rejections(now)
        return decisions

    def _provide_one(self, own: Lane | None, decisions: list[Decision], now: float) -> bool:
        """A place for whoever is next; False: there is none."""
        has_room = self._has_room()
        if not has_room and not self.ledger.count(_IDLE):
            return False
        request = self.queue.choose(None, own, now, True)
        if request is None:
            return False
        slot = self._idle_for(request)
        if slot is not None:
            decisions.append(self._grant(request, slot, now))
        elif not has_room:
            self._make_room(request, own, decisions, now)
        elif now < self._open_after:
            return self._give_idle(own, decisions, now)
        else:
            self.queue.claim(request, now)
            self._promised.append(request)
            self._open_promised(decisions, now)
        return True

    def _make_room(
        self, request: Request, own: Lane | None, decisions: list[Decision], now: float
    ) -> None:
        """An idle server connection that fits nobody is closed; one that fits is given."""
        idle = self.ledger.oldest_idle()
        assert idle is not None
        offer = self._take_up(idle)
        other = self.queue.choose(offer, own, now, False)
        if other is not None and offer.fits(other):
            decisions.append(self._grant(other, idle, now))
        else:
            self._claim(request, idle, decisions, now)

    def _give_idle(self, own: Lane | None, decisions: list[Decision], now: float) -> bool:
        """None can be opened for whoever is next: the idle ones go to those whom they fit."""
        for idle in self.ledger.in_state(IDLE):
            request = self.queue.fitting(self._take_up(idle), own, now)
            if request is not None:
                decisions.append(self._grant(request, idle, now))
                return True
        return False

    def _open_promised(self, decisions: list[Decision], now: float) -> None:
        while (
            self._promised
            and self.ledger.count(OPENING) < self.opening_max
            and now >= self._open_after
        ):
            request = self._promised.pop(0)
            need: Need = request.need  # type: ignore[assignment]
            slot = self.ledger.open(request.user, need.base, now)
            slot.lease = request
            self._claims[request] = slot
            decisions.append(Open(slot, request))

    def _succeeded(self) -> None:
        """The server can be reached and lets us in: openings need no pause any more."""
        self.failure = ""
        self._backoff_s = 0.0
        self._open_after = 0.0


def _claimant(slot: Slot) -> Request | None:
    """For whom it is being made ready, if it still is."""
    lease = slot.lease
    return lease if isinstance(lease, Request) and lease.claimed else None
