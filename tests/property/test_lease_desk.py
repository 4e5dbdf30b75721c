"""The lease desk under any sequence of events: nothing is lost, nobody is passed over for ever."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pglane.connection.settings import Vectors
from pglane.doors.lease import BACKOFF_S_MAX, Close, Grant, LeaseDesk, Need, Open, Reject
from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, OPENING, Slot
from pglane.scheduler.fifo import SWITCH_S_MAX, Request
from tests.support.desk_invariants import assert_consistent

USERS = ("anna", "berta")
WAIT_S_MAX = 3.0
VECTORS = Vectors()
SETTINGS = (VECTORS.empty, VECTORS.of({"work_mem": "1MB"}))
PICK = st.integers(min_value=0)


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
        self.desk = LeaseDesk(3, 2)
        self.waiting: list[Request] = []
        self.leased: dict[Slot, Request | None] = {}
        self.opening: dict[Slot, Request] = {}
        self.closing: list[Slot] = []
        self.lowered = False
        self.had_room = False

    # What the engine does -------------------------------------------------------------------

    def perform(self, decisions: list[object], offered: Slot | None = None) -> None:
        for decision in decisions:
            match decision:
                case Grant(request, slot):
                    self.granted(request, slot, offered)
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
                    assert request.deadline <= self.now

    def granted(self, request: Request, slot: Slot, offered: Slot | None) -> None:
        assert request in self.waiting, "granted after it left, expired or was granted"
        need = request.need
        assert isinstance(need, Need)
        assert slot.state == LEASED
        assert request.user == slot.user
        assert need.accepts(slot.base) or need.fresh
        if offered is slot and not need.fresh:
            for earlier in self.waiting[: self.waiting.index(request)]:
                self.was_rightly_passed_over(earlier, slot)
        self.waiting.remove(request)
        self.leased[slot] = request

    def was_rightly_passed_over(self, earlier: Request, slot: Slot) -> None:
        need = earlier.need
        assert isinstance(need, Need)
        fits = earlier.user == slot.user and need.accepts(slot.base)
        assert not fits, "out of order among equals"
        in_time = self.now - earlier.arrived < SWITCH_S_MAX
        assert in_time or earlier.claimed or self.had_room

    # What happens ---------------------------------------------------------------------------

    @rule(
        user=st.sampled_from(USERS),
        kind=st.sampled_from(["transaction", "transaction", "session", "direct"]),
        settings_index=st.integers(0, 1),
    )
    def somebody_asks(self, user: str, kind: str, settings_index: int) -> None:
        need = need_of(kind, settings_index)
        slot = self.desk.lease_idle(user, need, self.now)
        if slot is not None:
            assert slot.user == user
            assert need.accepts(slot.base)
            self.leased[slot] = None
            return
        request = Request(user, need, self.now, self.now + WAIT_S_MAX, object())
        self.waiting.append(request)
        self.perform(self.desk.arrive(request, self.now))

    @precondition(lambda self: self.leased)
    @rule(pick=PICK, cleaned=st.booleans())
    def a_lease_ends(self, pick: int, cleaned: bool) -> None:
        slot = list(self.leased)[pick % len(self.leased)]
        del self.leased[slot]
        if cleaned:
            self.desk.cleaning(slot, self.now)
            assert slot.state == CLEANING
        self.had_room = self.desk.ledger.has_room()
        self.perform(self.desk.released(slot, self.now), offered=slot)

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
            self.perform(self.desk.opened(slot, self.now), offered=slot)
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
        due = self.desk.next_deadline(self.now)
        if due is not None and due <= self.now:
            self.perform(self.desk.tick(self.now))

    @rule(budget=st.integers(1, 5), opening_max=st.integers(1, 3))
    def the_settings_change(self, budget: int, opening_max: int) -> None:
        self.lowered = budget < self.desk.ledger.used
        self.perform(self.desk.resize(budget, opening_max, self.now))

    # What stays true ------------------------------------------------------------------------

    @invariant()
    def the_desk_is_consistent(self) -> None:
        self.lowered = self.lowered and self.desk.ledger.used > self.desk.ledger.budget
        assert_consistent(self.desk, lowered=self.lowered)
        assert list(self.desk.queue) == self.waiting
        assert set(self.opening) == set(self.desk.ledger.in_state(OPENING))
        assert set(self.closing) == set(self.desk.ledger.in_state(CLOSING))
        assert set(self.leased) == set(self.desk.ledger.in_state(LEASED))

    @invariant()
    def nobody_waits_beside_a_place(self) -> None:
        """All are claimed, or nothing can be had now: no room, no idle one, or a pause."""
        ledger = self.desk.ledger
        if not self.waiting or self.desk.failure:
            return
        unclaimed = [request for request in self.waiting if not request.claimed]
        if unclaimed:
            assert not ledger.has_room() or ledger.count(OPENING) >= self.desk.opening_max
            assert not ledger.count(IDLE) or ledger.has_room()

    def teardown(self) -> None:
        self.everybody_is_served()
        self.nothing_is_left()

    def everybody_is_served(self) -> None:
        """The server is well and leases end: nobody waits for ever."""
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
                request.deadline = self.now + 1000
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


DeskMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestDesk = DeskMachine.TestCase
