"""What must be true of a lease desk after every event, whoever drives it."""

from pglane.doors.lease import LeaseDesk
from pglane.doors.need import Need
from pglane.pool.ledger import CLOSING, IDLE, SlotState
from pglane.scheduler.request import Lease


def assert_consistent(desk: LeaseDesk, *, lowered: bool = False) -> None:
    """Every slot is in one place, the budget is kept, nobody waits beside what would do.

    Args:
        desk: the desk.
        lowered: the budget was made smaller while more was in use: it is kept from then on only
            as leases end.
    """
    ledger = desk.ledger
    statistics = ledger.statistics()
    slots = list(ledger)
    assert len(slots) == len(set(slots)) == statistics.used == ledger.used
    for state in SlotState:
        assert {slot.state for slot in ledger.in_state(state)} <= {state}
        assert len(ledger.in_state(state)) == ledger.count(state)
    assert ledger.used <= ledger.budget or lowered
    assert ledger.excess() <= 0 or not ledger.count(IDLE)
    assert_books_are_kept(desk)
    for slot in ledger.in_state(IDLE):
        assert slot in ledger.idle_of(slot.user)
        for request in desk.queue:
            need = request.need
            assert isinstance(need, Need)
            fits = request.user == slot.user and need.accepts(slot.base)
            assert not fits or not desk.queue.admits(request.lane), "a free slot is kept"


def assert_books_are_kept(desk: LeaseDesk) -> None:
    """Each slot that is not idle has a lease that books its place, and nobody else has one."""
    used = [slot for slot in desk.ledger if slot.state != IDLE]
    leases = [slot.lease for slot in used if slot.lease is not None]
    assert all(slot.state == CLOSING for slot in used if slot.lease is None)
    assert all(isinstance(lease, Lease) and lease.held for lease in leases)
    assert len({id(lease) for lease in leases}) == len(leases)
    assert all(slot.lease is None for slot in desk.ledger.in_state(IDLE))
    coming = [request for request in desk.queue if request.claimed]
    promised = [request for request in coming if request not in leases]
    assert desk.queue.budget.busy == len(leases) + len(promised)
    assert desk.debts() == len(coming)
    booked = sum(lane.busy for lane in desk.queue.lanes.values())
    assert booked <= desk.queue.budget.busy
    assert not desk.queue.refused, "somebody was refused and is not told"
