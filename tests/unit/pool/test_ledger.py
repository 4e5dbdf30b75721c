"""The ledger: one state per slot, one budget."""

import pytest

from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, OPENING, Ledger, Slot


def opened(ledger: Ledger, user: str = "anna", now: float = 1.0) -> Slot:
    slot = ledger.open(user, None, now)
    ledger.move(slot, IDLE, now)
    return slot


def test_a_budget_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1 server connection, not 0"):
        Ledger(0)


def test_slots_are_opened_until_the_budget_is_used_up() -> None:
    ledger = Ledger(2)
    first = ledger.open("anna", None, 1.0)
    assert ledger.has_room()
    ledger.open("anna", None, 2.0)
    assert not ledger.has_room()
    with pytest.raises(RuntimeError, match="the budget of 2 is used up"):
        ledger.open("anna", None, 3.0)
    ledger.remove(first)
    assert ledger.has_room()
    assert ledger.used == 1


def test_every_slot_is_counted_where_it_is() -> None:
    ledger = Ledger(9)
    slots = [ledger.open("anna", None, 1.0) for _ in range(6)]
    ledger.move(slots[1], IDLE, 2.0)
    ledger.move(slots[2], LEASED, 2.0)
    ledger.move(slots[3], LEASED, 2.0)
    ledger.move(slots[3], CLEANING, 3.0)
    ledger.move(slots[4], CLOSING, 2.0)
    ledger.remove(slots[5])
    told = ledger.statistics()
    assert (told.budget, told.opening, told.idle, told.leased) == (9, 1, 1, 1)
    assert (told.cleaning, told.closing, told.used) == (1, 1, 5)
    assert set(ledger) == set(slots[:5])
    assert ledger.count(CLEANING) == 1
    assert slots[3].since == 3.0
    assert slots[3].opened == 1.0


def test_a_transition_that_is_not_there_is_refused() -> None:
    ledger = Ledger(1)
    slot = ledger.open("anna", None, 1.0)
    ledger.move(slot, CLOSING, 2.0)
    with pytest.raises(RuntimeError, match="no way from CLOSING to IDLE"):
        ledger.move(slot, IDLE, 3.0)


@pytest.mark.parametrize("state", [OPENING, IDLE])
def test_a_slot_that_exists_no_more_is_noticed(state: int) -> None:
    ledger = Ledger(1)
    slot = ledger.open("anna", None, 1.0)
    if state == IDLE:
        ledger.move(slot, IDLE, 2.0)
    ledger.remove(slot)
    name = "IDLE" if state == IDLE else "OPENING"
    with pytest.raises(RuntimeError, match=f"says {name} and exists no more"):
        ledger.remove(slot)
    with pytest.raises(RuntimeError, match=f"says {name} and exists no more"):
        ledger.move(slot, LEASED, 3.0)
    assert ledger.shelf_of("anna").newest is None
    assert (ledger.used, ledger.count(state), list(ledger)) == (0, 0, [])


def test_the_newest_idle_one_of_a_role_is_leased_first() -> None:
    ledger = Ledger(4)
    first, second = opened(ledger, now=1.0), opened(ledger, now=2.0)
    other = opened(ledger, "berta", now=0.5)
    shelf = ledger.shelf_of("anna")
    assert shelf.newest is second
    assert shelf.ledger is ledger
    assert ledger.shelf_of("anna") is shelf
    assert ledger.shelf_of("nobody").newest is None
    assert ledger.idle_of("anna") == [second, first]
    assert ledger.idle_of("nobody") == []
    assert ledger.oldest_idle() is other
    assert (ledger.count_of("anna"), ledger.count_of("berta")) == (2, 1)
    ledger.move(first, LEASED, 3.0)
    assert ledger.idle_of("anna") == [second]
    ledger.move(second, LEASED, 3.0)
    assert shelf.newest is None


def test_nobody_is_the_oldest_where_nothing_is_idle() -> None:
    assert Ledger(1).oldest_idle() is None


def test_a_slot_that_is_handed_over_stays_leased_from_now_on() -> None:
    ledger = Ledger(1)
    slot = opened(ledger, now=1.0)
    ledger.move(slot, LEASED, 2.0)
    ledger.hand_over(slot, 3.0)
    assert (slot.state, slot.since, ledger.room()) == (LEASED, 3.0, 0)


def test_slots_of_a_state_are_told_longest_there_first() -> None:
    ledger = Ledger(3)
    slots = [opened(ledger, now=when) for when in (3.0, 1.0, 2.0)]
    assert ledger.in_state(IDLE) == [slots[1], slots[2], slots[0]]
    assert ledger.in_state(OPENING) == []


def test_what_is_ending_is_no_excess_of_a_lowered_budget() -> None:
    ledger = Ledger(3)
    slots = [opened(ledger) for _ in range(3)]
    assert ledger.excess() == 0
    ledger.budget = 1
    assert ledger.excess() == 2
    ledger.move(slots[0], CLOSING, 2.0)
    assert ledger.excess() == 1
    assert not ledger.has_room()


def test_slots_come_back_to_their_place_and_leave_it_in_any_order() -> None:
    ledger = Ledger(4)
    slots = [opened(ledger, now=float(when)) for when in range(3)]
    other = opened(ledger, "berta", now=9.0)
    for slot in (slots[1], slots[0]):
        ledger.move(slot, LEASED, 10.0)
    assert ledger.idle_of("anna") == [slots[2]]
    assert ledger.oldest_idle() is slots[2]
    ledger.move(slots[0], IDLE, 11.0)
    assert ledger.idle_of("anna") == [slots[0], slots[2]]
    ledger.move(slots[2], LEASED, 12.0)
    ledger.move(slots[0], LEASED, 13.0)
    assert ledger.idle_of("anna") == []
    assert ledger.oldest_idle() is other
    assert ledger.in_state(LEASED) == [slots[1], slots[2], slots[0]]
    assert (ledger.count(IDLE), ledger.count(LEASED)) == (1, 3)
    ledger.remove(slots[2])
    assert set(ledger) == {slots[0], slots[1], other}


def test_of_two_roles_the_one_idle_for_longest_is_the_oldest() -> None:
    ledger = Ledger(2)
    first, _ = opened(ledger, now=1.0), opened(ledger, "berta", now=2.0)
    assert ledger.oldest_idle() is first
