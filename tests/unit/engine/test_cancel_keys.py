"""Cancel keys: random, ours, and each of one client."""

from pglane.engine.cancel_keys import PROCESS_IDS, CancelKeys
from pglane.engine.randomness import RandomBytes
from pglane.wire.startup import CancelRequest


def test_keys_are_of_the_length_the_protocol_has() -> None:
    keys = CancelKeys(RandomBytes())
    short, long = keys.issue(False), keys.issue(True)
    assert (len(short[1]), len(long[1])) == (4, 32)
    assert short[0] != long[0]
    assert keys.find(CancelRequest(short[0], short[1])) is None, "nobody has been given it yet"
    keys.withdraw(short[0])
    keys.withdraw(short[0])


class Loaded(RandomBytes):
    """Gives numbers that are known before."""

    def __init__(self, numbers: list[int]) -> None:
        RandomBytes.__init__(self)
        self.numbers = iter(numbers)

    def take(self, count: int) -> bytes:
        return next(self.numbers).to_bytes(4, "big") + b"k" * (count - 4)


def test_process_ids_are_those_of_no_process() -> None:
    """`pg_terminate_backend(the id of the login)` must not hit a stranger."""
    keys = CancelKeys(Loaded([0, 0, 1, PROCESS_IDS - 1]))
    ids = [keys.issue(False)[0] for _ in range(3)]
    assert ids == [4_194_305, 4_194_306, 2**31 - 1]


def test_ids_are_spread_over_all_that_there_are() -> None:
    keys = CancelKeys(Loaded([0xFFFF_FFFF]))
    assert keys.issue(False)[0] == 4_194_305 + 0xFFFF_FFFF % PROCESS_IDS
