"""A lane: a class of traffic, its promise, and who of it is next.

A lane counts what it has and knows where it stands. *Where* is one of four places, and the queue
moves it (`lanes.LaneQueue`):

    NOWHERE   nobody of it waits, or it has all that its limit allows
    UNMET     it waits and has less than its reservation; ordered by its oldest request
    SHARING   it waits, has its reservation, and may borrow; ordered by what it was given
    STRICT    the same, but its leases have no enforced end, so it may not borrow

What it was given is its `tag`: seconds of places, divided by its weight (start-time fair queueing
over a server that works on several at once). How long a lease lasts is not known before its end,
so a tag is charged the lane's mean at the grant and corrected at the release. A lane that did
not wait has no claim to the past: it starts where the others are. A debt is bounded, and halves
every 30 seconds in which the lane did not wait, so reconnecting does not wipe it out and one
monstrous lease does not shut a lane out.
"""

from typing import TYPE_CHECKING

from pglane.scheduler.bounds import NO_BOUND, wait_s_max
from pglane.scheduler.counters import Counters
from pglane.scheduler.group import Group
from pglane.scheduler.heap import Heap, Node
from pglane.scheduler.overload import Overload
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Arrivals, Lease, Line, Request
from pglane.scheduler.tenant import Tenant
from pglane.scheduler.tenants import Tenants

if TYPE_CHECKING:
    from pglane.scheduler.work import Work

NOWHERE = 0
UNMET = 1
SHARING = 2
STRICT = 3

EXPIRY_SHARE = 0.9
"""The part of its time after which a request is not started any more."""
_EXPIRY_SHARE: float = EXPIRY_SHARE
HALF_LIFE_S = 30.0
_HALF_LIFE_S: float = HALF_LIFE_S
HOLD_S_MIN = 0.0001
_HOLD_S_MIN: float = HOLD_S_MIN
LEARNED_MIN = 16
"""Leases that must have ended before anybody is refused for what they suggest."""
_LEARNED_MIN: int = LEARNED_MIN
CONTINUED_MAX = 16
"""So many that continue a work go before newcomers that wait; then one of those is next."""
_CONTINUED_MAX: int = CONTINUED_MAX
LEARNING = 1.0 / 16.0
_LEARNING: float = LEARNING
STEP_UP = 1.05
_STEP_UP: float = STEP_UP
STEP_DOWN = STEP_UP**3
"""How far one lease moves the usual hold. Up in three of four and down in one, it stands still at
the lower quartile; beside a few giants a mean would make every ordinary lease look short."""
_STEP_DOWN: float = STEP_DOWN
STRIDE_UP = 4.0
_STRIDE_UP: float = STRIDE_UP
STRIDE_DOWN = STRIDE_UP**3
"""How far, at most, while few have ended: where the first one was a giant, the next dozens of them
would be taken for usual."""
_STRIDE_DOWN: float = STRIDE_DOWN


class Lane(Node):
    """Its key is what orders it where it stands; see the module's docstring.

    Attributes:
        policy: what was configured.
        group: its door, or the budget.
        tenants: those who take turns.
        reserve: what of its reservation can be kept now.
        limit: the most it may have.
        kept_free: unused places of its reservation that stay free.
        borrows: whether it may have what others do not use.
        is_promised: it has a reservation, whether or not it can be kept now.
        suspended: less is kept than was promised.
        takes_back: what it lends has a time.
        lease_s_max: how long its leases can last (`LanePolicy.lease_s_max`).
        loan_s_max: how long what it lent can stay away (`bounds.loan_s_max`).
        busy: places it has, but for those of its golden ticket.
        golden: places of its golden ticket that are in use.
        golden_max: those that there are.
        golden_work: `work.Work` whose they are; None: of nobody.
        continued: how many that continue a work were served since a newcomer was.
        lent: of its reservation, places that others have on loan, as far as that is known.
        waiting: requests that wait and have nothing coming.
        place: where it stands.
        tag: what it was given, in seconds of places over weight.
        mean_s: mean hold of its leases; 0.0: none ended yet.
        usual_s: a hold that three of four leases exceed.
        learned: leases that ended.
        active_max: the most tenants that waited at once since nobody did.
        mixed: not all requests expire in the order in which they arrived.
        overtaken: somebody came later and goes earlier, so that order of arrival bounds nothing.
        overload: `overload.Overload`; None: nobody is refused for how long others wait.
    """

    __slots__ = (
        "active_max", "arrivals", "borrows", "busy", "continued", "counters", "fair", "front",
        "golden", "golden_max", "golden_work", "group", "hold_s_max", "holders", "is_promised",
        "kept_free", "learned", "lease_s_max", "left", "lent", "limit", "loan_s_max", "mean_s",
        "mixed", "name", "newest_first", "overload", "overtaken", "place", "policy", "rank",
        "reserve", "suspended", "tag", "takes_back", "tenants", "touched", "turn", "usual_s",
        "wait_is_default", "wait_s_max", "waiting", "weight",
    )  # fmt: skip

    def __init__(self, policy: LanePolicy, group: Group) -> None:
        super().__init__()
        self.name = policy.name
        self.tenants = Tenants(self, policy.tenants_max)
        self.counters = Counters()
        self.arrivals = Arrivals()
        self.front = Line()
        self.fair = Heap()
        self.holders = Line()
        self.busy = 0
        self.golden = 0
        self.golden_work: Work | None = None
        self.continued = 0
        self.lent = 0
        self.waiting = 0
        self.place = NOWHERE
        self.tag = 0.0
        self.turn = 0.0
        self.left = 0.0
        self.touched = 0.0
        self.mean_s = 0.0
        self.usual_s = 0.0
        self.learned = 0
        self.loan_s_max = 0.0
        self.active_max = 0
        self.overtaken = False
        self.mixed = False
        self.overload: Overload | None = None
        self.adopt(policy, group, policy.reserve, policy.golden)

    def adopt(self, policy: LanePolicy, group: Group, reserve: int, golden_max: int) -> None:
        """Another promise from now on, of which so much can be kept."""
        self.policy = policy
        self.group = group
        self.reserve = reserve
        self.suspended = reserve < policy.reserve
        self.is_promised = policy.reserve > 0
        self.takes_back = policy.borrow_hold_s > 0.0
        self.weight = policy.weight
        self.golden_max = golden_max
        self.limit = max(policy.limit - golden_max, 1) if policy.limit else 1 << 30
        self.kept_free = min(policy.kept_free, reserve)
        self.borrows = policy.borrows
        self.rank = policy.rank
        self.wait_s_max = policy.wait_s_max
        self.wait_is_default = policy.wait_is_default
        self.hold_s_max = policy.hold_s_max
        self.lease_s_max = policy.lease_s_max
        self.newest_first = policy.newest_first
        self.tenants.known_max = policy.tenants_max
        self.overload = Overload(policy.shed_after_s) if policy.shed_after_s else None

    def is_empty(self) -> bool:
        """Whether it has nothing and nobody of it waits."""
        return self.busy + self.golden == 0 and self.arrivals.first is None

    def is_left(self) -> bool:
        """Whether it has no clients, either."""
        return self.is_empty() and not any(tenant.members for tenant in self.tenants.all())

    # Waiting ---------------------------------------------------------------------------------

    def enqueue(self, request: Request) -> None:
        """It waits, behind those of its tenant."""
        last = self.arrivals.last
        if last is None:
            self.mixed = False
        elif request.expires < last.expires:
            self.mixed = True
        self.arrivals.append(request)
        request.waiting = True
        self.waiting += 1
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.waiting += 1
        if request.continues:
            self.front.append(request)
            return
        if tenant.line.first is None:
            if tenant.key < self.turn:
                tenant.key = self.turn
            self.fair.push(tenant)
        tenant.line.append(request)

    def requeue(self, request: Request) -> None:
        """What was being made ready for it came to nothing: it waits again, in its old place."""
        self.overtaken = True
        request.waiting = True
        self.waiting += 1
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.waiting += 1
        if request.continues:
            self.front.insert(request)
            return
        if tenant.line.first is None:
            self.fair.push(tenant)
        tenant.line.insert(request)

    def put_back(self, request: Request) -> None:
        """It had left the arrivals: it stands where it stood, before some that expire sooner."""
        self.mixed = True
        self.arrivals.insert(request)

    def promote(self, request: Request) -> None:
        """It waits, and its work was given a place: it goes before newcomers."""
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.line.remove(request)
        if tenant.line.first is None:
            self.fair.remove(tenant)
        request.continues = True
        self.front.append(request)
        self.overtaken = True

    def demote(self, request: Request) -> None:
        """It waits, and its work has no place any more: it is the first newcomer of its tenant."""
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        self.front.remove(request)
        request.continues = False
        if tenant.line.first is None:
            if tenant.key < self.turn:
                tenant.key = self.turn
            self.fair.push(tenant)
        tenant.line.prepend(request)
        self.overtaken = True

    def next(self, now: float) -> Request:
        """Who of those that wait is next; somebody does."""
        first = self.front.first
        if first is not None and (self.continued < _CONTINUED_MAX or not self.fair.count):
            return first  # type: ignore[return-value]
        tenant: Tenant = self.fair.first()  # type: ignore[assignment]
        if self.newest_first and self.is_late(now):
            return tenant.line.last  # type: ignore[return-value]
        return tenant.line.first  # type: ignore[return-value]

    def is_late(self, now: float) -> bool:
        """Whether its oldest request has waited more than half its time."""
        oldest = self.arrivals.first
        return oldest is not None and (now - oldest.arrived) * 2 > self.wait_s_max

    def dequeue(self, request: Request, served: bool) -> None:
        """It waits no longer; if it was `served`, its tenant has had its turn."""
        request.waiting = False
        self.waiting -= 1
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        tenant.waiting -= 1
        if request.continues:
            self.front.remove(request)
            if served:
                self.continued += 1
            return
        tenant.line.remove(request)
        if served:
            self.continued = 0
            if tenant.key > self.turn:
                self.turn = tenant.key
            tenant.key += 1.0
        if tenant.line.first is None:
            self.fair.remove(tenant)
        elif served:
            self.fair.served(tenant)

    # What it was given -----------------------------------------------------------------------

    def return_to(self, virtual: float, debt_max: float, now: float) -> None:
        """It waits again: its tag begins where the others are, plus what is left of a debt."""
        debt = self.tag - virtual
        if debt > 0.0:
            debt *= 0.5 ** ((now - self.left) / _HALF_LIFE_S)
            self.tag = virtual + min(debt, debt_max / self.weight)
        else:
            self.tag = virtual

    def charge(self, seconds: float, virtual: float, lag_max: float) -> None:
        """Places in use times seconds, more or less than was charged; the lag stays bounded."""
        self.tag += seconds / self.weight
        lag = lag_max / self.weight
        if self.tag > virtual + lag:
            self.tag = virtual + lag
        elif self.tag < virtual - lag:
            self.tag = virtual - lag

    def learn(self, held_s: float, followed: bool = False) -> None:
        """A lease ended after so long.

        `followed`: the place is another's, who was sent on behind it. Together they tell the mean,
        and none of them what is usual.
        """
        if held_s < _HOLD_S_MIN:
            held_s = _HOLD_S_MIN
        self.learned += 1
        if self.learned == 1:
            self.mean_s = held_s
            self.usual_s = held_s
            return
        self.mean_s += (held_s - self.mean_s) * _LEARNING
        if followed:
            return
        if self.learned <= _LEARNED_MIN:
            if held_s > self.usual_s:
                self.usual_s = min(self.usual_s * _STRIDE_UP, held_s)
            else:
                self.usual_s = max(self.usual_s / _STRIDE_DOWN, held_s)
        elif held_s > self.usual_s:
            self.usual_s *= _STEP_UP
        else:
            self.usual_s /= _STEP_DOWN

    def touch(self, now: float) -> None:
        """Counts the time since the last change; called before each."""
        passed_s = now - self.touched
        if passed_s == 0.0:
            return
        self.touched = now
        busy = self.busy + self.golden
        if busy:
            self.counters.service_s += busy * passed_s
        if self.waiting:
            self.counters.backlogged_s += passed_s
            self.counters.backlogged_service_s += busy * passed_s

    def estimate_s(self, tenant: Tenant, share: float) -> float:
        """How long one more request of a tenant would wait, if all goes well; 0.0: not known.

        Args:
            tenant: who asks.
            share: places that would be the lane's by its weight.
        """
        if self.learned < _LEARNED_MIN:
            return 0.0
        active = self.fair.count
        ahead = tenant.waiting * active if active > 1 else tenant.waiting
        if ahead > self.waiting:
            ahead = self.waiting
        places = max(float(self.reserve), float(self.busy), share, 1.0)
        return ahead * self.mean_s / places

    def set_deadline(self, request: Request) -> None:
        """Until when it may wait, and until when it may be started."""
        wait_s = self.wait_s_max
        if self.wait_is_default and request.patience_s > 0.0:
            wait_s = request.patience_s
        request.deadline = request.arrived + wait_s
        request.expires = request.arrived + wait_s * _EXPIRY_SHARE

    def note_ahead(self, request: Request) -> None:
        """Writes down what decides how long it can wait; called before it stands in line."""
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        request.was_short = self.busy < self.reserve
        request.promised = not self.suspended
        request.ahead = self.busy + tenant.waiting
        request.turns = 1 + tenant.waiting
        later = tenant.key - self.turn
        while later >= 1.0:  # few: fines are limited
            later -= 1.0
            request.turns += 1
        if not self.waiting:
            self.active_max = 0
            self.overtaken = self.newest_first
        elif request.continues:
            self.overtaken = True
        active = self.fair.count + (1 if tenant.line.first is None else 0)
        if active > self.active_max:
            self.active_max = active

    def bound_s(self, request: Request) -> float:
        """The longest that it could wait; `bounds.NO_BOUND` where nothing is promised."""
        if self.overtaken or not request.promised:
            return NO_BOUND
        ahead = request.ahead + (self.active_max - 1) * request.turns
        return wait_s_max(
            self.reserve, self.lease_s_max, self.loan_s_max, short=request.was_short, ahead=ahead
        )

    def hold(self, lease: Lease, now: float) -> None:
        """It has the lease from now on."""
        lease.held = True
        lease.since = now
        self.holders.append(lease)

    def let_go(self, lease: Lease) -> None:
        """The place of the lease is free."""
        lease.held = False
        self.holders.remove(lease)
