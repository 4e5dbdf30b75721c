"""What a client wishes for, and what it is told when it does not get it.

The wish is the setting `pglane.lane`, given in the startup packet (by itself or in `options`) or
made later by SET, `set_config` or RESET. It is a setting like any other, so it is PostgreSQL that
says what became of it: a SET that failed, was rolled back or was LOCAL leaves no trace, and a lane
is never wrong because of one. It counts from the client's next lease on; within a transaction that
has its server connection it is too late. An empty one means what the startup packet asked for.

A wish in the startup packet that cannot be granted ends the connection, as PostgreSQL does with a
setting that it does not know. One made later cannot be refused before it runs, for any function
may make it: the client gets a WARNING and stays in its lane.
"""

import difflib
from collections.abc import Mapping

from pglane.connection.startup_settings import LANE
from pglane.errors import Refusal
from pglane.errors.entering import LaneNotAllowed, LaneOfOtherDoor, LaneUnknown
from pglane.scheduler.matching import LaneMatching, Origin, WishRefused

SHOWN_MAX = 10
"""Lanes that are listed to somebody who asked for one that does not exist."""


def wished_lane(settings: Mapping[str, str], startup: Mapping[str, str]) -> str:
    """The lane that a client asks for; "": none.

    Args:
        settings: those that hold for it.
        startup: those it began with.
    """
    return settings.get(LANE) or startup.get(LANE) or ""


def wish_refusal(
    why: WishRefused, wish: str, own: str, origin: Origin, matching: LaneMatching, address: str
) -> Refusal:
    """What a client is told.

    Args:
        why: its wish was not granted.
        wish: the lane.
        own: the lane it belongs to.
        origin: where it comes from.
        matching: the lanes there are.
        address: of the door of the lane, where that is another one.
    """
    if why is WishRefused.UNKNOWN:
        return LaneUnknown(lane=wish, own=own, suggestion=_suggestion(wish, matching.names))
    if why is WishRefused.NOT_ALLOWED:
        return LaneNotAllowed(lane=wish, own=own, user=origin.user)
    other = matching.door_of(wish)
    return LaneOfOtherDoor(lane=wish, door=origin.door, other=other, address=address)


def _suggestion(wish: str, names: list[str]) -> str:
    near = difflib.get_close_matches(wish, names, 1)
    if near:
        return f'Did you mean "{near[0]}"?'
    if not names:
        return "No lanes are configured: each user at each door has one of its own."
    more = ", ..." if len(names) > SHOWN_MAX else ""
    return f"Lanes are {', '.join(names[:SHOWN_MAX])}{more}."
