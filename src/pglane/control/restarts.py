"""When a crashed worker is started again. Time is an argument.

The pause doubles with every crash of the last minute, so that a worker that crashes once is back
at once and one that cannot live does not burn the machine; a worker that then lives for a minute
has a clean record.
"""

from collections import deque

FIRST_PAUSE_S = 0.1
PAUSE_S_MAX = 5.0
WINDOW_S = 60.0
CRASHES_MAX = 10


class Restarts:
    """The crashes that count."""

    __slots__ = ("_crashes",)

    def __init__(self) -> None:
        self._crashes: deque[float] = deque()

    def crashed(self, now: float) -> float | None:
        """Seconds to pause before the next start; None: give up."""
        self._crashes.append(now)
        while self._crashes[0] <= now - WINDOW_S:
            self._crashes.popleft()
        count = len(self._crashes)
        if count >= CRASHES_MAX:
            return None
        return min(PAUSE_S_MAX, FIRST_PAUSE_S * 2.0 ** (count - 1))
