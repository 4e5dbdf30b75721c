"""The worker's end of the channel: nothing blocks, nothing piles up."""

import os
import socket

import pytest

from pglane.engine.channel import ChannelReader, encode, receive
from pglane.engine.control_link import QUEUE_FRAMES_MAX, ROWS_PER_CHUNK, ControlLink
from pglane.engine.loop import EpollReadiness, Loop, PollReadiness


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


class FakeWorker:
    def __init__(self, readiness: object) -> None:
        self.loop = Loop(Clock(), readiness)
        self.told: list[str] = []
        self.raised: list[Exception] = []

    def failed(self, error: Exception) -> None:
        self.raised.append(error)

    def drain(self) -> None:
        self.told.append("drain")


class Rig:
    def __init__(self, readiness: object) -> None:
        self.supervisor, self.mine = socket.socketpair()
        for each in (self.supervisor, self.mine):
            each.setblocking(False)
        self.worker = FakeWorker(readiness)
        self.link = ControlLink(self.worker, self.mine)
        self.reader = ChannelReader()
        self.heard: list[dict] = []

    def turn(self, times: int = 2) -> None:
        for _ in range(times):
            self.worker.loop.call_at(0.0, lambda: None)
            self.worker.loop.turn()

    def listen(self) -> list[dict]:
        while True:
            try:
                data, fds = receive(self.supervisor)
            except BlockingIOError:
                return self.heard
            self.reader.feed(data, fds)
            while (found := self.reader.next()) is not None:
                self.heard.append(found[0])
                for fd in found[1]:
                    os.close(fd)


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def rig(request):
    made = Rig(request.param())
    yield made
    made.worker.loop.readiness.close()
    made.supervisor.close()
    made.mine.close()


def test_messages_go_both_ways(rig) -> None:
    rig.link.send({"type": "ready"})
    rig.supervisor.send(encode({"type": "drain"}))
    rig.turn()
    assert rig.worker.told == ["drain"]
    assert rig.listen() == [{"type": "ready"}]


def test_a_supervisor_that_is_gone_ends_the_loop(rig) -> None:
    rig.supervisor.close()
    rig.worker.loop.call_at(0.0, lambda: None)
    rig.worker.loop.run()
    assert rig.worker.raised == []


def test_a_channel_that_makes_no_sense_ends_the_loop(rig) -> None:
    rig.supervisor.send(b"\xff\xff\xff\xff")
    rig.worker.loop.call_at(0.0, lambda: None)
    rig.worker.loop.run()
    assert len(rig.worker.raised) == 1


def test_what_is_sent_to_a_supervisor_that_is_gone_is_forgotten(rig) -> None:
    ours, console = socket.socketpair()
    rig.supervisor.close()
    rig.link.send_console(console, {"user": "anna"}, b"")
    rig.link.flush()
    rig.link.flush()
    assert console.fileno() == -1
    ours.close()


def test_a_supervisor_that_does_not_read_costs_log_lines_and_nothing_else(rig) -> None:
    line = {"type": "log", "text": "x" * 200}
    for _ in range(QUEUE_FRAMES_MAX + 50):
        rig.link.send(line)
    rig.link.send({"type": "stopped"})
    rig.turn(3)
    for _ in range(2000):
        if rig.listen() and rig.heard[-1]["type"] == "stopped":
            break
        rig.turn(1)
    assert len(rig.heard) == QUEUE_FRAMES_MAX + 1


def test_rows_wait_until_the_supervisor_reads(rig) -> None:
    made: list[int] = []

    def rows():
        for number in range(ROWS_PER_CHUNK * 40):
            made.append(number)
            yield {"text": "x" * 1000}

    rig.link.send_rows(1, rows())
    rig.link.send_rows(2, iter([{"n": 1}]))
    rig.turn(100)
    assert len(made) < ROWS_PER_CHUNK * 40, "not all of it lies in our memory"
    for _ in range(500):
        rig.listen()
        if rig.heard and rig.heard[-1]["id"] == 2:
            break
        rig.turn(1)
    assert [told["id"] for told in rig.heard] == [1] * 41 + [2]
    assert sum(len(told["rows"]) for told in rig.heard) == ROWS_PER_CHUNK * 40 + 1
    rig.link.read_again()


def test_a_client_is_passed_with_the_first_byte_of_its_message(rig) -> None:
    ours, console = socket.socketpair()
    rig.link.send({"type": "log", "text": "x" * 1_000_000})
    rig.link.send_console(console, {"user": "anna"}, b"rest")
    rig.turn()
    for _ in range(100):
        rig.listen()
        if console.fileno() == -1:
            break
        rig.turn(1)
    assert console.fileno() == -1, "it is the supervisor's now"
    ours.close()
