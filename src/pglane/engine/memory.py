# cython: boundscheck=False, wraparound=False
"""What a worker holds for others, in bytes, against one bound (`gateway.memory_bytes_max`).

The bound is meant for the resident memory of the process. What is counted: what the process has
when it opens its doors; each connection, with what its objects cost; what waits to be sent to
peers that read slowly; what was received and cannot be passed on yet; texts of prepared
statements and values of settings; and what it takes to pass on the largest message under way
(`COPIES` of it exist for a moment). What passes through at once is not counted: it costs nothing
when the turn is over.

From `TIGHT` of the bound on nothing is held for anybody that need not be: see `relief`. At `OVER`
whoever holds most is ended. The last fifth of the bound is for what is not counted: answers owed,
tables, and memory that the allocator has and cannot give back.

Rejected: to look at the resident memory itself. It does not shrink when buffers are freed, so
clients would be ended for memory that nobody holds.
"""

from typing import TYPE_CHECKING

from pglane.connection.weight import Weight

if TYPE_CHECKING:
    from collections.abc import Callable

TIGHT = 0.7
OVER = 0.8
ROOM = 0.6
"""Where somebody has to go for others, it goes on until so much of the bound is used."""
COPIES = 3
"""Of a message while it is passed on: as received, its text, and as it is to be sent."""
CONNECTION_BYTES = 6_144
"""What a connection is counted with: an idle one took 2 KiB, a login takes more."""
TLS_BYTES = 65_536
"""What TLS may need beside that: a session, 16 KiB measured, and two buffers while it works."""
_NO_BOUND = 1 << 62


class Memory:
    """The account of one worker.

    Attributes:
        used_bytes: everything that is counted.
        bytes_max: the bound.
        tight_bytes: from here on nothing is held that need not be.
        over_bytes: beyond this somebody must go.
        largest_bytes: the largest message that is coming in, or did of late.
        alarm: called when `over_bytes` is exceeded, once until `calm`.
        alarmed: it was: nothing more is read in this turn.
    """

    __slots__ = (
        "alarm",
        "alarmed",
        "bytes_max",
        "largest_bytes",
        "over_bytes",
        "tight_bytes",
        "used_bytes",
    )

    def __init__(self) -> None:
        self.used_bytes = 0
        self.largest_bytes = 0
        self.alarm: Callable[[], None] = _nobody
        self.alarmed = False
        self.limit(_NO_BOUND)

    def limit(self, bytes_max: int) -> None:
        """Another bound from now on."""
        self.bytes_max = bytes_max
        self.tight_bytes = int(bytes_max * TIGHT)
        self.over_bytes = int(bytes_max * OVER)

    def add(self, count: int) -> None:
        """So many bytes more are held, or fewer if it is negative."""
        self.used_bytes += count
        if self.used_bytes > self.over_bytes and count > 0 and not self.alarmed:
            self.alarmed = True
            self.alarm()

    def note(self, count: int) -> None:
        """The same, for those who have no C types."""
        self.add(count)

    def weigh(self, count: int) -> Weight:
        """Counts so many bytes for as long as what is returned lives."""
        return Weight(self.note, count)

    def is_tight(self) -> bool:
        """Whether nothing is to be held that need not be."""
        return self.used_bytes > self.tight_bytes

    def lacks_room(self) -> bool:
        """Whether there is not much room for others yet."""
        return self.used_bytes > self.bytes_max * ROOM

    def is_over(self) -> bool:
        """Whether somebody must go."""
        return self.used_bytes > self.over_bytes

    def calm(self) -> None:
        """The alarm was looked after; the next one counts."""
        self.alarmed = False

    def expect(self, message_bytes: int) -> None:
        """A message of this size is coming in."""
        if message_bytes > self.largest_bytes:
            self.add(COPIES * (message_bytes - self.largest_bytes))
            self.largest_bytes = message_bytes

    def expect_no_more_than(self, message_bytes: int) -> None:
        """No larger one is under way any more."""
        if message_bytes < self.largest_bytes:
            self.add(COPIES * (message_bytes - self.largest_bytes))
            self.largest_bytes = message_bytes


def _nobody() -> None:
    """Nobody looks after it."""
