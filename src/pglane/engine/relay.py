"""Two connections joined: what comes on one leaves on the other, unread.

A console client that speaks TLS cannot be handed to the supervisor, for TLS cannot move to another
process: it stays here, and the supervisor gets one end of a socket pair.
"""

from pglane.engine.transport import Owner, Transport


class Relay(Owner):
    """The owner of one of them; `to` is the other connection."""

    __slots__ = ("_to",)

    def __init__(self, to: Transport) -> None:
        self._to = to

    def on_data(self, data: bytes) -> None:
        """Bytes came."""
        self._to.write(data)

    def on_end(self, reason: str) -> None:
        """What is on its way still leaves; then the other connection ends too."""
        del reason
        self._to.close()

    def on_full(self) -> None:
        """It takes no more: what feeds it waits."""
        self._to.pause()

    def on_drained(self) -> None:
        """It took what waited."""
        self._to.resume()


def join(one: Transport, two: Transport) -> None:
    """Joins them for as long as both are open."""
    one.set_owner(Relay(two))
    two.set_owner(Relay(one))
