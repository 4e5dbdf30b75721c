"""Where a client has its server connection to itself, nothing is asked and nothing refused."""

from pglane.connection.allowance import Allowance
from pglane.wire.statements import Effect


def test_everything_is_allowed() -> None:
    allowance = Allowance()
    assert allowance.asked() == 0
    for effect in map(int, Effect):
        assert not allowance.is_timely(effect)
        assert allowance.standing_refusal(effect, b"SELECT 1") == b""
        told = allowance.refusal(effect, b"SELECT 1", drew=False, strangers_drew=True)
        assert told == b""
