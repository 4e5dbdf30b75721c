# cython: boundscheck=False, wraparound=False
"""The event loop of a worker: readiness, one timer heap, one send per socket per turn.

A turn: wait until something is ready or a timer is due; let every ready transport read once; flush every
transport that was written to, each with one send; run what is due. Sockets are registered once, edge
triggered (epoll(7)), so that a transaction costs no call to epoll_ctl; a transport that did not
read until EAGAIN stays on a list and reads again in the next turn, after the others had theirs.

Time comes from one injected clock, read once a turn, in seconds on the monotonic scale.

Where epoll is missing (macOS, BSD) `poll` does the same job, slower with many connections.
"""

import heapq
import select
from collections.abc import Callable

from pglane.engine.syscalls import EpollEvents

READ = 1
WRITE = 4
WAIT_S_MAX = 10.0
HANG_UP_BITS = 0x0008 | 0x0010 | 0x2000
"""POLLERR, POLLHUP, POLLRDHUP: behind the data there is an end that has no edge of its own."""


class Ready:
    """What the loop calls when a socket is ready; a base class, so that compiled calls are direct."""

    __slots__ = ()

    def on_ready(self, mask: int) -> None:
        """`mask` has READ, WRITE and the error bits of poll(2)."""

    def read_again(self) -> None:
        """It asked for another turn."""

    def flush(self) -> None:
        """End of turn: send what was written."""


class Timer:
    """A call at a time; `cancel` makes it void."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None] | None) -> None:
        self.due = due
        self.call = call

    def cancel(self) -> None:
        """The call is not made any more."""
        self.call = None

    def __lt__(self, other: "Timer") -> bool:
        return self.due < other.due


class Readiness:
    """Who is ready; a base class, so that compiled calls are direct."""

    __slots__ = ("level_triggered",)

    def __init__(self, *, level_triggered: bool) -> None:
        self.level_triggered = level_triggered

    def add(self, fd: int, *, write: bool = False) -> None:
        """Watches for reading, and for writing if asked."""

    def watch_write(self, fd: int) -> None:
        """Watches for writing too."""

    def pause(self, fd: int, *, paused: bool) -> None:
        """Nobody reads for a while, or again."""

    def remove(self, fd: int) -> None:
        """Watches no more."""

    def wait(self, timeout_s: float) -> int:
        """How many are ready."""
        raise NotImplementedError

    def fd(self, at: int) -> int:
        """The descriptor at this place of what is ready."""
        raise NotImplementedError

    def mask(self, at: int) -> int:
        """What it is ready for: bits of poll(2)."""
        raise NotImplementedError

    def close(self) -> None:
        """Gives everything back."""


class EpollReadiness(Readiness):
    """Edge-triggered readiness by epoll: a descriptor is registered once."""

    __slots__ = ("_epoll", "_events")

    def __init__(self) -> None:
        super().__init__(level_triggered=False)
        self._epoll = select.epoll()
        self._events = EpollEvents(self._epoll)

    def add(self, fd: int, *, write: bool = False) -> None:
        """Watches for reading, and for writing if asked."""
        edge = select.EPOLLET | select.EPOLLRDHUP
        self._epoll.register(fd, READ | edge | (WRITE if write else 0))

    def watch_write(self, fd: int) -> None:
        """From now on also for writing; edge-triggered, so it stays registered."""
        self._epoll.modify(fd, READ | WRITE | select.EPOLLET | select.EPOLLRDHUP)

    def remove(self, fd: int) -> None:
        """Watches no more."""
        self._epoll.unregister(fd)

    def wait(self, timeout_s: float) -> int:
        """How many became ready."""
        return self._events.wait(timeout_s)

    def fd(self, at: int) -> int:
        """The descriptor at this place."""
        return self._events.fd(at)

    def mask(self, at: int) -> int:
        """What it became ready for."""
        return self._events.mask(at)

    def close(self) -> None:
        """Gives the descriptor back."""
        self._epoll.close()


class PollReadiness(Readiness):
    """Level-triggered readiness by poll, for systems without epoll."""

    __slots__ = ("_masks", "_poll", "_ready")

    def __init__(self) -> None:
        super().__init__(level_triggered=True)
        self._poll = select.poll()
        self._masks: dict[int, int] = {}
        self._ready: list[tuple[int, int]] = []

    def add(self, fd: int, *, write: bool = False) -> None:
        """Watches for reading, and for writing if asked."""
        self._set(fd, READ | (WRITE if write else 0))

    def watch_write(self, fd: int) -> None:
        """Until it is writable."""
        self._set(fd, self._masks[fd] | WRITE)

    def pause(self, fd: int, *, paused: bool) -> None:
        """A level that nobody acts on would come again at once."""
        mask = self._masks[fd]
        self._set(fd, mask & ~READ if paused else mask | READ)

    def remove(self, fd: int) -> None:
        """Watches no more."""
        del self._masks[fd]
        self._poll.unregister(fd)

    def wait(self, timeout_s: float) -> int:
        """How many are ready; a writable one is not watched for that again."""
        self._ready = self._poll.poll(timeout_s * 1000)
        for fd, mask in self._ready:
            if mask & WRITE:
                self._set(fd, self._masks[fd] & ~WRITE)
        return len(self._ready)

    def fd(self, at: int) -> int:
        """The descriptor at this place."""
        return self._ready[at][0]

    def mask(self, at: int) -> int:
        """What it is ready for."""
        return self._ready[at][1]

    def _set(self, fd: int, mask: int) -> None:
        self._masks[fd] = mask
        self._poll.register(fd, mask)


class Loop:
    """One worker's loop.

    Attributes:
        now: the time of this turn, in seconds of the injected clock.
        turns: how many turns were made.
    """

    __slots__ = (
        "_again",
        "_clock",
        "_running",
        "_timers",
        "_transports",
        "_written",
        "now",
        "readiness",
        "turns",
    )

    def __init__(self, clock: Callable[[], float], readiness: Readiness | None = None) -> None:
        self._clock = clock
        self.readiness = readiness if readiness is not None else default_readiness()
        self.now = clock()
        self.turns = 0
        self._transports: dict[int, Ready] = {}
        self._written: list[Ready] = []
        self._again: list[Ready] = []
        self._timers: list[Timer] = []
        self._running = False

    def add(self, fd: int, transport: Ready, *, write: bool = False) -> None:
        """Registers a descriptor for as long as it is open."""
        self._transports[fd] = transport
        self.readiness.add(fd, write=write)

    def remove(self, fd: int) -> None:
        """Forgets a descriptor; call it before the descriptor is closed."""
        if self._transports.pop(fd, None) is not None:
            self.readiness.remove(fd)

    def written(self, transport: Ready) -> None:
        """`transport.flush` is called at the end of this turn."""
        self._written.append(transport)

    def again(self, transport: Ready) -> None:
        """`transport.read_again` is called in the next turn, without waiting."""
        self._again.append(transport)

    def call_at(self, due: float, call: Callable[[], None]) -> Timer:
        """Calls once at `due` (seconds of the clock)."""
        timer = Timer(due, call)
        heapq.heappush(self._timers, timer)
        return timer

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Calls once after `delay_s` seconds."""
        return self.call_at(self.now + delay_s, call)

    def run(self) -> None:
        """Turns until `stop`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """The current turn is the last one."""
        self._running = False

    def turn(self) -> None:
        """One turn; see the module's text."""
        self._flush()
        readiness = self.readiness
        count = readiness.wait(self._wait_s())
        self.now = self._clock()
        self.turns += 1
        if self._again:
            again, self._again = self._again, []
            for transport in again:
                transport.read_again()
        transports = self._transports
        # Ends first: a server connection that is gone must not be leased in the turn that tells it.
        for at in range(count):
            mask = readiness.mask(at)
            if mask & HANG_UP_BITS:
                found = transports.get(readiness.fd(at))
                if found is not None:
                    found.on_ready(mask)
        for at in range(count):
            mask = readiness.mask(at)
            if not mask & HANG_UP_BITS:
                found = transports.get(readiness.fd(at))
                if found is not None:
                    found.on_ready(mask)
        self._run_due()
        self._flush()

    def _flush(self) -> None:
        """What is flushed may make others write; those are flushed too."""
        while self._written:
            written, self._written = self._written, []
            for transport in written:
                transport.flush()

    def _wait_s(self) -> float:
        if self._again:
            return 0.0
        if not self._timers:
            return WAIT_S_MAX
        return min(max(self._timers[0].due - self.now, 0.0), WAIT_S_MAX)

    def _run_due(self) -> None:
        """Runs what is due; what those calls schedule has its chance in the next turn."""
        timers = self._timers
        due: list[Timer] = []
        while timers and (timers[0].call is None or timers[0].due <= self.now):
            due.append(heapq.heappop(timers))
        for timer in due:
            if timer.call is not None:
                timer.call()


def default_readiness() -> Readiness:
    """epoll where the system has it."""
    return EpollReadiness() if hasattr(select, "epoll") else PollReadiness()
