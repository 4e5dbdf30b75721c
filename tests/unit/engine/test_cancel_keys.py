"""Cancel keys: random, ours, and each of one client."""

from types import SimpleNamespace

from pglane.engine.cancel_keys import PROCESS_IDS, CancelKeys
from pglane.engine.randomness import RandomBytes
from pglane.wire.startup import CancelRequest


def test_keys_are_of_the_length_the_protocol_has() -> None:
    keys = CancelKeys(RandomBytes())
    short, long = keys.new_key(False), keys.new_key(True)
    assert (len(short), len(long)) == (4, 32)
    assert keys.new_key(True) != long


def test_a_key_means_the_client_that_it_was_given_to() -> None:
    keys = CancelKeys(RandomBytes())
    one, other = SimpleNamespace(key=b"1" * 4), SimpleNamespace(key=b"2" * 32)
    ids = [keys.assign(one), keys.assign(other)]
    assert keys.find(CancelRequest(ids[0], one.key)) is one
    assert keys.find(CancelRequest(ids[1], other.key)) is other
    assert keys.find(CancelRequest(ids[0], other.key)) is None
    assert keys.knows(ids[0])
    keys.withdraw(ids[0])
    keys.withdraw(ids[0])
    assert not keys.knows(ids[0])
    assert keys.find(CancelRequest(ids[0], one.key)) is None


class Loaded(RandomBytes):
    """Gives numbers that are known before."""

    def __init__(self, numbers: list[int]) -> None:
        RandomBytes.__init__(self)
        self.numbers = iter(numbers)

    def take_number(self) -> int:
        return next(self.numbers)


def test_process_ids_are_those_of_no_process() -> None:
    """`pg_terminate_backend(the id of the login)` must not hit a stranger."""
    keys = CancelKeys(Loaded([0, 0, 1, PROCESS_IDS - 1]))
    ids = [keys.assign(SimpleNamespace()) for _ in range(3)]
    assert ids == [4_194_305, 4_194_306, 2**31 - 1]


def test_ids_are_spread_over_all_that_there_are() -> None:
    keys = CancelKeys(Loaded([0xFFFF_FFFF]))
    assert keys.assign(SimpleNamespace()) == 4_194_305 + 0xFFFF_FFFF % PROCESS_IDS
