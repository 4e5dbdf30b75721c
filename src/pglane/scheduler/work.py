"""Works: requests of an application that may need several server connections at once (rule R7).

A client says which work it belongs to by a name; every lease and request of that name and *of the
same user* belongs to one work, whatever door it came by. A stranger who guesses a name has a work
of his own: nobody can go before others on somebody else's.

**A request whose work has a place already continues it**, and goes before newcomers of its lane:
while it waits it keeps others from what it has. So it becomes one when its work is given a place,
and is none any more when that has given back all of them; then it stands first among those of its
tenant. At most `REQUESTS_MAX` places and requests of a work count, so that no name is a way past a
queue, and in a lane newcomers have a turn after `lane.CONTINUED_MAX` that continue.

A work is known while it has something or waits for something. There are no more of them than
places and requests that wait, and both have their limits.

Prior art: the thread that holds a lock and is preferred by a lock's queue; "continuation before
newcomer" of admission control (CockroachDB lets transactions that hold locks go first).
"""

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease, Request

Stamp = tuple[str, str]
"""The user and the name of a work."""
REQUESTS_MAX = 16
"""Places and requests of one work that count as such."""
NAME_CHARACTERS_MAX = 64
"""Of a longer name a digest is kept."""


def stamp_of(user: str, name: str) -> Stamp | None:
    """What a client's leases are marked with that says a name; None: it says none."""
    if len(name) > NAME_CHARACTERS_MAX:
        digest = blake2b(name.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        name = f"{name[: NAME_CHARACTERS_MAX - len(digest)]}{digest}"
    return (user, name) if name else None


class Work:
    """What belongs together.

    Attributes:
        stamp: its user and its name.
        held: places that it has, the first one first.
        waiting: its requests that wait and have nothing coming, oldest first.
    """

    __slots__ = ("held", "stamp", "waiting")

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.held: dict[Lease, None] = {}
        self.waiting: dict[Request, None] = {}


class Works:
    """Those of one budget.

    Attributes:
        known: by stamp, those that have or wait for something.
        waiting: requests of all of them that wait and have nothing coming.
    """

    __slots__ = ("known", "waiting")

    def __init__(self) -> None:
        self.known: dict[Stamp, Work] = {}
        self.waiting = 0

    def of(self, stamp: Stamp) -> Work:
        """The work of this stamp."""
        work = self.known.get(stamp)
        if work is None:
            work = self.known[stamp] = Work(stamp)
        return work

    def is_continued(self, request: "Request") -> bool:
        """Whether a request that is about to wait goes on with what has a place already."""
        work = self.known.get(request.stamp)  # type: ignore[arg-type]
        if work is None or not work.held:
            return False
        return len(work.held) + len(work.waiting) < REQUESTS_MAX

    def is_waited_for(self, stamp: Stamp) -> bool:
        """Whether something of this stamp waits."""
        work = self.known.get(stamp)
        return work is not None and bool(work.waiting)

    def waits(self, request: "Request") -> None:
        """It stands in line from now on."""
        work = self.of(request.stamp)  # type: ignore[arg-type]
        request.work = work
        work.waiting[request] = None
        self.waiting += 1

    def waits_no_more(self, request: "Request") -> None:
        """It stands in line no longer."""
        work: Work = request.work  # type: ignore[assignment]
        request.work = None
        del work.waiting[request]
        self.waiting -= 1
        self._forget(work)

    def has(self, lease: "Lease", work: Work) -> None:
        """A place is the work's; with its first one those that wait continue it."""
        lease.work = work
        work.held[lease] = None
        if len(work.held) == 1:
            for request in list(work.waiting)[: REQUESTS_MAX - 1]:
                lane: Lane = request.lane  # type: ignore[assignment]
                lane.promote(request)

    def gives_back(self, lease: "Lease") -> None:
        """A place is not the work's any more; without any, those that wait are newcomers."""
        work: Work = lease.work  # type: ignore[assignment]
        lease.work = None
        del work.held[lease]
        if not work.held:
            for request in reversed(work.waiting):
                if request.continues:
                    lane: Lane = request.lane  # type: ignore[assignment]
                    lane.demote(request)
            self._forget(work)

    def _forget(self, work: Work) -> None:
        if not work.held and not work.waiting:
            self.known.pop(work.stamp, None)
