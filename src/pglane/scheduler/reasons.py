"""Why somebody waits, and why somebody was refused: two closed sets.

Clients, console, metrics and log tell the same one. A wait without a name of this list does not
exist, and neither does a refusal: what is counted, documented and shown is made from here.
"""

from enum import Enum


class WaitReason(Enum):
    """Why a request waits.

    Attributes:
        place: its number in `REASONS`.
    """

    def __init__(self, _text: str) -> None:
        self.place = len(type(self).__members__)

    NO_SERVER_FREE = "no_server_free"
    """Every server connection of the budget is in use, or promised to others."""
    LANE_AT_LIMIT = "lane_at_limit"
    """The lane has as many as its `limit` allows."""
    DOOR_AT_LIMIT = "door_at_limit"
    """All lanes of the door together have as many as the door may."""
    RESERVED_FOR_OTHERS = "reserved_for_others"
    """What is free is kept for lanes that have not got their reservation."""
    BEHIND_IN_PIPELINE = "behind_in_pipeline"
    """It was sent, and reads of others are answered before it on the same server connection."""
    OPENING_SERVER = "opening_server"
    """A server connection is being made ready for it."""
    DATABASE_DOWN = "database_down"
    """None can be opened at the moment."""
    PAUSED = "paused"
    """Somebody at the console holds everything back."""
    CONFLICT_TOKEN = "conflict_token"  # noqa: S105 -- a token of admission
    """Its kind of transaction is admitted one at a time until conflicts end."""


REASONS = tuple(WaitReason)
"""In a fixed order: counters are lists with one number for each."""


class RefusedBecause(Enum):
    """Why a request was answered without being started. A retry is safe after each.

    Attributes:
        place: its number in `REFUSALS`.
    """

    def __init__(self, _text: str) -> None:
        self.place = len(type(self).__members__)

    EXPIRED = "expired"
    """It waited nine tenths of its time; what starts later would answer nobody."""
    HOPELESS = "hopeless"
    """At the pace of its lane it could not be served in time, so it is told at once."""
    SHED = "shed"
    """Too many wait; the lowest rank goes first."""
    OVERLOADED = "overloaded"
    """Requests wait longer than `shed_after_ms` of a lane allows; the lowest rank goes first."""
    POOL_DEADLOCK = "pool_deadlock"
    """Works that have all places each wait for another; the newest request is refused."""


REFUSALS = tuple(RefusedBecause)
"""In a fixed order, as `REASONS`."""
