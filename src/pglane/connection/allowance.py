"""What a client's texts may leave on the server connection that it holds.

The question is asked here, where texts pass, and answered by the door (`doors/session_state.py`).
It is asked only for texts with one of the effects in `asked`; where a client has its server
connection to itself nothing is.
"""


class Allowance:
    """Answers for one client."""

    __slots__ = ()

    def asked(self) -> int:
        """The `Effect` bits for which `refusal` must be asked."""
        return 0

    def is_timely(self, effects: int) -> bool:
        """Whether the answer depends on what was answered before: then all of it must be."""
        del effects
        return False

    def standing_refusal(self, effects: int, text: bytes) -> bytes:
        """The error that answers a text that may never run, whenever that would be."""
        del effects, text
        return b""

    def refusal(self, effects: int, text: bytes, *, drew: bool, strangers_drew: bool) -> bytes:
        """The error that answers a text with these effects instead of the server; b"": it may run.

        Args:
            effects: `Effect` bits of the whole text.
            text: to tell what was seen in it.
            drew: a value of a sequence may have been drawn in the transaction that goes on.
            strangers_drew: other clients may have drawn values on this server connection.
        """
        del effects, text, drew, strangers_drew
        return b""
