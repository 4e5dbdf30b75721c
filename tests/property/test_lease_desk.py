"""The lease desk under any sequence of events: nothing is lost, nobody is passed over for ever."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pglane.connection.settings import Vectors
from pglane.doors.decisions import Close, Grant, Open, Recall, Reject
from pglane.doors.lane_plan import LanePlan
from pglane.doors.lease import BACKOFF_S_MAX, LeaseDesk
from pglane.doors.need import Need
from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, OPENING, Slot
from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import SWITCH_S_MAX
from pglane.scheduler.matching import BORROWING_DOORS, LaneMatching
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import RefusedBecause
from pglane.scheduler.request import Request
from tests.support.desk_invariants import assert_consistent

USERS = ("anna", "berta")
WAIT_S_MAX = 3.0
HOPELESS = RefusedBecause.HOPELESS
VECTORS = Vectors()
SETTINGS = (VECTORS.empty, VECTORS.of({"work_mem": "1MB"}))
PICK = st.integers(min_value=0)
KINDS = ("transaction", "session", "direct")
Kind = tuple[str, str, int, int]
"""Door, user, which settings, and which of several clients."""


def plan(reserve: int) -> LanePlan:
    """Each user of a door is a lane; one of them has a reservation, if that is not 0."""
    lanes = tuple(
        LanePolicy(
            f"{door}:{user}",
            wait_s_max=WAIT_S_MAX,
            borrows=door in BORROWING_DOORS,
            reserve=reserve if (door, user) == ("transaction", "anna") else 0,
        )
        for door in KINDS
        for user in USERS
    )
    return LanePlan(lanes, (), LaneMatching(lanes))


def need_of(kind: str, settings_index: int) -> Need:
    startup = SETTINGS[settings_index]
    exact = kind != "transaction"
    base = startup if exact else VECTORS.empty
    return Need(startup, base, exact=exact, fresh=kind == "direct")


class DeskMachine(RuleBasedStateMachine):
    """Plays the engine: carries decisions out at once, ends what they begin when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.desk = LeaseDesk(3, 2, plan(0))
        self.leases: dict[Kind, Request] = {}
        self.waiting: list[Request] = []
        self.leased: dict[Slot, Request] = {}
        self.opening: dict[Slot, Request] = {}
        self.closing: list[Slot] = []
        self.lowered = False
        self.had_room = False

    # What the engine does -------------------------------------------------------------------

    def perform(
        self, decisions: list[object], offered: Slot | None = None, *, was_claimed: bool = False
    ) -> None:
        for decision in decisions:
            match decision:
                case Grant(request, slot):
                    self.granted(request, slot, offered, was_claimed)
                case Open(slot, request):
                    assert request in self.waiting, "an opening for one who left"
                    assert slot.state == OPENING
                    assert slot.user == request.user
                    self.opening[slot] = request
                case Close(slot):
                    assert slot.state == CLOSING
                    self.leased.pop(slot, None)
                    self.closing.append(slot)
                case Reject(request):
                    self.waiting.remove(request)
                    assert request.refused is HOPELESS or request.expires <= self.now
                case Recall():
                    raise AssertionError(decision)

    def granted(
        self, request: Request, slot: Slot, offered: Slot | None, was_claimed: bool = False
    ) -> None:
        assert request in self.waiting, "granted after it left, expired or was granted"
        need = request.need
        assert isinstance(need, Need)
        assert slot.state == LEASED
        assert request.user == slot.user
        assert need.accepts(slot.base) or need.fresh
        if offered is slot and not need.fresh:
            for earlier in self.waiting[: self.waiting.index(request)]:
                if earlier.lane is request.lane:
                    self.was_rightly_passed_over(earlier, slot, was_claimed)
        self.waiting.remove(request)
        self.leased[slot] = request

    def was_rightly_passed_over(self, earlier: Request, slot: Slot, was_claimed: bool) -> None:
        need = earlier.need
        assert isinstance(need, Need)
        fits = earlier.user == slot.user and need.accepts(slot.base)
        assert not fits, "out of order among equals"
        in_time = self.now - earlier.arrived < SWITCH_S_MAX
        assert in_time or earlier.claimed or self.had_room or self.desk.failure or was_claimed

    # What happens ---------------------------------------------------------------------------

    @rule(
        user=st.sampled_from(USERS),
        kind=st.sampled_from(["transaction", "transaction", "session", "direct"]),
        settings_index=st.integers(0, 1),
        number=st.integers(0, 2),
    )
    def somebody_asks(self, user: str, kind: str, settings_index: int, number: int) -> None:
        self.now += 1e-6  # so that there is an order of arrival
        request = self.request_of((kind, user, settings_index, number))
        need = request.need
        assert isinstance(need, Need)
        slot = self.desk.lease_idle(request, self.now)
        if slot is not None:
            assert slot.user == user
            assert need.accepts(slot.base)
            self.leased[slot] = request
            return
        self.waiting.append(request)
        self.perform(self.desk.arrive(request, self.now))

    def request_of(self, kind: Kind) -> Request:
        """A client's own object, unless a place is booked with it or it waits."""
        door, user, settings_index, _ = kind
        request = self.leases.get(kind)
        if request is None or request.held or request.waiting:
            lane = self.desk.queue.lanes[f"{door}:{user}"]
            need = need_of(door, settings_index)
            request = Request(lane, lane.tenants.enter(""), user, need, object())
            self.leases[kind] = request
        return request

    @precondition(lambda self: self.leased)
    @rule(pick=PICK, cleaned=st.booleans())
    def a_lease_ends(self, pick: int, cleaned: bool) -> None:
        slot = list(self.leased)[pick % len(self.leased)]
        del self.leased[slot]
        if cleaned:
            self.desk.cleaning(slot, self.now)
            assert slot.state == CLEANING
        self.had_room = self.desk.ledger.has_room()
        passed_on = None if self.lowered else self.desk.pass_on(slot, self.now)
        if passed_on is None:
            self.perform(self.desk.released(slot, self.now), offered=slot)
        else:
            self.granted(passed_on, slot, slot)
            self.perform(self.desk.rejections(self.now))

    @precondition(lambda self: self.leased)
    @rule(pick=PICK)
    def a_leased_one_is_closed(self, pick: int) -> None:
        slot = list(self.leased)[pick % len(self.leased)]
        del self.leased[slot]
        self.closing.append(slot)
        self.perform(self.desk.closing(slot, self.now))
        assert self.desk.closing(slot, self.now) == []

    @precondition(lambda self: self.desk.ledger.count(IDLE))
    @rule()
    def an_idle_one_is_closed(self) -> None:
        slot = self.desk.ledger.in_state(IDLE)[0]
        self.closing.append(slot)
        self.perform(self.desk.closing(slot, self.now))

    @precondition(lambda self: self.opening)
    @rule(pick=PICK)
    def an_opening_succeeds(self, pick: int) -> None:
        slot = list(self.opening)[pick % len(self.opening)]
        request = self.opening.pop(slot)
        need = request.need
        assert isinstance(need, Need)
        self.had_room = self.desk.ledger.has_room()
        if not need.fresh:
            claimed = request.claimed
            self.perform(self.desk.opened(slot, self.now), offered=slot, was_claimed=claimed)
        elif request in self.waiting:
            self.perform(self.desk.opened_for(slot, request, self.now))
        else:
            self.closing.append(slot)
            self.perform(self.desk.closing(slot, self.now))

    @precondition(lambda self: self.opening)
    @rule(pick=PICK, jitter=st.floats(0, 0.999))
    def an_opening_fails(self, pick: int, jitter: float) -> None:
        slot = list(self.opening)[pick % len(self.opening)]
        del self.opening[slot]
        self.perform(self.desk.opening_failed(slot, "refused", jitter, self.now))
        assert not self.desk.failure or not self.opening or self.desk.failure == "refused"

    @precondition(lambda self: self.closing)
    @rule(pick=PICK)
    def a_backend_ends(self, pick: int) -> None:
        slot = self.closing.pop(pick % len(self.closing))
        self.perform(self.desk.gone(slot, self.now))

    @precondition(lambda self: self.leased or self.desk.ledger.count(IDLE))
    @rule(pick=PICK)
    def a_server_dies(self, pick: int) -> None:
        slots = [*self.leased, *self.desk.ledger.in_state(IDLE)]
        slot = slots[pick % len(slots)]
        self.leased.pop(slot, None)
        self.perform(self.desk.gone(slot, self.now))

    @precondition(lambda self: self.waiting)
    @rule(pick=PICK)
    def somebody_leaves(self, pick: int) -> None:
        request = self.waiting.pop(pick % len(self.waiting))
        self.perform(self.desk.leave(request, self.now))
        assert request not in self.desk.queue

    @rule(after_s=st.sampled_from([0.001, SWITCH_S_MAX, 0.3, WAIT_S_MAX]))
    def time_passes(self, after_s: float) -> None:
        self.now += after_s
        if self.desk.next_deadline(self.now) <= self.now:
            self.perform(self.desk.tick(self.now))

    @rule(budget=st.integers(1, 5), opening_max=st.integers(1, 3), reserve=st.integers(0, 1))
    def the_settings_change(self, budget: int, opening_max: int, reserve: int) -> None:
        self.lowered = budget < self.desk.ledger.used
        self.perform(self.desk.resize(budget, opening_max, self.now, plan(reserve)))

    # What stays true ------------------------------------------------------------------------

    @invariant()
    def the_desk_is_consistent(self) -> None:
        self.lowered = self.lowered and self.desk.ledger.used > self.desk.ledger.budget
        assert_consistent(self.desk, lowered=self.lowered)
        assert set(self.desk.queue) == set(self.waiting)
        assert set(self.opening) == set(self.desk.ledger.in_state(OPENING))
        assert set(self.closing) == set(self.desk.ledger.in_state(CLOSING))
        assert set(self.leased) == set(self.desk.ledger.in_state(LEASED))

    @invariant()
    def nobody_waits_beside_a_place(self) -> None:
        """All are claimed, or may have no place now; or none can be opened."""
        ledger, queue = self.desk.ledger, self.desk.queue
        leases = {slot.lease for slot in ledger}
        promised = sum(each.claimed and each not in leases for each in self.waiting)
        if self.desk.failure or not (ledger.room() > promised or ledger.count(IDLE)):
            return
        for request in self.waiting:
            lane = request.lane
            assert isinstance(lane, Lane)
            assert request.claimed or not queue.admits(lane)

    def teardown(self) -> None:
        self.everybody_is_served()
        self.nothing_is_left()

    def everybody_is_served(self) -> None:
        """The server is well, leases end, nothing is reserved: nobody waits for ever."""
        self.the_settings_change(self.desk.ledger.budget, self.desk.opening_max, 0)
        for _ in range(60):
            if not self.waiting:
                break
            for slot in list(self.opening):
                self.an_opening_succeeds(list(self.opening).index(slot))
            for slot in list(self.leased):
                if slot in self.leased:
                    self.a_lease_ends(list(self.leased).index(slot), False)
            while self.closing:
                self.a_backend_ends(0)
            self.now += SWITCH_S_MAX + BACKOFF_S_MAX * 2
            for request in self.waiting:
                request.expires = self.now + 1000
            self.perform(self.desk.tick(self.now))
            self.the_desk_is_consistent()
        assert not self.waiting

    def nothing_is_left(self) -> None:
        """Neither promise nor claim outlives who it was for."""
        while self.opening:
            self.an_opening_succeeds(0)
        while self.leased:
            self.a_lease_ends(0, False)
        while self.closing:
            self.a_backend_ends(0)
        ledger = self.desk.ledger
        assert ledger.count(IDLE) == ledger.used <= ledger.budget
        assert self.desk.debts() == 0


DeskMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
TestDesk = DeskMachine.TestCase
