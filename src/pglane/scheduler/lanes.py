"""Who waits for a place of one budget, and who has one: requests and leases.

`tree` says which lane is next. Here its requests come and go: tenants of a lane take turns (R5,
`lane`), a request whose work holds leases already goes first (R7), and one that has used nine
tenths of its time is refused instead of started (R6): whoever asked has stopped listening, and
work for nobody is what keeps an overloaded system overloaded. One that could not be served in
time at the pace of its lane is told at once. Where requests of a lane wait too long, the newest of
the lowest rank are refused (`relieve`).

The caller has the server connections, and tells with one `Lease` for each place that is not free:

    take      free at once, for a client that need not wait
    arrive    it must wait, or is refused; then `choose` is to be asked
    choose    who gets a place that is free now
    grant     it has its server connection
    claim     one is being made ready for it, and the place is booked; `grant` or `unclaim` follow
    follow    it is sent on behind what its lane has in flight; `comes_up` or `falls_back` follow
    release   the place is free: its server connection is, or its backend is gone
    leave     it gave up; if it was claimed, its place is to be released when that is done
    relieve   some are refused if its lane is overloaded; after `arrive`
    expired, recall   time has come (`next_due`): who is to be answered, and which leases must end

**Fit.** A server connection of another role must be closed and opened anew (about 11 ms). For the
first `SWITCH_S_MAX` of its wait a request may be passed over by others that fit what is free,
where one that fits it exists and may become free meanwhile. Where there is none, that would be
waiting for nothing, and it gets the first place; switching for that takes no more than
`SWITCH_SHARE` of all places, or two roles on one place would do nothing else. After that time it
is passed over only by lanes that are behind it by less than `SWITCH_LAG_S`, so that two busy lanes
of two roles settle on their own server connections instead of swapping them at every turn. A lane
that is owed a reserved place is never passed over for another lane. One that was claimed takes
what fits it early, where nobody is owed a place; what it had coming is then spare.

**Cost.** One lane and one tenant are moved: O(log n). Deadlines are kept as one lower bound; when
it has come all lanes are looked at once.
"""

from collections.abc import Iterable, Iterator

from pglane.scheduler import golden
from pglane.scheduler.give_back import Recalls
from pglane.scheduler.lane import SHARING, STRICT, UNMET, Lane
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.reasons import RefusedBecause, WaitReason
from pglane.scheduler.request import Lease, Offer, Request
from pglane.scheduler.shedding import for_lane, victims
from pglane.scheduler.tenant import Tenant
from pglane.scheduler.tree import NEVER, LaneTree

SWITCH_S_MAX = 0.020
"""How long a request may be passed over for ones that fit: about what the switch itself costs."""
_SWITCH_S_MAX: float = SWITCH_S_MAX
SWITCH_SHARE = 0.1
"""The part of all places' time that switching at once may take, at `SWITCH_S_MAX` for each."""
_SWITCH_SHARE: float = SWITCH_SHARE
SWITCH_BURST_S = 10 * SWITCH_S_MAX
"""So much more at once, after a while without."""
_SWITCH_BURST_S: float = SWITCH_BURST_S
SWITCH_LAG_S = 0.050
"""How far a lane may lag behind one that fits before a switch is worth it, in weighted seconds."""
_SWITCH_LAG_S: float = SWITCH_LAG_S
FIT_LOOKS = 8
"""Lanes, tenants and claims looked at for one that fits."""
_FIT_LOOKS: int = FIT_LOOKS
LAG_HOLD_S = 1.0
"""A lane's credit and debt end at so many seconds of the whole budget."""
_LAG_HOLD_S: float = LAG_HOLD_S
CHARGE_S_MIN = 0.0001
"""What a lane is charged in advance while nothing is known of its leases: it takes turns."""
_CHARGE_S_MIN: float = CHARGE_S_MIN
WAITING_MAX = 10_000
BOUND_SLACK_S = 1e-6
"""Sums of floating-point times differ in the last digits."""
_BOUND_SLACK_S: float = BOUND_SLACK_S
_NEVER: float = NEVER
_UNMET: int = UNMET
_SHARING: int = SHARING
_STRICT: int = STRICT

_OPENING = WaitReason.OPENING_SERVER  # to ask an Enum for a member costs a look-up
_BEHIND = WaitReason.BEHIND_IN_PIPELINE
_LANE_AT_LIMIT = WaitReason.LANE_AT_LIMIT
_DOOR_AT_LIMIT = WaitReason.DOOR_AT_LIMIT
_RESERVED_FOR_OTHERS = WaitReason.RESERVED_FOR_OTHERS
_NO_SERVER_FREE = WaitReason.NO_SERVER_FREE
_NO_SERVER_PLACE: int = _NO_SERVER_FREE.place
_BEHIND_PLACE: int = _BEHIND.place
_EXPIRED = RefusedBecause.EXPIRED
_HOPELESS = RefusedBecause.HOPELESS
_SHED = RefusedBecause.SHED
_OVERLOADED = RefusedBecause.OVERLOADED


class LaneQueue(LaneTree):
    """Everything that waits for a place of one budget, and everything that has one.

    Attributes:
        refused: what was refused and not told yet; see `take_refused`.
        recalls: leases that were asked to end and have not.
        waiting_max: beyond so many some are refused.
    """

    def __init__(
        self,
        budget: int,
        lanes: Iterable[LanePolicy] = (),
        doors: Iterable[DoorPolicy] = (),
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self.refused: list[Request] = []
        self.recalls = Recalls()
        self.waiting_max = waiting_max
        self._coming: dict[Request, None] = {}
        self._contended_since = 0.0
        self._switching_s = 0.0
        self._switched = 0.0
        super().__init__(budget, lanes, doors)

    # Leases -------------------------------------------------------------------------------

    def grant(self, request: Request, now: float) -> None:
        """It has its server connection: in the place booked by its claim, or in a free one."""
        lane: Lane = request.lane  # type: ignore[assignment]
        lane.arrivals.remove(request)
        if request.claimed:
            del self._coming[request]
            lane.holders.remove(request)  # its holders stand in the order in which they began
            lane.holders.append(request)
        else:
            self._serve(request, lane, now)
        self.comes_up(request, now)
        if request.claimed:
            request.claimed = False
            request.since = now
            if lane.hold_s_max and now + lane.hold_s_max < self._due:
                self._due = now + lane.hold_s_max

    def comes_up(self, request: Request, now: float) -> None:
        """Its wait is over: what it is sent to has nothing else before it."""
        lane: Lane = request.lane  # type: ignore[assignment]
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        waited_s = now - request.arrived
        lane.counters.grants += 1
        tenant.grants += 1
        tenant.waited(waited_s, lane.counters.waited(waited_s))
        if lane.is_promised:
            self._judge(request, lane, now - request.judged_since)

    def follow(self, request: Request, last: Lease, now: float) -> None:
        """It is sent on behind what is in flight; the place of `last` is its from now on."""
        self._release(last, now, True)
        lane: Lane = request.lane  # type: ignore[assignment]
        lane.arrivals.remove(request)
        self._serve(request, lane, now)
        request.reason = _BEHIND
        lane.counters.reasons[_BEHIND_PLACE] += 1

    def falls_back(self, request: Request, now: float) -> None:
        """It followed, and waits again, in its old place in its tenant's line."""
        lane: Lane = request.lane  # type: ignore[assignment]
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.key -= 1.0  # it has not had its turn
        if tenant.spot >= 0:
            lane.fair.moved(tenant)
        lane.put_back(request)
        if request.recalled >= 0.0:
            self.recalls.ended(request)
        if request.held:
            self._wait_anew(request, lane, now)
        else:  # its place is another's who follows it
            self._stand_again(request, lane, now)

    def claim(self, request: Request, now: float) -> None:
        """A server connection is being made ready for it; the place is booked from now on.

        It may be granted another one before that is done: see `spare`.
        """
        lane: Lane = request.lane  # type: ignore[assignment]
        self._serve(request, lane, now)
        request.claimed = True
        request.reason = _OPENING
        lane.counters.reasons[_OPENING.place] += 1
        self._coming[request] = None

    def spare(self, client: object, now: float) -> Lease:
        """Books a place for nobody.

        For what is being made ready for a request that gets another one first: `choose` offers
        what fits to those that were claimed. To be released when it is ready.
        """
        lease = Lease(self._nobody, self._no_tenant, client)
        self.book(lease, now)
        return lease

    def release(self, lease: Lease, now: float) -> None:
        """Its place is free."""
        self._release(lease, now, False)

    def _release(self, lease: Lease, now: float, followed: bool) -> None:
        """`followed`: by another one, in the same place, before it was answered."""
        lane: Lane = lease.lane  # type: ignore[assignment]
        tenant: Tenant = lease.tenant  # type: ignore[assignment]
        held_s = now - lease.since
        self._free(lease, lane, now)
        tenant.held_s += held_s
        lane.learn(held_s, followed)
        if lease.borrowed:
            self._returned(lease, lane, held_s)
        if lease.recalled >= 0.0:
            lane.counters.given_back(now - lease.recalled)
            self.recalls.ended(lease)
            self._due = now  # whoever needed it may still need more
        if self.waiting:
            self._correct(lease, lane, tenant, held_s, now)
            if lane.waiting:
                self._replace(lane, False)

    def unclaim(self, request: Request, now: float) -> None:
        """Nothing could be made ready for it: the place is free, and it waits again."""
        lane: Lane = request.lane  # type: ignore[assignment]
        request.claimed = False
        del self._coming[request]
        self._wait_anew(request, lane, now)

    def _wait_anew(self, request: Request, lane: Lane, now: float) -> None:
        """It gives its place up, as if it had never had it."""
        self._free(request, lane, now)
        lane.charge(-request.booked_s, self.virtual, self.budget.limit * _LAG_HOLD_S)
        if request.borrowed:
            self._returned(request, lane, 0.0)
        self._stand_again(request, lane, now)

    def _stand_again(self, request: Request, lane: Lane, now: float) -> None:
        """It stands where it stood."""
        self._wait_for(lane, now)
        if request.stamp is not None:
            request.continues = self.works.is_continued(request)
            self.works.waits(request)
        lane.requeue(request)
        self._replace(lane, False)
        request.reason = self.reason_of(request)

    def _serve(self, request: Request, lane: Lane, now: float) -> None:
        """From the line to a place."""
        lane.touch(now)
        if (
            lane.place != _UNMET
            and lane.tag > self.virtual
            and (not lane.golden_max or self.admits(lane))  # by its ticket it may be out of turn
        ):
            self.virtual = lane.tag
        lane.dequeue(request, True)
        if request.stamp is not None:
            self.works.waits_no_more(request)
        self._waits_no_more(lane, now)
        request.booked_s = lane.mean_s if lane.mean_s > 0.0 else _CHARGE_S_MIN
        lane.charge(request.booked_s, self.virtual, self.budget.limit * _LAG_HOLD_S)
        self.book(request, now)
        self._replace(lane, True)

    def _correct(
        self, lease: Lease, lane: Lane, tenant: Tenant, held_s: float, now: float
    ) -> None:
        """Charges what the lease really took, as far as somebody waited meanwhile."""
        since = lease.since if lease.since > self._contended_since else self._contended_since
        charged_s = now - since - lease.booked_s
        lane.charge(charged_s, self.virtual, self.budget.limit * _LAG_HOLD_S)
        if lane.place == _SHARING or lane.place == _STRICT:
            lane.key = lane.tag
            self._heap_of(lane).moved(lane)
        fined = lane.waiting and tenant.fine(held_s, lane.usual_s, lane.turn)
        if fined and tenant.spot >= 0:
            lane.fair.moved(tenant)

    def _judge(self, request: Request, lane: Lane, waited_s: float) -> None:
        """Counts a wait beyond what was promised."""
        if not request.promised:
            if waited_s > 0.0:
                lane.counters.violations[2] += 1
            return
        bound_s = lane.bound_s(request)
        if bound_s >= 0.0 and waited_s > bound_s + _BOUND_SLACK_S:
            lane.counters.violations[1 if request.claimed else 0] += 1

    # Waiting ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.waiting + len(self._coming)

    def is_empty(self) -> bool:
        """Nobody waits, and nothing is being made ready for anybody."""
        return not self.waiting and not self._coming

    def __iter__(self) -> Iterator[Request]:
        return iter([request for lane in self.lanes.values() for request in lane.arrivals])

    def __contains__(self, request: object) -> bool:
        return isinstance(request, Request) and (request.waiting or request in self._coming)

    def head(self) -> Request | None:
        """Who waits longest; looks at every lane."""
        heads = [lane.arrivals.first for lane in self.lanes.values()]
        waiting = [head for head in heads if head is not None]
        return min(waiting, key=lambda request: request.arrived) if waiting else None

    def arrive(self, request: Request, now: float) -> None:
        """It waits from now on, or is refused at once (`take_refused`)."""
        lane: Lane = request.lane  # type: ignore[assignment]
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        stamped = request.stamp is not None
        request.continues = stamped and self.works.is_continued(request)
        again = request.refused is not None and request.since <= request.arrived
        request.attempt = request.attempt + 1 if again else 0
        request.arrived = now
        lane.set_deadline(request)
        request.refused = None
        hurried = lane.waiting and not request.continues
        if hurried and self._is_hopeless(lane, tenant, request.expires - now):
            self._note_refusal(request, lane, _HOPELESS)
            return
        lane.touch(now)
        lane.note_ahead(request)
        if lane.is_promised:
            self.promise(request, lane, now)
        self._wait_for(lane, now)
        if stamped:
            self.works.waits(request)
        lane.enqueue(request)
        self._replace(lane, False)
        if request.expires < self._due:
            self._due = request.expires
        if lane.place == _UNMET and (lane.takes_back or self.recalls.pending):
            self._due = now  # it may get what was asked for another
        if self.admits(lane):
            request.reason = _NO_SERVER_FREE
        else:
            reason = self.reason_of(request)
            request.reason = reason
            place = _NO_SERVER_PLACE if reason is _NO_SERVER_FREE else reason.place
            lane.counters.reasons[place] += 1
        if self.waiting > self.waiting_max:
            for victim in victims(self.lanes.values(), self.waiting_max):
                self.refuse(victim, _SHED, now)

    def relieve(self, lane: Lane, now: float) -> None:
        """Refuses those that are too many where requests of a lane wait too long (`overload`).

        Not while nobody is granted anything for another reason: the caller knows.
        """
        share = 0.0
        if lane.waiting:
            share = self.budget.limit * lane.weight / self._waiting_weight
        places = min(max(float(lane.reserve), float(lane.busy), share, 1.0), float(lane.limit))
        excess = lane.overload.excess(lane, places, now)  # type: ignore[union-attr]
        if excess:
            others = list(self.lanes.values()) if self._competes(lane) else []
            for victim in for_lane(lane, others, excess, now):
                self.refuse(victim, _OVERLOADED, now)

    def _competes(self, lane: Lane) -> bool:
        """Whether what others have could be the lane's."""
        group = lane.group
        return lane.busy < lane.limit and (group is self.budget or group.has_place())

    def leave(self, request: Request, now: float) -> None:
        """It gave up, or its client is gone. What is being made ready for it stays booked."""
        lane: Lane = request.lane  # type: ignore[assignment]
        if request.claimed:
            request.claimed = False
            del self._coming[request]
            lane.arrivals.remove(request)
        elif request.waiting:
            lane.touch(now)
            lane.dequeue(request, False)
            if request.stamp is not None:
                self.works.waits_no_more(request)
            lane.arrivals.remove(request)
            self._waits_no_more(lane, now)
            self._replace(lane, False)

    def refuse(self, request: Request, why: RefusedBecause, now: float) -> None:
        """It is answered without having been started."""
        lane: Lane = request.lane  # type: ignore[assignment]
        if why is _EXPIRED and lane.is_promised:
            self._judge(request, lane, now - request.judged_since)
        self.leave(request, now)
        self._note_refusal(request, lane, why)

    def take_refused(self) -> list[Request]:
        """Those that were refused since this was asked last; each is to be answered once."""
        refused, self.refused = self.refused, []
        return refused

    def _note_refusal(self, request: Request, lane: Lane, why: RefusedBecause) -> None:
        request.refused = why
        lane.counters.refused[why.place] += 1
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.refused[why.place] += 1
        self.refused.append(request)

    def _wait_for(self, lane: Lane, now: float) -> None:
        """One more of a lane is about to wait."""
        if not lane.waiting:
            self._waiting_weight += lane.weight
            lane.return_to(self.virtual, self.budget.limit * _LAG_HOLD_S, now)
        if not self.waiting:
            self._contended_since = now
            if self._first_end < self._due:
                self._due = self._first_end
            self._first_end = _NEVER
        self.waiting += 1

    def _waits_no_more(self, lane: Lane, now: float) -> None:
        """One of a lane waits no longer."""
        self.waiting -= 1
        if not lane.waiting:
            lane.left = now
            self._waiting_weight -= lane.weight

    def _is_hopeless(self, lane: Lane, tenant: Tenant, left_s: float) -> bool:
        """Whether even at the best pace of its lane it would come too late."""
        share = self.budget.limit * lane.weight / self._waiting_weight
        return lane.estimate_s(tenant, share) > left_s

    def reason_of(self, request: Request) -> WaitReason:
        """Why it waits, as things are now."""
        lane: Lane = request.lane  # type: ignore[assignment]
        if request.claimed:
            return _OPENING
        if lane.busy >= lane.limit:
            return _LANE_AT_LIMIT
        group = lane.group
        if group is not self.budget and not group.has_place():
            return _DOOR_AT_LIMIT
        if self.budget.has_place() and not self.admits(lane):
            return _RESERVED_FOR_OTHERS
        return _NO_SERVER_FREE

    # Time ---------------------------------------------------------------------------------

    def expired(self, now: float) -> list[Request]:
        """Those that are to be answered now, whatever the reason."""
        due = _NEVER
        for lane in self.lanes.values():
            request = lane.arrivals.first
            while request is not None and (lane.mixed or request.expires <= now):
                newer = request.newer
                if request.expires <= now:
                    self.refuse(request, _EXPIRED, now)
                elif request.expires < due:
                    due = request.expires
                request = newer
            if request is not None and request.expires < due:
                due = request.expires
        self._due = due
        return self.take_refused()

    def recall(self, now: float) -> list[Lease]:
        """Leases that are to end now because their places are needed; after `expired`."""
        asked, due = self.recalls.ask(self.lanes.values(), self._groups, self.waiting, now)
        if not self.waiting:
            self._first_end = due  # it may be over: nobody is to be woken for that again and again
        elif due < self._due:
            self._due = due
        return asked

    def next_due(self) -> float | None:
        """When `expired` and `recall` may have something to say; None: nobody waits."""
        return self._due if self.waiting or self._coming else None

    def wakes_at(self) -> float:
        """As `next_due`; infinite: nobody waits."""
        return self._due if self.waiting or self._coming else _NEVER

    # Deciding -----------------------------------------------------------------------------

    def choose(
        self, offer: Offer | None, own: Lane | None, now: float, may_switch: bool
    ) -> Request | None:
        """Who gets the place that is free now.

        Args:
            offer: the server connection in it; None: any would do, one is about to be opened.
            own: the lane whose lease has just ended, if one has.
            now: seconds of the worker's clock.
            may_switch: the server connection may be closed for one whom it does not fit.

        Returns:
            A request to `grant` if the offer fits it, else to `claim`; one that is claimed already
            gets the offer instead, and what it had coming becomes a `spare`. None: nobody.
        """
        if offer is not None and self._coming:
            early = self._early(offer)
            if early is not None:
                return early
        while True:
            lane = self.pick(own)
            if lane is None:
                return self._golden(offer, now, may_switch) if self._ticketed else None
            request = self._unexpired(lane, now)
            if request is not None:
                break
        if offer is None or offer.fits(request):
            return request
        if may_switch and self._may_switch_at_once(now) and not offer.may_come(request):
            return request
        other = self._instead(lane, request, offer, own, now)
        if other is None and may_switch and now - request.arrived >= _SWITCH_S_MAX:
            return request
        return other

    def switched(self, now: float) -> None:
        """A server connection was closed for a claim of another role."""
        passed_s = now - self._switched
        self._switched = now
        self._switching_s -= passed_s * _SWITCH_SHARE * self.budget.limit
        if self._switching_s < 0.0:
            self._switching_s = 0.0
        self._switching_s += _SWITCH_S_MAX

    def _may_switch_at_once(self, now: float) -> bool:
        """Whether so little was switched lately that one more is no matter."""
        earned_s = (now - self._switched) * _SWITCH_SHARE * self.budget.limit
        return self._switching_s - earned_s < _SWITCH_BURST_S

    def _golden(self, offer: Offer | None, now: float, may_switch: bool) -> Request | None:
        """Who continues a work and can have a place of a golden ticket, where no other is free."""
        for lane in self._ticketed:
            request = golden.next_of(lane)
            while request is not None and now >= request.expires:
                self.refuse(request, _EXPIRED, now)
                request = golden.next_of(lane)
            if request is not None and (offer is None or may_switch or offer.fits(request)):
                return request
        return None

    def _unexpired(self, lane: Lane, now: float) -> Request | None:
        """Who is next of a lane; those found too late are refused."""
        while lane.waiting:
            request = lane.next(now)
            if now < request.expires:
                return request
            self.refuse(request, _EXPIRED, now)
        return None

    def _early(self, offer: Offer) -> Request | None:
        """One that has something coming and could have this at once, if nobody is owed it."""
        if self._owed:
            return None
        for looks, request in enumerate(self._coming):
            if offer.fits(request):
                return request
            if looks >= _FIT_LOOKS:
                break
        return None

    def _instead(
        self, lane: Lane, request: Request, offer: Offer, own: Lane | None, now: float
    ) -> Request | None:
        """Another request that fits, while passing over this one is allowed."""
        late = now - request.arrived >= _SWITCH_S_MAX
        if not late:
            for tenant in lane.fair.among_first(_FIT_LOOKS):
                fitting: Request = tenant.line.first  # type: ignore[attr-defined]
                if now < fitting.expires and offer.fits(fitting):
                    return fitting
        if lane.place == _UNMET:
            return None
        for other in self._near(own):
            if other is lane or not self.may_share(other):
                continue
            if not late or other.tag - lane.tag < _SWITCH_LAG_S:
                fitting = other.next(now)
                if now < fitting.expires and offer.fits(fitting):
                    return fitting
        return None

    def fitting(self, offer: Offer, own: Lane | None, now: float) -> Request | None:
        """Who could have this, though another one is next: for where nothing can be opened."""
        lanes = self._near(own)
        for group in self._groups:
            lanes += group.unmet.among_first(_FIT_LOOKS)  # type: ignore[arg-type]
        for lane in lanes:
            if self.admits(lane):
                tenants = lane.fair.among_first(_FIT_LOOKS)
                requests: list[Request] = [lane.next(now)]
                requests += [tenant.line.first for tenant in tenants]  # type: ignore[attr-defined]
                for request in requests:
                    if now < request.expires and offer.fits(request):
                        return request
        return None

    def _near(self, own: Lane | None) -> list[Lane]:
        """Lanes that might be served next, the one that had this place before first."""
        near: list[Lane] = []
        if own is not None and (own.place == _SHARING or own.place == _STRICT):
            near.append(own)
        for group in self._groups:
            near += group.sharing.among_first(_FIT_LOOKS)  # type: ignore[arg-type]
            near += group.strict.among_first(_FIT_LOOKS)  # type: ignore[arg-type]
        return near
