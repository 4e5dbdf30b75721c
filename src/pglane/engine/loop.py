# cython: boundscheck=False, wraparound=False
"""The event loop of a worker: readiness, one timer heap, one send per socket per turn.

A turn: wait until something is ready or a timer is due; let every ready transport read once;
flush every transport that was written to, each with one send; run what is due. Sockets are
registered once, edge triggered (epoll(7)), so that a transaction costs no call to epoll_ctl; a
transport that did not read until EAGAIN stays on a list and reads again in the next turn, after
the others had theirs.

Time comes from one injected clock, read once a turn, in seconds on the monotonic scale.

What a handler raises costs whom it was called for, not the worker: `Ready.fail` is called, and
`on_failure` of the loop told. The guards stand around whole rounds, so that a call costs nothing
more for them.

Where epoll is missing (macOS, BSD) `poll` does the same job, slower with many connections.
"""

import heapq
import select
import time
from collections.abc import Callable
from contextlib import suppress

from pglane.engine.memory import Memory
from pglane.engine.syscalls import EVENTS_MAX, AlarmClock, Chunk, EpollEvents, monotonic_s

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

READ = 1
WRITE = 4
WAIT_S_MAX = 10.0
HANG_UP_BITS = 0x0008 | 0x0010 | 0x2000
"""POLLERR, POLLHUP, POLLRDHUP: behind the data there is an end that has no edge of its own."""
EDGE_BITS = 0x8000_2000
"""EPOLLET, EPOLLRDHUP."""

# Compiled, these are C numbers that Python code cannot see: to use them costs no object.
_HANG_UP_BITS: int = HANG_UP_BITS
_EDGE_BITS: int = EDGE_BITS
_READ: int = READ
_WRITE: int = WRITE
_MASK_BITS: int = 0xFFFF_FFFF
_WAIT_S_MAX: float = WAIT_S_MAX
_NEVER: float = float("inf")
_FOREVER: float = -1.0  # to wait without an end


class Ready:
    """What the loop calls; a base class, so that compiled calls are direct."""

    __slots__ = ()

    def on_ready(self, mask: int) -> None:
        """`mask` has READ, WRITE and the error bits of poll(2)."""

    def read_again(self) -> None:
        """It asked for another turn."""

    def flush(self) -> None:
        """End of turn: send what was written."""

    def forget(self) -> None:
        """It ended in this turn: let go of whom it is for, nothing runs any more."""

    def fail(self) -> None:
        """One of the above raised: what it is for cannot go on."""


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
    """Who is ready; a base class, so that compiled calls are direct.

    Attributes:
        level_triggered: it tells the same again until somebody acts.
        ended: an end or an error is among what is ready.
        events: what is ready after a wait, one by one: descriptor << 32 | bits of poll(2).
    """

    __slots__ = ("ended", "events", "level_triggered")

    events: list[int]

    def __init__(self, *, level_triggered: bool) -> None:
        self.level_triggered = level_triggered
        self.ended = False
        if not cython.compiled:
            self.events = []

    def add(self, fd: int, write: bool = False, level: bool = False) -> None:
        """Watches for reading, and for writing if asked; `level`: tells as long as it is ready."""

    def watch_write(self, fd: int) -> None:
        """Watches for writing too."""

    def pause(self, fd: int, *, paused: bool) -> None:
        """Nobody reads for a while, or again."""

    def remove(self, fd: int) -> None:
        """Watches no more."""

    def closes(self, fd: int) -> None:
        """Its descriptor, which nobody else has, is about to be closed."""
        self.remove(fd)

    def wait(self, timeout_s: float) -> int:
        """How many are ready."""
        raise NotImplementedError

    def close(self) -> None:
        """Gives everything back."""


class EpollReadiness(Readiness):
    """Edge-triggered readiness by epoll: a descriptor is registered once."""

    __slots__ = ("_epoll", "_ready")

    def __init__(self) -> None:
        super().__init__(level_triggered=False)
        self._epoll = select.epoll()
        self._ready = EpollEvents(self._epoll)
        self.events = self._ready.events

    def add(self, fd: int, write: bool = False, level: bool = False) -> None:
        """Watches for reading, and for writing if asked."""
        edge = 0 if level else _EDGE_BITS
        self._ready.add(fd, _READ | edge | (_WRITE if write else 0))

    def watch_write(self, fd: int) -> None:
        """From now on also for writing; edge-triggered, so it stays registered."""
        self._ready.modify(fd, _READ | _WRITE | _EDGE_BITS)

    def remove(self, fd: int) -> None:
        """Watches no more."""
        self._epoll.unregister(fd)

    def closes(self, fd: int) -> None:
        """The kernel watches no closed descriptor."""

    def wait(self, timeout_s: float) -> int:
        """How many became ready."""
        ready = self._ready
        count = ready.wait(timeout_s)
        self.ended = ready.bits & _HANG_UP_BITS != 0
        return count

    def close(self) -> None:
        """Gives the descriptor back."""
        self._epoll.close()


class PollReadiness(Readiness):
    """Level-triggered readiness by poll, for systems without epoll."""

    __slots__ = ("_events", "_masks", "_poll")

    def __init__(self) -> None:
        super().__init__(level_triggered=True)
        self._poll = select.poll()
        self._masks: dict[int, int] = {}
        self._events: list[int]
        if not cython.compiled:
            self._events = [0] * EVENTS_MAX
        self.events = self._events

    def add(
        self,
        fd: int,
        write: bool = False,
        level: bool = False,  # noqa: ARG002 -- it is always by level
    ) -> None:
        """Watches for reading, and for writing if asked; always by level."""
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
        with suppress(KeyError):
            self._poll.unregister(fd)

    def wait(self, timeout_s: float) -> int:
        """How many are ready, at most `EVENTS_MAX`; a writable one is not watched for that again.

        A paused one that broke would be told again and again: it is not watched until it is
        resumed.
        """
        ready = self._poll.poll(timeout_s * 1000)[:EVENTS_MAX]
        self.ended = False
        for at, (fd, mask) in enumerate(ready):
            self._events[at] = fd << 32 | mask
            if mask & HANG_UP_BITS:
                self.ended = True
            if mask & WRITE:
                self._set(fd, self._masks[fd] & ~WRITE)
            if mask & HANG_UP_BITS and not self._masks[fd] & READ:
                self._poll.unregister(fd)
        return len(ready)

    def _set(self, fd: int, mask: int) -> None:
        self._masks[fd] = mask
        self._poll.register(fd, mask)


class Alarm(Ready):
    """Wakes the loop when a timer is due.

    To wait with an end costs the kernel a timer for each wait, which is 1 % of the gateway's time
    for a transaction. This one is set anew only for what is due earlier, or when it has rung.

    Attributes:
        at: when it rings, in seconds of the system's clock.
    """

    __slots__ = ("_clock", "at")

    def __init__(self, clock: AlarmClock) -> None:
        self._clock = clock
        self.at = _NEVER

    def set(self, now: float, after_s: float) -> None:
        """It rings in so many seconds."""
        self._clock.set(after_s)
        self.at = now + after_s

    def on_ready(self, mask: int) -> None:  # noqa: ARG002 -- it is told of nothing else
        """It has rung, whether anything is still due or not."""
        self.at = _NEVER


class Loop:
    """One worker's loop.

    Attributes:
        chunk: what the socket whose turn it is has brought.
        memory: what is held for others.
        now: the time of this turn, in seconds of the injected clock.
        turns: how many turns were made.
        on_failure: told of what a handler raised, after whom it was for has failed.
    """

    __slots__ = (
        "_again",
        "_alarm",
        "_clock",
        "_due",
        "_ended",
        "_running",
        "_system_clock",
        "_timers",
        "_transports",
        "_written",
        "_written_count",
        "chunk",
        "memory",
        "now",
        "on_failure",
        "readiness",
        "turns",
    )

    def __init__(self, clock: Callable[[], float], readiness: Readiness | None = None) -> None:
        self._clock = clock
        self._system_clock = clock is time.monotonic
        self.readiness = readiness if readiness is not None else default_readiness()
        self.chunk = Chunk()
        self.memory = Memory()
        self.now = clock()
        self.turns = 0
        self._transports: list[Ready | None] = []  # by descriptor: the kernel gives small ones
        self._written: list[Ready | None] = []  # as long as the longest turn; never made anew
        self._written_count = 0
        self._again: list[Ready] = []
        self._ended: list[Ready] = []
        self._timers: list[Timer] = []
        self._due = _NEVER
        self._running = False
        self.on_failure: Callable[[Exception], None] = raise_it
        self._alarm: Alarm | None = None
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Where the system has one, and time is its own."""
        if self._system_clock and not self.readiness.level_triggered:
            clock = AlarmClock()
            if clock.fd >= 0:
                self._alarm = Alarm(clock)
                self.add(clock.fd, self._alarm)

    def add(self, fd: int, transport: Ready, write: bool = False, level: bool = False) -> None:
        """Registers a descriptor for as long as it is open.

        `level`: it is told as long as it is ready, not only when it becomes so.
        """
        self.readiness.add(fd, write, level)
        while len(self._transports) <= fd:
            self._transports.append(None)
        self._transports[fd] = transport

    def remove(self, fd: int) -> None:
        """Forgets a descriptor; call it before the descriptor is closed."""
        if self._forget(fd):
            self.readiness.remove(fd)

    def closes(self, fd: int) -> None:
        """Forgets a descriptor that is closed at once; nobody else may have it."""
        transport = self._transports[fd] if 0 <= fd < len(self._transports) else None
        if transport is not None:
            self._transports[fd] = None
            self._ended.append(transport)
            self.readiness.closes(fd)

    def _forget(self, fd: int) -> bool:
        if not 0 <= fd < len(self._transports) or self._transports[fd] is None:
            return False
        self._transports[fd] = None
        return True

    def written(self, transport: Ready) -> None:
        """`transport.flush` is called at the end of this turn."""
        at = self._written_count
        if at < len(self._written):
            self._written[at] = transport
        else:
            self._written.append(transport)
        self._written_count = at + 1

    def again(self, transport: Ready) -> None:
        """`transport.read_again` is called in the next turn, without waiting."""
        self._again.append(transport)

    def call_at(self, due: float, call: Callable[[], None]) -> Timer:
        """Calls once at `due` (seconds of the clock)."""
        timer = Timer(due, call)
        heapq.heappush(self._timers, timer)
        if due < self._due:
            self._due = due
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
        if self._written_count:
            self._flush()
        readiness = self.readiness
        count = readiness.wait(self._wait_s())
        self.now = monotonic_s() if self._system_clock else self._clock()
        self.turns += 1
        if self._again:
            again, self._again = self._again, []
            self._read_again(again)
        if readiness.ended:
            # First: a server connection that is gone must not be leased in this turn.
            self._dispatch(count, True)
        self._dispatch(count, False)
        if self._due <= self.now:
            self._run_due()
        if self._written_count:
            self._flush()
        if self._ended:
            self._let_go()

    def _let_go(self) -> None:
        """Not before now: a handler of theirs may have been running."""
        ended = self._ended
        for transport in ended:
            transport.forget()
        ended.clear()

    def _dispatch(self, count: int, ends: bool) -> None:
        """Tells those whose peer has ended, or all others."""
        events = self.readiness.events
        transports = self._transports
        found: Ready | None = None
        at = 0
        while at < count:
            try:
                while at < count:
                    event = events[at]
                    at += 1
                    mask = event & _MASK_BITS
                    if (mask & _HANG_UP_BITS != 0) == ends:
                        found = cython.cast("Ready", transports[event >> 32])
                        if found is not None:
                            found.on_ready(mask)
            except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
                self._failed(found, error)

    def _read_again(self, again: list[Ready]) -> None:
        at = 0
        while at < len(again):
            try:
                while at < len(again):
                    transport = again[at]
                    at += 1
                    transport.read_again()
            except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
                self._failed(again[at - 1], error)

    def _flush(self) -> None:
        """What is flushed may make others write; those are flushed too."""
        written = self._written
        transport: Ready | None = None
        at = 0
        while at < self._written_count:
            try:
                while at < self._written_count:
                    transport = cython.cast("Ready", written[at])
                    written[at] = None
                    at += 1
                    if transport is not None:
                        transport.flush()
            except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
                self._failed(transport, error)
        self._written_count = 0

    def _failed(self, whose: Ready | None, error: Exception) -> None:
        """The one it was for ends; an error in its ending is told too and changes nothing more."""
        if whose is not None:
            try:
                whose.fail()
            except Exception as another:  # noqa: BLE001 -- it costs one connection, not the worker
                self.on_failure(another)
        self.on_failure(error)

    def _wait_s(self) -> float:
        if self._again:
            return 0.0
        wait_s = self._due - self.now
        if wait_s <= 0.0:
            return 0.0
        if wait_s > _WAIT_S_MAX:
            wait_s = _WAIT_S_MAX
        alarm = self._alarm
        if alarm is None:
            return wait_s
        if self.now + wait_s < alarm.at:
            alarm.set(self.now, wait_s)
        return _FOREVER

    def _run_due(self) -> None:
        """Runs what is due; what those calls schedule has its chance in the next turn."""
        timers = self._timers
        due: list[Timer] = []
        while timers and (timers[0].call is None or timers[0].due <= self.now):
            due.append(heapq.heappop(timers))
        self._due = timers[0].due if timers else _NEVER
        for timer in due:
            if timer.call is not None:
                try:
                    timer.call()
                except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
                    self._failed(None, error)


def raise_it(error: Exception) -> None:
    """Where nobody else is told."""
    raise error


def default_readiness() -> Readiness:
    """`epoll` where the system has it."""
    return EpollReadiness() if hasattr(select, "epoll") else PollReadiness()
