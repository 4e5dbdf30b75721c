"""The event loop: readiness in both forms, timers, and handlers that raise."""

import select
import socket
import time

import pytest

from pglane.engine import loop as loops
from pglane.engine.loop import (
    READ,
    WRITE,
    EpollReadiness,
    Loop,
    PollReadiness,
    Readiness,
    Ready,
    Timer,
    default_readiness,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Recorder(Ready):
    def __init__(self, raising: bool = False) -> None:
        self.told: list[object] = []
        self.raising = raising

    def note(self, what: object) -> None:
        self.told.append(what)
        if self.raising:
            raise ValueError(what)

    def on_ready(self, mask: int) -> None:
        self.note(mask)

    def read_again(self) -> None:
        self.note("again")

    def flush(self) -> None:
        self.note("flush")

    def fail(self) -> None:
        self.told.append("fail")


class FailsTwice(Recorder):
    def fail(self) -> None:
        raise KeyError("fail")


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def loop(request):
    made = Loop(Clock(), request.param())
    yield made
    made.readiness.close()


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        yield left, right


def turn(loop: Loop) -> None:
    """One turn that does not wait."""
    loop.call_at(0.0, lambda: None)
    loop.turn()


def test_who_is_readable_is_told(loop, pair) -> None:
    recorder = Recorder()
    loop.add(pair[0].fileno(), recorder)
    turn(loop)
    assert recorder.told == []
    pair[1].send(b"x")
    turn(loop)
    assert recorder.told == [READ]
    assert loop.turns == 2


def test_who_asked_for_it_is_told_that_it_is_writable(loop, pair) -> None:
    recorder = Recorder()
    loop.add(pair[0].fileno(), recorder, write=True)
    turn(loop)
    assert recorder.told == [WRITE]
    turn(loop)
    assert recorder.told == [WRITE], "told once"
    loop.readiness.watch_write(pair[0].fileno())
    turn(loop)
    assert recorder.told == [WRITE, WRITE]


def test_who_is_removed_is_told_nothing(loop, pair) -> None:
    recorder = Recorder()
    loop.add(pair[0].fileno(), recorder)
    pair[1].send(b"x")
    loop.remove(pair[0].fileno())
    loop.remove(pair[0].fileno())
    turn(loop)
    assert recorder.told == []


def test_who_was_removed_in_this_turn_is_not_told_what_it_was_ready_for(loop) -> None:
    first, second = socket.socketpair(), socket.socketpair()

    class Remover(Recorder):
        def on_ready(self, mask: int) -> None:
            super().on_ready(mask)
            for mine, _ in (first, second):
                loop.remove(mine.fileno())

    recorder = Remover()
    for mine, other in (first, second):
        loop.add(mine.fileno(), recorder)
        other.send(b"x")
    turn(loop)
    assert recorder.told == [READ]
    for each in (*first, *second):
        each.close()


def test_ends_are_told_before_anything_else(loop) -> None:
    order: list[str] = []

    class Named(Recorder):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_ready(self, mask: int) -> None:
            order.append(self.name)

    living, dying = socket.socketpair(), socket.socketpair()
    loop.add(living[0].fileno(), Named("living"))
    loop.add(dying[0].fileno(), Named("dying"))
    living[1].send(b"x")
    dying[1].close()
    turn(loop)
    assert order == ["dying", "living"]
    for each in (*living, dying[0]):
        each.close()


def test_a_paused_one_is_not_told_under_poll_even_if_it_broke(pair) -> None:
    loop = Loop(Clock(), PollReadiness())
    recorder = Recorder()
    fd = pair[0].fileno()
    loop.add(fd, recorder)
    loop.readiness.pause(fd, paused=True)
    pair[1].send(b"x")
    turn(loop)
    assert recorder.told == []
    pair[1].close()
    turn(loop)
    assert len(recorder.told) == 1
    turn(loop)
    assert len(recorder.told) == 1, "a break is told once, not in every turn"
    loop.readiness.pause(fd, paused=False)
    turn(loop)
    assert len(recorder.told) == 2
    loop.readiness.pause(fd, paused=True)
    turn(loop)
    loop.remove(fd)


def test_what_was_written_is_flushed_and_what_that_wrote_too(loop) -> None:
    recorder = Recorder()

    class WritesMore(Recorder):
        def flush(self) -> None:
            super().flush()
            loop.written(recorder)

    loop.written(WritesMore())
    turn(loop)
    assert recorder.told == ["flush"]


def test_who_asks_for_another_turn_gets_it_without_waiting(loop) -> None:
    recorder = Recorder()
    loop.again(recorder)
    loop.turn()
    assert recorder.told == ["again"]


def test_timers_are_called_in_order_once_they_are_due() -> None:
    clock = Clock()
    loop = Loop(clock, PollReadiness())
    called: list[str] = []
    loop.call_later(0.002, lambda: called.append("second"))
    loop.call_later(0.001, lambda: called.append("first"))
    canceled = loop.call_later(0.0015, lambda: called.append("never"))
    canceled.cancel()
    loop.turn()
    assert called == []
    clock.now += 0.002
    loop.turn()
    assert called == ["first", "second"]


def test_a_timer_canceled_by_one_that_is_due_with_it_is_not_called() -> None:
    clock = Clock()
    loop = Loop(clock, PollReadiness())
    called: list[str] = []
    timers: list[Timer] = []
    loop.call_at(100.0, lambda: [timer.cancel() for timer in timers])
    timers.append(loop.call_at(100.0, lambda: called.append("never")))
    loop.turn()
    assert called == []


def test_what_a_timer_schedules_for_now_is_called_in_the_next_turn(loop) -> None:
    called: list[int] = []
    loop.call_at(0.0, lambda: loop.call_at(0.0, lambda: called.append(loop.turns)))
    loop.turn()
    assert called == []
    loop.turn()
    assert called == [2]


def test_without_timers_the_wait_is_bounded(monkeypatch) -> None:
    waits: list[float] = []

    class NeverReady(Readiness):
        def __init__(self) -> None:
            super().__init__(level_triggered=False)

        def wait(self, timeout_s: float) -> int:
            waits.append(timeout_s)
            return 0

    loop = Loop(Clock(), NeverReady())
    loop.turn()
    loop.call_later(99.0, lambda: None)
    loop.turn()
    loop.call_later(1.0, lambda: None)
    loop.turn()
    assert waits == [loops.WAIT_S_MAX, loops.WAIT_S_MAX, 1.0]


def test_on_the_systems_clock_it_turns_when_something_is_due_and_not_before() -> None:
    """Where the kernel has alarm clocks, no wait has an end: an earlier timer sets the alarm."""
    loop = Loop(time.monotonic)
    began = time.monotonic()
    called: list[float] = []

    def note() -> None:
        called.append(time.monotonic() - began)

    loop.call_later(60.0, note)
    loop.call_later(0.04, note)
    loop.turn()
    loop.call_later(0.02, note).cancel()
    loop.call_later(0.08, note)
    while len(called) < 2:
        loop.turn()
    assert called[0] >= 0.04
    assert called[1] >= 0.08
    assert loop.turns <= 6, "each of three alarms, and what is due is run in the turn behind it"


def test_an_alarm_is_set_again_after_it_has_rung() -> None:
    loop = Loop(time.monotonic)
    called: list[int] = []
    for at in range(3):
        loop.call_later(0.005, lambda: called.append(1))
        while len(called) == at:
            loop.turn()
    assert loop.turns <= 9


def test_an_alarm_that_is_set_gives_way_to_an_earlier_one() -> None:
    loop = Loop(time.monotonic)
    left, right = socket.socketpair()
    recorder = Recorder()
    called: list[int] = []
    with left, right:
        loop.add(left.fileno(), recorder)
        loop.call_later(60.0, lambda: None)
        right.send(b"x")
        loop.turn()
        assert recorder.told == [READ], "the peer spoke first"
        began = time.monotonic()
        loop.call_later(0.01, lambda: called.append(1))
        while not called:
            loop.turn()
        assert time.monotonic() - began < loops.WAIT_S_MAX / 2
        loop.remove(left.fileno())


def test_it_runs_until_it_is_stopped(loop) -> None:
    loop.call_at(0.0, loop.stop)
    loop.run()
    assert loop.turns == 1


@pytest.mark.parametrize("recorder", [Recorder, FailsTwice])
def test_what_a_handler_raises_costs_only_whom_it_was_called_for(loop, recorder) -> None:
    raised: list[Exception] = []
    loop.on_failure = raised.append
    bad, good = recorder(raising=True), Recorder()
    pairs = [socket.socketpair() for _ in range(2)]
    for (mine, other), ready in zip(pairs, (bad, good), strict=True):
        loop.add(mine.fileno(), ready)
        other.send(b"x")
        loop.written(ready)
        loop.again(ready)
    loop.call_at(0.0, lambda: bad.note("timer"))
    loop.turn()
    assert good.told == ["flush", "again", READ]
    assert [str(error) for error in raised if isinstance(error, ValueError)] == [
        "flush",
        "again",
        str(READ),
        "timer",
    ]
    if recorder is Recorder:
        assert bad.told.count("fail") == 3
    else:
        assert len([error for error in raised if isinstance(error, KeyError)]) == 3
    for each in pairs:
        each[0].close()
        each[1].close()


def test_where_nobody_is_told_it_goes_through(loop) -> None:
    loop.again(Recorder(raising=True))
    with pytest.raises(ValueError, match="again"):
        loop.turn()


def test_epoll_is_taken_where_it_is(monkeypatch) -> None:
    if hasattr(select, "epoll"):
        made = default_readiness()
        assert isinstance(made, EpollReadiness)
        made.close()
        monkeypatch.delattr(select, "epoll")
    assert isinstance(default_readiness(), PollReadiness)


def test_the_bases_do_nothing() -> None:
    readiness = Readiness(level_triggered=True)
    readiness.add(1)
    readiness.watch_write(1)
    readiness.pause(1, paused=True)
    readiness.remove(1)
    readiness.close()
    with pytest.raises(NotImplementedError):
        readiness.wait(0.0)
    ready = Ready()
    ready.on_ready(0)
    ready.read_again()
    ready.flush()
    ready.fail()
