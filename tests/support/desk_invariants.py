"""What must be true of a lease desk after every event, whoever drives it."""

from pglane.doors.lease import LeaseDesk, Need
from pglane.pool.ledger import IDLE, SlotState


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
    for slot in ledger.in_state(IDLE):
        assert slot in ledger.idle_of(slot.user)
        for request in desk.queue:
            need = request.need
            assert isinstance(need, Need)
            assert request.user != slot.user or not need.accepts(slot.base), "a free slot is kept"
