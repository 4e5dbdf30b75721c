"""What processes have open when nobody is there, at the beginning and at the end.

A client that has gone is not all that has to go: its server connection is closed until PostgreSQL
has ended it, and one that is counted among the descriptors may be gone when server connections
are counted. What is left of nothing goes within a moment; a leak stays, however long one waits.
"""

import time
from collections.abc import Callable, Mapping

SERVER_CONNECTIONS = "server connections"
DESCRIPTORS_LEFT_MAX = 4
"""By so many a process that was the same all the time may have more open at the end."""
REST_S_MAX = 30.0


def left_open(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Processes that have more open than server connections explain, as sentences."""
    kept = after[SERVER_CONNECTIONS] - before[SERVER_CONNECTIONS] + DESCRIPTORS_LEFT_MAX
    return [
        f"{process}: {after[process]} descriptors at rest, {count} at the beginning"
        for process, count in before.items()
        if process in after and after[process] > count + kept
    ]


def come_to_rest(
    look: Callable[[], dict[str, int]], before: Mapping[str, int], within_s: float = REST_S_MAX
) -> dict[str, int]:
    """Looks until nothing is left open; gives what was seen last."""
    deadline = time.monotonic() + within_s
    while left_open(before, seen := look()) and time.monotonic() < deadline:
        pass
    return seen
