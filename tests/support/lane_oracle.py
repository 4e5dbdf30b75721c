"""The rules of lanes a second time: slow, by looking at everything, with lists and no heap.

It is asked after the scheduler has decided: was this lane one of those that may be next, and this
request one of those of the lane? Ties are the scheduler's to break. Then it does the same to its
own books. Nothing here is shared with the scheduler but the policies.
"""

from dataclasses import dataclass, field

from pglane.scheduler.policy import LanePolicy

NEAR = 1e-9
CREDIT_S_PER_PLACE = 1.0
FIRST_CHARGE_S = 0.0001
CONTINUED_MAX = 16
REQUESTS_MAX = 16


@dataclass
class Waiting:
    key: object
    tenant: str
    arrived: float
    work: str
    continues: bool = False


@dataclass
class Holding:
    key: object
    tenant: str
    since: float
    charged: float
    work: str
    golden: bool = False


@dataclass
class SlowLane:
    policy: LanePolicy
    waiting: list[Waiting] = field(default_factory=list)
    front: list[Waiting] = field(default_factory=list)
    lines: dict[str, list[Waiting]] = field(default_factory=dict)
    continued: int = 0
    holding: list[Holding] = field(default_factory=list)
    tag: float = 0.0
    turn: float = 0.0
    turns: dict[str, float] = field(default_factory=dict)
    left: float = 0.0
    holds: list[float] = field(default_factory=list)
    mean: float = 0.0
    usual: float = 0.0

    @property
    def missing(self) -> int:
        return max(self.policy.reserve - self.ordinary, 0)

    @property
    def beyond(self) -> int:
        return max(self.ordinary - self.policy.reserve, 0)

    @property
    def ordinary(self) -> int:
        return sum(not each.golden for each in self.holding)

    @property
    def kept(self) -> int:
        """Places that are free and nobody else's: of the reservation, and of the ticket."""
        unused = self.policy.golden - len(self.holding) + self.ordinary
        return min(self.policy.kept_free, self.missing) + unused

    def stands(self, request: Waiting) -> None:
        if request.continues:
            self.front.append(request)
        else:
            self.turns[request.tenant] = self.turn_of(request.tenant)
            self.lines.setdefault(request.tenant, []).append(request)

    def turn_of(self, tenant: str) -> float:
        turn = self.turns.get(tenant, 0.0)
        return turn if self.lines.get(tenant) else max(turn, self.turn)

    def leaves(self, request: Waiting) -> None:
        self.waiting.remove(request)
        (self.front if request.continues else self.lines[request.tenant]).remove(request)

    def learn(self, held_s: float) -> None:
        self.holds.append(held_s)
        if len(self.holds) == 1:
            self.mean = self.usual = held_s
            return
        self.mean += (held_s - self.mean) / 16
        if len(self.holds) <= 16:
            self.usual = min(max(held_s, self.usual / 64), self.usual * 4)
        else:
            self.usual = self.usual * 1.05 if held_s > self.usual else self.usual / 1.05**3


class Oracle:
    """Knows what may happen next."""

    def __init__(self, budget: int, policies: list[LanePolicy], doors: dict[str, int]) -> None:
        self.budget = budget
        self.doors = doors
        self.lanes = {policy.name: SlowLane(policy) for policy in policies}
        self.virtual = 0.0
        self.contended_since = 0.0

    # What may be ------------------------------------------------------------------------------

    def rooms(self, lane: SlowLane) -> list[tuple[int, list[SlowLane]]]:
        """Every limit that a lane is below, with the lanes that share it."""
        rooms = [(self.budget, list(self.lanes.values()))]
        door = lane.policy.door
        if door in self.doors:
            inside = [each for each in self.lanes.values() if each.policy.door == door]
            rooms.append((self.doors[door], inside))
        return rooms

    def has_room(self, lane: SlowLane) -> bool:
        limit = lane.policy.limit
        if limit and lane.ordinary >= limit - lane.policy.golden:
            return False
        return all(
            sum(len(each.holding) for each in inside) < places
            for places, inside in self.rooms(lane)
        )

    def may_have(self, lane: SlowLane) -> bool:
        """Whether one more place could be the lane's."""
        if not self.has_room(lane):
            return False
        kept_free = lane.policy.kept_free
        if lane.missing and kept_free >= lane.policy.reserve:
            return True
        for places, inside in self.rooms(lane):
            busy = sum(len(each.holding) for each in inside)
            guarded = sum(each.kept for each in inside)
            guarded -= min(kept_free, lane.missing)
            if places - busy - 1 < guarded:
                return False
            if lane.missing:
                continue
            if not lane.policy.borrows:
                reserved = sum(each.policy.reserve + each.policy.golden for each in inside)
                endless = sum(each.beyond for each in inside if not each.policy.borrows)
                if endless + 1 > places - reserved:
                    return False
        return True

    def next_lanes(self, own: str | None) -> list[SlowLane]:
        """Those that may be next; equals are all named."""
        waiting = [each for each in self.lanes.values() if each.waiting]
        mine = [each for each in waiting if each.policy.name == own and each.missing]
        if mine and self.has_room(mine[0]):
            return mine
        able = [each for each in waiting if self.may_have(each)]
        owed = [each for each in able if each.missing]
        if owed:
            return least(owed, lambda each: each.waiting[0].arrived)
        return least(able, lambda each: each.tag)

    def next_requests(self, lane: SlowLane) -> list[object]:
        """The first of every tenant whose turn it is."""
        firsts = {tenant: line[0] for tenant, line in lane.lines.items() if line}
        if lane.front and (lane.continued < CONTINUED_MAX or not firsts):
            return [lane.front[0].key]
        turn = [(lane.turns.get(tenant, 0.0), waiting.key) for tenant, waiting in firsts.items()]
        lowest = min(key for key, _ in turn)
        return [request for key, request in turn if key <= lowest + NEAR]

    def by_tickets(self) -> list[object]:
        """Who could have a place of a ticket."""
        return [
            each.key
            for lane in self.lanes.values()
            if (each := self.by_ticket(lane)) is not None and self.has_ticket(lane)
        ]

    def has_ticket(self, lane: SlowLane) -> bool:
        if len(lane.holding) - lane.ordinary >= lane.policy.golden:
            return False
        return all(
            sum(len(each.holding) for each in inside) < places
            for places, inside in self.rooms(lane)
        )

    def by_ticket(self, lane: SlowLane) -> Waiting | None:
        holders = {each.work for each in lane.holding if each.golden}
        assert len(holders) <= 1
        able = [
            each
            for each in (lane.waiting if holders else lane.front)
            if each.continues and (not holders or each.work in holders)
        ]
        return able[0] if able else None

    # Works ------------------------------------------------------------------------------------

    def has(self, work: str) -> int:
        return sum(each.work == work for lane in self.lanes.values() for each in lane.holding)

    def asks(self, work: str) -> list[tuple[SlowLane, Waiting]]:
        """Its requests, in the order in which they came."""
        found = [
            (lane, each)
            for lane in self.lanes.values()
            for each in lane.waiting
            if each.work == work
        ]
        return sorted(found, key=lambda one: one[1].arrived)

    def begins(self, work: str) -> None:
        """It has its first place."""
        for lane, each in self.asks(work)[: REQUESTS_MAX - 1]:
            lane.lines[each.tenant].remove(each)
            each.continues = True
            lane.front.append(each)

    def ceases(self, work: str) -> None:
        """It has no place any more."""
        for lane, each in reversed(self.asks(work)):
            if each.continues:
                lane.front.remove(each)
                each.continues = False
                lane.turns[each.tenant] = lane.turn_of(each.tenant)
                lane.lines.setdefault(each.tenant, []).insert(0, each)

    # What happened ----------------------------------------------------------------------------

    def took(self, name: str, tenant: str, key: object, work: str, now: float) -> None:
        self.lanes[name].holding.append(Holding(key, tenant, now, 0.0, work))
        if work and self.has(work) == 1:
            self.begins(work)

    def arrived(self, name: str, tenant: str, key: object, work: str, now: float) -> None:
        lane = self.lanes[name]
        has = self.has(work) if work else 0
        if not any(each.waiting for each in self.lanes.values()):
            self.contended_since = now
        if not lane.waiting:
            debt = max(lane.tag - self.virtual, 0.0) * 0.5 ** ((now - lane.left) / 30.0)
            lane.tag = self.virtual + min(debt, self.credit(lane))
        request = Waiting(key, tenant, now, work)
        request.continues = has > 0 and has + len(self.asks(work)) < REQUESTS_MAX
        lane.stands(request)
        lane.waiting.append(request)

    def granted(self, name: str, key: object, now: float, *, golden: bool) -> None:
        lane = self.lanes[name]
        request = next(each for each in lane.waiting if each.key is key)
        if not lane.missing and not golden:
            self.virtual = max(self.virtual, lane.tag)
        lane.leaves(request)
        if not lane.waiting:
            lane.left = now
        if request.continues:
            lane.continued += 1
        else:
            lane.continued = 0
            turn = lane.turns[request.tenant]
            lane.turn = max(lane.turn, turn)
            lane.turns[request.tenant] = turn + 1.0
        charged = lane.mean or FIRST_CHARGE_S
        self.charge(lane, charged)
        work = request.work
        lane.holding.append(Holding(key, request.tenant, now, charged, work, golden))
        if work and self.has(work) == 1:
            self.begins(work)

    def ended(self, name: str, key: object, now: float) -> None:
        lane = self.lanes[name]
        lease = next(each for each in lane.holding if each.key is key)
        others = [each for each in lane.holding if each.golden and each.work == lease.work]
        lane.holding.remove(lease)
        if others and not lease.golden:
            others[0].golden = False
        if lease.work and not self.has(lease.work):
            self.ceases(lease.work)
        held_s = now - lease.since
        lane.learn(max(held_s, 0.0001))
        if any(each.waiting for each in self.lanes.values()):
            self.charge(lane, now - max(lease.since, self.contended_since) - lease.charged)
            if lane.waiting:
                fine = min(held_s / lane.usual - 1.0, 16.0)
                if fine > 0:
                    key_now = max(lane.turns.get(lease.tenant, 0.0), lane.turn)
                    lane.turns[lease.tenant] = max(
                        lane.turns.get(lease.tenant, 0.0), min(key_now + fine, lane.turn + 17.0)
                    )

    def left(self, name: str, key: object, now: float) -> None:
        lane = self.lanes[name]
        lane.leaves(next(each for each in lane.waiting if each.key is key))
        if not lane.waiting:
            lane.left = now

    def credit(self, lane: SlowLane) -> float:
        return self.budget * CREDIT_S_PER_PLACE / lane.policy.weight

    def charge(self, lane: SlowLane, seconds: float) -> None:
        tag = lane.tag + seconds / lane.policy.weight
        credit = self.credit(lane)
        lane.tag = min(max(tag, self.virtual - credit), self.virtual + credit)


def least(lanes, key):
    """All whose key is the least."""
    lowest = min(map(key, lanes), default=0.0)
    return [lane for lane in lanes if key(lane) <= lowest + NEAR]
