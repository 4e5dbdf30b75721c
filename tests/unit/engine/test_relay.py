"""Two joined connections."""

import contextlib
import socket

from pglane.engine.loop import EpollReadiness, Loop
from pglane.engine.relay import join
from pglane.engine.transport import Owner, Transport
from tests.unit.engine.test_transport import HIGH_BYTES, Clock


class Rig:
    def __init__(self) -> None:
        self.loop = Loop(Clock(), EpollReadiness())
        self.outer, one = socket.socketpair()
        self.inner, two = socket.socketpair()
        for sock in (self.outer, self.inner, one, two):
            sock.setblocking(False)
        self.one = Transport(self.loop, one.detach(), Owner(), HIGH_BYTES)
        self.two = Transport(self.loop, two.detach(), Owner(), HIGH_BYTES)
        join(self.one, self.two)

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()

    def close(self) -> None:
        self.one.abort()
        self.two.abort()
        self.outer.close()
        self.inner.close()
        self.loop.readiness.close()


def test_bytes_go_both_ways_and_the_end_too() -> None:
    rig = Rig()
    rig.outer.send(b"question")
    rig.turn()
    assert rig.inner.recv(100) == b"question"
    rig.inner.send(b"answer")
    rig.inner.close()
    rig.turn()
    assert rig.outer.recv(100) == b"answer"
    assert rig.outer.recv(100) == b""
    rig.outer.close()
    rig.turn()
    assert rig.one.ended
    assert rig.two.ended
    rig.close()


def test_who_is_not_read_is_not_fed() -> None:
    rig = Rig()
    data = b"x" * 3_000_000
    sent = 0
    for _ in range(100):
        try:
            sent += rig.inner.send(data[sent:])
        except BlockingIOError:
            rig.turn()
    assert rig.two.paused
    assert rig.one.queued_bytes < 2 * HIGH_BYTES + 65_536
    taken = 0
    for _ in range(1000):
        if taken == len(data):
            break
        try:
            taken += len(rig.outer.recv(1 << 20))
        except BlockingIOError:
            rig.turn(1)
        with contextlib.suppress(BlockingIOError):
            sent += rig.inner.send(data[sent:])
    assert taken == len(data)
    assert not rig.two.paused
    rig.close()
