"""The tree of one budget: what is promised to its lanes, what they have, which one is next.

The tree is budget, door, lane, tenant, client. Whenever a place becomes free the same question
is asked over all of it (`pick`), and answered in order:

R2  the lane whose lease has just ended, while it has less than its reservation;
R1  another lane that waits and has less than its reservation, the oldest request first; it does
    not get a place that is kept free for another lane;
R3  the least served lane among those that may have more than their reservation: below their
    limit, and what is guarded stays free. A lane whose leases have no enforced end takes part
    only while such leases leave all reservations alone (R4).

R2 comes first, or the bound of `bounds` is false: with the oldest request first a lane could lose
its own place to another that is owed one, again and again. Nor does it lose it to what is kept
free: where a lane uses what was guarded for it while the rest of its reservation is lent, its
guard is filled up by what comes back, not by places of lanes that have no more than is theirs.

**A place belongs to a lane from the decision on**, and until its server connection is free again
or its backend is gone. So opening and closing count, and `budget.busy` is the number of places
that are not free, always.

**Cost.** Where a place is free and nobody waits, no heap is touched. Otherwise a decision looks
at the tops of a few heaps, three for each door, and moves one lane: O(log n).

Rejected: rates instead of places (transactions differ a thousandfold in length); strict priority
(starves); dividing shares anew every few seconds (too late for a password by e-mail).
"""

from collections.abc import Iterable
from dataclasses import replace

from pglane.scheduler import golden
from pglane.scheduler.bounds import NO_BOUND, loan_s_max
from pglane.scheduler.group import Group
from pglane.scheduler.heap import Heap
from pglane.scheduler.lane import NOWHERE, SHARING, STRICT, UNMET, Lane
from pglane.scheduler.policy import DoorPolicy, LanePolicy, kept_reservations, kept_tickets
from pglane.scheduler.request import Lease, Request
from pglane.scheduler.tenant import Tenant
from pglane.scheduler.work import Works

LENDER_LOOKS = 8
"""Lanes looked at for the one whose unused reservation is lent."""
NEVER = float("inf")
# Compiled, these are C integers: to compare with a module's number costs an object each time.
_NOWHERE: int = NOWHERE
_UNMET: int = UNMET
_SHARING: int = SHARING
_STRICT: int = STRICT


class LaneTree:
    """All lanes of one budget.

    Attributes:
        budget: the whole.
        lanes: by name.
        waiting: requests that have nothing coming.
        virtual: tag of the lane that was served last beyond its reservation.
    """

    def __init__(
        self, budget: int, lanes: Iterable[LanePolicy] = (), doors: Iterable[DoorPolicy] = ()
    ) -> None:
        self.budget = Group("", budget, None)
        self.lanes: dict[str, Lane] = {}
        self.waiting = 0
        self.virtual = 0.0
        self._doors: dict[str, Group] = {}
        self._groups: list[Group] = [self.budget]
        self.works = Works()
        self._lenders: list[Lane] = []
        self._ticketed: list[Lane] = []
        self._lender_next = 0
        self._owed = 0  # lanes that stand in UNMET
        self._due = NEVER
        self._first_end = NEVER  # when a lease becomes too old, for when somebody waits
        self._waiting_weight = 0.0
        self._added: dict[str, LanePolicy] = {}
        self._unclaimed: set[str] = (
            set()
        )  # of those, the ones that nobody asked for since a change
        self._removed: list[str] = []
        self._outdated: list[Lane] = []
        self._nobody = Lane(LanePolicy("nobody"), self.budget)
        self._no_tenant = Tenant("", self._nobody)
        self.configure(budget, lanes, doors, 0.0)

    # The promises -------------------------------------------------------------------------

    def configure(
        self,
        budget: int,
        lanes: Iterable[LanePolicy],
        doors: Iterable[DoorPolicy],
        now: float,
        wait_s_max: float = 0.0,
    ) -> None:
        """Other promises from now on; what is leased stays leased, who waits goes on waiting.

        Where more is promised than there is, each lane keeps what its rank leaves it. Lanes that
        are gone from the configuration promise nothing and vanish when nobody is left in them
        (`drop_removed`); so do those that came up by themselves and that nobody asks for again.
        What is promised anew holds from now on, also for who waits already (`promise`).
        Lanes that came up by themselves have `wait_s_max` from now on, if it is given.
        """
        if wait_s_max:
            for name, policy in self._added.items():
                self._added[name] = replace(policy, wait_s_max=wait_s_max)
        self.budget.limit = budget
        for door in doors:
            group = self._doors.get(door.name)
            if group is None:
                group = self._doors[door.name] = Group(door.name, 0, self.budget)
                self._groups.append(group)
            group.limit = door.limit or 1 << 30
        wanted = {policy.name: policy for policy in lanes}
        self._unclaimed = self._added.keys() - wanted.keys()
        named = wanted.keys() | self._added.keys()
        self._removed = [name for name in self.lanes if name not in named]
        self._drop_empty()
        for name in self._removed:
            wanted[name] = replace(self.lanes[name].policy, reserve=0, guard=0, nested=1)
        wanted |= {name: policy for name, policy in self._added.items() if name not in wanted}
        self._adopt(wanted, now)

    def drop_removed(self) -> None:
        """Forgets lanes that were removed and that nobody is left in; to be called now and then.

        And those that came up by themselves, if nobody asked for them since the last change: users
        come and go, and after each change as many may come up again (`matching.AUTOMATIC_MAX`).
        What they borrowed is no more, so what others lent is away for a shorter time: from when
        nobody waits who saw it.
        """
        if self._drop_empty() | self._drop_unclaimed():
            self._outdated = list(self._lenders)
        policies = [lane.policy for lane in self.lanes.values()] if self._outdated else []
        for lender in list(self._outdated):
            if lender.arrivals.first is None:
                lender.loan_s_max = 0.0
                self._expect(lender, policies)
                self._outdated.remove(lender)

    def _drop_empty(self) -> bool:
        """Forgets those of the removed lanes that nobody is in; whether there was one."""
        empty = [name for name in self._removed if self.lanes[name].is_empty()]
        for name in empty:
            del self.lanes[name]
            self._removed.remove(name)
        return bool(empty)

    def _drop_unclaimed(self) -> bool:
        """Likewise those that came up by themselves and that nobody asked for since a change."""
        left = [name for name in self._unclaimed if self.lanes[name].is_left()]
        for name in left:
            del self.lanes[name], self._added[name]
            self._unclaimed.remove(name)
        return bool(left)

    def add(self, policy: LanePolicy) -> Lane:
        """A lane that came up by itself and reserves nothing.

        It outlives a new configuration where it has clients, or is asked for soon. Who keeps it
        without asking again may do so until the next one.
        """
        self._unclaimed.discard(policy.name)
        lane = self.lanes.get(policy.name)
        if lane is None:
            self._added[policy.name] = policy
            lane = Lane(policy, self._doors.get(policy.door, self.budget))
            self.lanes[policy.name] = lane
            for lender in self._lenders:
                self._expect(lender, [policy])
        return lane

    def _expect(self, lender: Lane, policies: list[LanePolicy]) -> None:
        """How long what it lent can stay away, with these lanes beside it."""
        loan_s = loan_s_max(lender.policy, policies)
        if lender.loan_s_max != NO_BOUND and loan_s != NO_BOUND:
            loan_s = max(loan_s, lender.loan_s_max)
        else:
            loan_s = NO_BOUND
        lender.loan_s_max = loan_s

    def _adopt(self, wanted: dict[str, LanePolicy], now: float) -> None:
        kept = kept_reservations(self.budget.limit, wanted.values())
        tickets = kept_tickets(self.budget.limit - sum(kept.values()), wanted.values())
        for name, policy in wanted.items():
            group = self._doors.get(policy.door, self.budget)
            lane = self.lanes.get(name)
            if lane is None:
                lane = self.lanes[name] = Lane(policy, group)
            self._displace(lane)
            if lane.golden > tickets[name]:
                golden.dissolve(lane)
            lane.adopt(policy, group, kept[name], tickets[name])
            lane.mixed = True
            for request in lane.arrivals:
                lane.set_deadline(request)
        self._lenders = [lane for lane in self.lanes.values() if lane.reserve]
        self._outdated = []
        self._ticketed = [lane for lane in self.lanes.values() if lane.golden_max]
        policies = [*wanted.values()]
        for lane in self._lenders:
            lane.loan_s_max = 0.0
            self._expect(lane, policies)
        self._recount()
        for lane in self.lanes.values():
            self._replace(lane, False)
            for request in lane.arrivals:
                if not request.claimed:
                    request.was_short = lane.busy < lane.reserve
                self.promise(request, lane, now)
        self._due = now if self.budget.busy or self.waiting else NEVER

    def promise(self, request: Request, lane: Lane, now: float) -> None:
        """By what its wait is judged from now on.

        After a change more may be in use than there is. That goes back like what is lent: nothing
        is granted meanwhile, so the bound of a lane that is short holds. It does not while leases
        without an end sit on what is reserved, nor where a lane lends nothing and its places are
        not all back yet: then nothing can be promised.
        """
        lends = lane.kept_free < lane.reserve
        request.judged_since = now
        request.promised = not lane.suspended
        group: Group | None = lane.group
        while group is not None:
            if group.busy > group.limit:
                request.was_short = True
            if group.unbounded > max(group.limit - group.reserved, 0):
                request.promised = False
            if not lends and group.limit - group.busy < lane.reserve - lane.busy:
                request.promised = False
            group = group.parent

    def _recount(self) -> None:
        """The sums of budget and doors, from the lanes."""
        self._waiting_weight = 0.0
        for group in self._groups:
            group.forget()
        for lane in (*self.lanes.values(), self._nobody):
            self._waiting_weight += lane.weight if lane.waiting else 0.0
            beyond = max(lane.busy - lane.reserve, 0)
            group = lane.group
            while group is not None:
                group.busy += lane.busy + lane.golden
                group.reserved += lane.reserve + lane.golden_max
                group.guarded += min(lane.kept_free, max(lane.reserve - lane.busy, 0))
                group.guarded += lane.golden_max - lane.golden
                group.excess += beyond
                group.unbounded += 0 if lane.borrows else beyond
                group = group.parent  # type: ignore[assignment]

    # Places -------------------------------------------------------------------------------

    def take(self, lease: Lease, now: float) -> bool:
        """A place that is free, for one that need not wait; False: it must arrive and wait."""
        if not self.may_take(lease):
            return False
        self.take_up(lease, now)
        return True

    def may_take(self, lease: Lease) -> bool:
        """Whether a place is free for it, which is to be taken up before anything else is asked.

        The path of an uncontended request: a few comparisons, no heap.
        """
        lane: Lane = lease.lane  # type: ignore[assignment]
        if self.waiting and (lane.waiting or lane.busy >= lane.reserve):
            return False
        if not self.admits(lane):
            return False
        if lease.stamp is not None and self._ticketed:
            # By this others may go on, then something is to be decided.
            return not self.works.is_waited_for(lease.stamp)
        return True

    def take_up(self, lease: Lease, now: float) -> None:
        """It has the place that it may take."""
        lane: Lane = lease.lane  # type: ignore[assignment]
        tenant: Tenant = lease.tenant  # type: ignore[assignment]
        lease.booked_s = 0.0
        self.book(lease, now)
        lane.counters.grants += 1
        tenant.grants += 1

    def admits(self, lane: Lane) -> bool:
        """Whether one more place could be the lane's now, if nobody came before."""
        if lane.busy >= lane.limit:
            return False
        if lane.busy >= lane.reserve:
            return self.may_share(lane)
        return self.may_have_own(lane)

    def may_have_own(self, lane: Lane) -> bool:
        """Whether a lane that is owed a place can have one now (R1).

        Where nothing of its reservation is lent, its places are always there. What it lent comes
        back within the longest loan; until then it must not take what is kept free for another
        lane, to whom it was promised without any loan.
        """
        lends = lane.kept_free < lane.reserve
        own = min(lane.kept_free, lane.reserve - lane.busy)
        group: Group | None = lane.group
        while group is not None:
            kept = group.guarded - own if lends else 0
            if group.busy + kept >= group.limit:
                return False
            group = group.parent
        return True

    def may_share(self, lane: Lane) -> bool:
        """Whether a lane may have one more place beyond its reservation (R3, R4)."""
        group: Group | None = lane.group
        while group is not None:
            if not group.may_share() or not (lane.borrows or group.may_hold()):
                return False
            group = group.parent
        return True

    def book(self, lease: Lease, now: float) -> None:
        """It has a place from now on, whatever the rules say."""
        lane: Lane = lease.lane  # type: ignore[assignment]
        lane.touch(now)
        if lease.stamp is None:
            self._count(lane, 1)
        else:
            self._count_stamped(lease, lane)
        tenant: Tenant = lease.tenant  # type: ignore[assignment]
        tenant.busy += 1
        lane.hold(lease, now)
        lease.recalled = -1.0
        lease.idle = False
        lease.reads_only = False
        lease.committing = False
        lease.borrowed = (
            lane.busy > lane.reserve and not lease.golden and self.budget.on_loan() > 0
        )
        if lease.borrowed:
            self._borrow(lease)
        if lane.hold_s_max and now + lane.hold_s_max < self._due:
            self._due = now + lane.hold_s_max

    def _free(self, lease: Lease, lane: Lane, now: float) -> None:
        lane.touch(now)
        if lease.work is None:
            self._count(lane, -1)
        else:
            self._uncount_stamped(lease, lane)
        lane.let_go(lease)
        tenant: Tenant = lease.tenant  # type: ignore[assignment]
        tenant.busy -= 1

    def _count_stamped(self, lease: Lease, lane: Lane) -> None:
        """One place more, of a work: an ordinary one, or else one of its lane's ticket."""
        work = self.works.of(lease.stamp)  # type: ignore[arg-type]
        if lane.golden_max and not self.admits(lane) and golden.may_have(lane, work):
            lease.golden = True
            golden.take(lane, work)
        else:
            self._count(lane, 1)
        self.works.has(lease, work)

    def _uncount_stamped(self, lease: Lease, lane: Lane) -> None:
        """One place of a work less."""
        if lane.golden and not lease.golden:
            golden.exchange(lease, lane)
        if lease.golden:
            lease.golden = False
            golden.give_back(lane)
        else:
            self._count(lane, -1)
        self.works.gives_back(lease)

    def _count(self, lane: Lane, change: int) -> None:
        """One place more or less in a lane, its door and the budget."""
        before = lane.busy if change > 0 else lane.busy - 1
        lane.busy += change
        within = before < lane.reserve
        guarded = within and lane.reserve - before <= lane.kept_free
        group: Group | None = lane.group
        while group is not None:
            group.busy += change
            if guarded:
                group.guarded -= change
            elif not within:
                group.excess += change
                if not lane.borrows:
                    group.unbounded += change
            group = group.parent

    def _borrow(self, lease: Lease) -> None:
        """Notes whose unused reservation it sits on, for the accounts; it looks at a few."""
        lease.lender = None
        count = len(self._lenders)
        for _ in range(min(count, LENDER_LOOKS)):
            self._lender_next = (self._lender_next + 1) % count
            lender = self._lenders[self._lender_next]
            if lender.reserve - lender.busy > lender.lent:
                lender.lent += 1
                lease.lender = lender
                return

    def _returned(self, lease: Lease, lane: Lane, held_s: float) -> None:
        lane.counters.borrowed_s += held_s
        if lease.lender is not None:
            lender: Lane = lease.lender  # type: ignore[assignment]
            lender.lent -= 1
            lender.counters.lent_s += held_s
            lease.lender = None

    # Which lane is next -------------------------------------------------------------------

    def pick(self, own: Lane | None) -> Lane | None:
        """The lane that gets the next place; see the rules above."""
        if self.budget.busy >= self.budget.limit:
            return None
        lane = self.own_lane_first(own)
        if lane is None:
            lane = self.unmet_first()
        if lane is None:
            lane = self.by_shares()
        return lane

    def own_lane_first(self, own: Lane | None) -> Lane | None:
        """R2: others have as much as before its lease ended, so nothing kept free is touched."""
        if own is not None and own.place == _UNMET:
            group = own.group
            if group.has_place():
                return own
        return None

    def unmet_first(self) -> Lane | None:
        """R1."""
        best: Lane | None = None
        if not self._owed:
            return None
        may_share = self.budget.may_share()
        for group in self._groups:
            if group.unmet.count:
                if may_share and group.may_share():
                    best = _sooner(best, group.unmet.first())  # type: ignore[arg-type]
                else:
                    best = _sooner(best, self._first_served(group))
        return best

    def _first_served(self, group: Group) -> Lane | None:
        """Of its lanes that are owed a place the oldest that can have one.

        Looks at each of them: no more are owed one than there are places.
        """
        best: Lane | None = None
        for node in group.unmet.members():
            lane: Lane = node  # type: ignore[assignment]
            if self.may_have_own(lane):
                best = _sooner(best, lane)
        return best

    def by_shares(self) -> Lane | None:
        """R3 and R4."""
        if not self.budget.may_share():
            return None
        may_hold = self.budget.may_hold()
        best: Lane | None = None
        for group in self._groups:
            if group.standing and group.may_share():
                best = _sooner(best, group.sharing.first())  # type: ignore[arg-type]
                if may_hold and group.may_hold():
                    best = _sooner(best, group.strict.first())  # type: ignore[arg-type]
        return best

    # Where a lane stands ------------------------------------------------------------------

    def _replace(self, lane: Lane, served: bool) -> None:
        """Puts a lane where it belongs now; if it was `served`, behind its equals there."""
        place = _place_of(lane)
        key = lane.tag
        if place == _UNMET:
            oldest = lane.arrivals.first
            key = oldest.arrived  # type: ignore[union-attr]
        if place != lane.place:
            self._displace(lane)
            lane.place = place
            if place != _NOWHERE:
                lane.key = key
                self._heap_of(lane).push(lane)
                lane.group.standing += 1
                self._owed += place == _UNMET
        elif place != _NOWHERE and (served or key != lane.key):
            lane.key = key
            self._heap_of(lane).served(lane)

    def _displace(self, lane: Lane) -> None:
        if lane.place != _NOWHERE:
            self._heap_of(lane).remove(lane)
            lane.group.standing -= 1
            self._owed -= lane.place == _UNMET
            lane.place = _NOWHERE

    def _heap_of(self, lane: Lane) -> Heap:
        group = lane.group
        if lane.place == _UNMET:
            return group.unmet
        return group.sharing if lane.place == _SHARING else group.strict


def _place_of(lane: Lane) -> int:
    if lane.waiting == 0 or lane.busy >= lane.limit:
        return _NOWHERE
    if lane.busy < lane.reserve:
        return _UNMET
    return _SHARING if lane.borrows else _STRICT


def _sooner(one: Lane | None, other: Lane | None) -> Lane | None:
    """The one with the smaller key; of equals, the one that was served or came earlier."""
    if one is None or other is None:
        return one if other is None else other
    if other.key < one.key or (other.key == one.key and other.tag < one.tag):
        return other
    return one
