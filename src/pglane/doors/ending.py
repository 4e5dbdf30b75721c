"""How a lease may end, or not, when everything that was asked is answered."""

from enum import IntEnum


class Ending(IntEnum):
    """What becomes of a lease."""

    RELEASE = 0
    """The server connection is clean: it goes to whoever waits."""
    KEEP = 1
    """The client keeps it."""
    READ_BACK = 2
    """Settings changed: ask what they are now, remember them for the client, then release."""
    CLEAN = 3
    """Its state may have changed in ways that text does not show: clean it, then release."""
    STOP_LISTENING = 5
    """It listened here and is heard for elsewhere from now on: end that here, then go on."""
    PROBE = 6
    """Text does not show what its state is: look at it, then release, read back or pin."""
    PIN = 4
    """The client has state here that cannot be moved: it keeps the connection."""
