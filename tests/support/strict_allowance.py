"""A door's answer to texts, as strict as a test needs it."""

from pglane.connection.allowance import Allowance
from pglane.wire.statements import Effect
from tests.support.lease import encoded, error


class Strict(Allowance):
    """LOAD may never run, TEMP not now, and lastval only where a value was drawn.

    Args:
        more: other effects that may not be left.
    """

    def __init__(self, more: int = 0) -> None:
        self.drew: list[bool] = []
        self._more = more

    def asked(self) -> int:
        asked = Effect.LOAD | Effect.TEMP | Effect.SEQUENCE_READ | Effect.UNKNOWN
        return int(asked) | self._more

    def is_timely(self, effects: int) -> bool:
        return bool(effects & Effect.SEQUENCE_READ)

    def standing_refusal(self, effects: int, text: bytes) -> bytes:
        return encoded(error(b"55000", M=text)) if effects & Effect.LOAD else b""

    def refusal(self, effects: int, text: bytes, *, drew: bool, strangers_drew: bool) -> bytes:
        self.drew.append(drew)
        if strangers_drew:
            return encoded(error(b"55000", M=text))
        refused = not drew if effects & Effect.SEQUENCE_READ else effects != Effect.UNKNOWN
        return encoded(error(b"55000", M=text)) if refused else b""
