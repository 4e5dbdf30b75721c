"""The account of what is held."""

import pytest

from pglane.engine.memory import COPIES, OVER, ROOM, TIGHT, Memory

BOUND = 1_000_000


@pytest.fixture
def memory():
    memory = Memory()
    memory.limit(BOUND)
    return memory


def test_there_is_no_bound_until_one_is_set() -> None:
    memory = Memory()
    memory.add(1 << 40)
    assert not memory.is_tight()
    memory.limit(BOUND)
    assert memory.is_over()


def test_it_is_tight_before_it_is_over(memory) -> None:
    memory.add(int(BOUND * TIGHT))
    assert not memory.is_tight()
    memory.add(1)
    assert memory.is_tight()
    assert not memory.is_over()
    memory.note(int(BOUND * OVER) - memory.used_bytes)
    assert not memory.is_over()
    memory.note(1)
    assert memory.is_over()
    memory.add(-memory.used_bytes)
    assert not memory.is_tight()


def test_room_is_less_than_tight(memory) -> None:
    memory.add(int(BOUND * ROOM))
    assert not memory.lacks_room()
    memory.add(1)
    assert memory.lacks_room()


def test_the_alarm_is_given_once_until_somebody_came(memory) -> None:
    alarms = []
    memory.alarm = lambda: alarms.append(memory.used_bytes)
    memory.add(BOUND)
    memory.add(1)
    assert alarms == [BOUND]
    assert memory.alarmed
    memory.calm()
    memory.add(-1)  # what leaves alarms nobody
    assert not memory.alarmed
    memory.add(1)
    assert alarms == [BOUND, BOUND + 1]


def test_an_alarm_that_nobody_hears_does_no_harm(memory) -> None:
    memory.add(BOUND)
    assert memory.alarmed


def test_a_message_that_comes_in_takes_room_for_its_copies(memory) -> None:
    memory.expect(100)
    memory.expect(50)
    assert (memory.largest_bytes, memory.used_bytes) == (100, 100 * COPIES)
    memory.expect_no_more_than(200)
    assert memory.used_bytes == 100 * COPIES
    memory.expect_no_more_than(30)
    assert (memory.largest_bytes, memory.used_bytes) == (30, 30 * COPIES)


def test_a_weight_counts_as_long_as_it_lives(memory) -> None:
    weight = memory.weigh(500)
    assert memory.used_bytes == 500
    del weight
    assert memory.used_bytes == 0
