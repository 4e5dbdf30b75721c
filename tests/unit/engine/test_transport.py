"""A stream socket under the loop, over real socket pairs, in both forms of readiness."""

import errno
import random
import socket
import struct
from collections.abc import Callable

import pytest

from pglane.engine.loop import EpollReadiness, Loop, PollReadiness, Readiness
from pglane.engine.syscalls import READ_BYTES
from pglane.engine.transport import (
    JOINED_BYTES_MAX,
    LINGER_S_MAX,
    SEND_BYTES_MAX,
    Owner,
    Transport,
    open_transport,
)

HIGH_BYTES = 50_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Recorder(Owner):
    keeps_shut = False

    def __init__(self) -> None:
        self.data = b""
        self.told: list[str] = []
        self.raising = False

    def on_data(self, data: bytes) -> None:
        if self.raising:
            raise ValueError("on_data")
        self.data += data

    def on_shut(self) -> bool:
        return self.keeps_shut

    def on_end(self, reason: str) -> None:
        self.told.append(reason)

    def on_full(self) -> None:
        self.told.append("full")

    def on_drained(self) -> None:
        self.told.append("drained")


class Rig:
    """A transport, its owner, and the peer's socket."""

    def __init__(self, readiness: object, sockets: tuple[socket.socket, socket.socket]) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock, readiness)
        self.mine, self.peer = sockets
        self.mine.setblocking(False)
        self.peer.setblocking(False)
        self.owner = Recorder()
        self.transport = Transport(self.loop, self.mine.detach(), self.owner, HIGH_BYTES)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.call_at(0.0, lambda: None)
            self.loop.turn()

    def take(self) -> bytes:
        """All the peer can read now."""
        taken = b""
        while True:
            try:
                part = self.peer.recv(1 << 20)
            except (BlockingIOError, ConnectionResetError):
                return taken
            if not part:
                return taken
            taken += part

    def close(self) -> None:
        self.transport.abort()
        self.peer.close()
        self.loop.readiness.close()


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def rig(request):
    made = Rig(request.param(), socket.socketpair())
    yield made
    made.close()


@pytest.fixture(params=[EpollReadiness, PollReadiness])
def tcp_rig(request):
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        mine, _ = server.accept()
    made = Rig(request.param(), (mine, peer))
    yield made
    made.close()


def fill(rig: Rig) -> bytes:
    """Writes more than the kernel takes; gives what was written."""
    data = bytes(range(256)) * 4096
    rig.transport.write(data)
    rig.turn()
    assert rig.transport.queued_bytes > HIGH_BYTES
    return data


def test_what_comes_goes_to_the_owner(rig) -> None:
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.owner.data == b"hello"


def test_another_owner_gets_what_comes_from_then_on(rig) -> None:
    other = Recorder()
    rig.transport.set_owner(other)
    rig.peer.send(b"hello")
    rig.turn()
    assert (rig.owner.data, other.data) == (b"", b"hello")


def test_more_than_one_read_brings_is_read_in_the_next_turns(rig) -> None:
    sent = rig.peer.send(b"x" * (READ_BYTES + 10))
    rig.turn()
    assert len(rig.owner.data) == READ_BYTES
    rig.turn(2)
    assert len(rig.owner.data) == sent


def test_data_and_end_in_one_edge_are_both_seen(rig) -> None:
    rig.peer.send(b"last words")
    rig.peer.close()
    rig.turn(3)
    assert rig.owner.data == b"last words"
    assert rig.owner.told == ["closed by the peer"]
    assert rig.transport.ended


def test_an_end_behind_exactly_one_buffer_is_seen(rig) -> None:
    rig.peer.send(b"x" * READ_BYTES)
    rig.turn()
    rig.peer.close()
    rig.turn(3)
    assert len(rig.owner.data) == READ_BYTES
    assert rig.owner.told == ["closed by the peer"]


def test_a_peer_that_shut_its_side_still_gets_answers_written_before(rig) -> None:
    rig.transport.write(b"answer")
    rig.peer.shutdown(socket.SHUT_WR)
    rig.turn(2)
    assert rig.take() == b"answer"
    assert rig.owner.told == ["closed by the peer"]


def test_a_reset_with_unread_data_ends_it_once(tcp_rig) -> None:
    rig = tcp_rig
    rig.transport.write(b"never read")
    rig.turn()
    rig.peer.send(b"y")
    rig.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rig.peer.close()
    rig.turn(4)
    assert rig.transport.ended
    assert len(rig.owner.told) == 1
    rig.transport.on_ready(1)
    rig.transport.fail()
    assert len(rig.owner.told) == 1


def test_while_paused_nothing_is_read_and_then_all_of_it(rig) -> None:
    rig.transport.pause()
    rig.transport.pause()
    rig.peer.send(b"one ")
    rig.turn()
    rig.peer.send(b"two")
    rig.peer.close()
    rig.turn(2)
    assert rig.owner.data == b""
    rig.transport.resume()
    rig.transport.resume()
    rig.turn(4)
    assert rig.owner.data == b"one two"
    assert rig.owner.told == ["closed by the peer"]


def test_paused_while_its_next_read_was_planned(rig) -> None:
    rig.peer.send(b"x" * (READ_BYTES + 10))
    rig.turn()
    rig.transport.pause()
    rig.turn(2)
    assert len(rig.owner.data) == READ_BYTES
    rig.transport.resume()
    rig.turn(2)
    assert len(rig.owner.data) == READ_BYTES + 10


def test_what_is_written_in_a_turn_leaves_at_its_end(rig) -> None:
    parts = [b"b", b"c"]
    rig.transport.write(b"a")
    rig.transport.write_all(parts)
    assert parts == []
    assert rig.take() == b""
    rig.turn()
    assert rig.take() == b"abc"
    assert rig.transport.queued_bytes == 0


def test_all_that_one_has_to_say_leaves_at_once(rig) -> None:
    parts = [b"a", b"b"]
    rig.transport.send_all(parts)
    assert (parts, rig.take()) == ([], b"ab")
    rig.transport.send_all(parts)
    rig.transport.send_now(b"c")
    assert rig.take() == b"c"
    rig.transport.write(b"d")
    rig.transport.send_all([b"e", b"f"])
    assert rig.take() == b"", "nothing overtakes what waits"
    rig.turn()
    assert rig.take() == b"def"


def test_more_than_is_copied_is_sent_in_the_order_it_is_in(rig) -> None:
    rig.transport.high_bytes = 1 << 30
    parts = [b"a", b"x" * SEND_BYTES_MAX, b"b"]
    data = b"".join(parts)
    rig.transport.send_all(parts)
    assert parts == []
    taken = b""
    while len(taken) < len(data):
        rig.turn()
        taken += rig.take()
    assert taken == data


def test_few_bytes_in_many_parts_are_one_and_many_are_left_apart(rig) -> None:
    rig.transport.high_bytes = 1 << 30
    large = b"x" * SEND_BYTES_MAX
    parts = [b"a", b"", large, b"b"]
    rig.transport.write_all(parts)
    assert parts == []
    assert rig.transport.queued_bytes == len(large) + 2
    rig.transport.write_all(parts)
    assert rig.transport.queued_bytes == len(large) + 2
    taken = b""
    while len(taken) < len(large) + 2:
        rig.turn()
        taken += rig.take()
    assert taken == b"a" + large + b"b"


def test_what_waits_for_one_peer_no_other_gets(rig) -> None:
    """Empty at first, what it waits in is the same object for all."""
    mine, peer = socket.socketpair()
    mine.setblocking(False)
    other = open_transport(rig.loop, mine.detach(), Recorder(), HIGH_BYTES)
    for _ in range(3):
        rig.transport.write(b"a" * JOINED_BYTES_MAX)
        other.write(b"b" * JOINED_BYTES_MAX)
    rig.turn()
    assert rig.take() == b"a" * JOINED_BYTES_MAX * 3
    assert peer.recv(1 << 20) == b"b" * JOINED_BYTES_MAX * 3
    other.abort()
    peer.close()


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_pieces_it_is_written_it_arrives_in_order_and_is_counted(rig, seed) -> None:
    taken = bytearray()

    def take() -> bytes:
        taken.extend(rig.take())
        return taken

    arrives_in_order(rig, seed, take)


def arrives_in_order(rig, seed: int, take: Callable[[], bytes]) -> None:
    """Writes much in pieces of all sizes to a peer that reads now and then; `take` gives all."""
    chance = random.Random(seed)
    transport, memory = rig.transport, rig.loop.memory
    idle_bytes = memory.used_bytes
    written = bytearray()
    for _ in range(150):
        size = chance.choice([1, 7, 300, 4000, JOINED_BYTES_MAX, 20_000, 200_000])
        data = bytes([len(written) % 251]) * size
        written += data
        match chance.randrange(8):
            case 0:
                transport.write_now(data, size)
            case 1:
                transport.write_all([data[: size // 2], data[size // 2 :]])
            case 2:
                transport.send_all([data[: size // 2], data[size // 2 :]])
            case _:
                transport.write(data)
        if not chance.randrange(4):
            rig.turn()
            assert memory.used_bytes - idle_bytes == transport.queued_bytes
        if not chance.randrange(8):
            take()
    while len(take()) < len(written):
        rig.turn()
    rig.turn()
    assert take() == written
    assert transport.queued_bytes == 0
    assert memory.used_bytes == idle_bytes


def test_what_the_kernel_does_not_take_goes_when_it_does(rig) -> None:
    data = fill(rig)
    assert rig.owner.told == ["full"]
    assert rig.transport.full
    rig.transport.write(b"tail")
    taken = b""
    for _ in range(100):
        taken += rig.take()
        rig.turn()
    assert taken == data + b"tail"
    assert rig.owner.told == ["full", "drained"]
    assert not rig.transport.full


def test_what_is_sent_at_once_is_there_before_the_turn_ends(rig) -> None:
    rig.transport.write_now(b"now, and no more", 3)
    assert rig.take() == b"now"
    rig.transport.write(b"later ")
    rig.transport.write_now(b"behind", 6)
    assert rig.take() == b"", "nothing overtakes what waits"
    rig.turn()
    assert rig.take() == b"later behind"


def test_what_cannot_be_sent_at_once_waits(rig) -> None:
    sent = b"x" * 40_000
    while not rig.transport.queued_bytes:
        rig.transport.write_now(sent, len(sent))
    assert 0 < rig.transport.queued_bytes <= len(sent)
    rig.transport.write_now(b"end", 3)
    rig.turn()
    taken = rig.take()
    rig.turn()
    assert (taken + rig.take()).endswith(b"xend")


def test_what_is_sent_at_once_to_nobody_fails_at_the_end_of_the_turn(rig) -> None:
    rig.peer.close()
    rig.transport.write_now(b"x", 1)
    assert not rig.transport.ended
    rig.turn(2)
    assert rig.transport.ended
    rig.transport.write_now(b"x", 1)
    assert rig.transport.queued_bytes == 0


def test_what_was_written_before_close_is_sent_nothing_behind_it(rig) -> None:
    rig.transport.write(b"bye")
    rig.transport.close()
    rig.transport.write(b"never")
    rig.transport.close()
    rig.turn()
    assert rig.take() == b"bye"
    assert not rig.transport.ended, "a reset could overtake the last word"
    rig.peer.close()
    rig.turn(2)
    assert rig.transport.ended
    assert rig.owner.told == []


def test_closing_waits_for_a_peer_that_reads(rig) -> None:
    data = fill(rig)
    rig.transport.close()
    rig.peer.send(b"more requests")
    rig.transport.resume()
    assert not rig.transport.ended
    taken = b""
    for _ in range(100):
        taken += rig.take()
        rig.turn()
    assert taken == data
    rig.peer.close()
    rig.turn(3)
    assert rig.transport.ended
    assert rig.owner.data == b""


def test_a_peer_that_never_reads_cannot_keep_a_closing_connection(rig) -> None:
    fill(rig)
    rig.transport.close()
    rig.turn(3)
    assert not rig.transport.ended
    rig.clock.now += LINGER_S_MAX
    rig.turn()
    assert rig.transport.ended


def test_a_peer_that_vanishes_ends_a_closing_connection(rig) -> None:
    fill(rig)
    rig.transport.close()
    rig.peer.close()
    rig.turn(3)
    rig.clock.now += LINGER_S_MAX
    rig.turn()
    assert rig.transport.ended
    assert "closed by the peer" not in rig.owner.told


def test_a_failed_send_lets_the_last_words_of_the_peer_be_read(rig) -> None:
    rig.peer.send(b"last words")
    rig.peer.close()
    rig.transport.write(b"too late")
    rig.transport.flush()
    assert rig.transport.queued_bytes == 0
    rig.turn(3)
    assert rig.owner.data == b"last words"
    assert len(rig.owner.told) == 1


def test_a_failed_send_ends_a_closing_connection_at_once(rig) -> None:
    rig.peer.close()
    rig.transport.write(b"too late")
    rig.transport.close()
    assert rig.transport.ended
    assert rig.owner.told == []


def test_a_peer_that_shut_its_side_may_be_written_to_if_its_owner_wants_so(rig) -> None:
    rig.owner.keeps_shut = True
    rig.peer.send(b"last")
    rig.peer.shutdown(socket.SHUT_WR)
    rig.turn(3)
    rig.transport.resume()
    rig.turn(2)
    rig.transport.write(b"answer")
    rig.turn(2)
    assert (rig.owner.data, rig.take()) == (b"last", b"answer")
    assert (rig.owner.told, rig.transport.half_closed) == ([], True)
    rig.peer.close()
    rig.turn(3)
    assert rig.owner.told == ["closed by the peer"]


def test_its_side_can_be_shut_while_the_peer_goes_on(rig) -> None:
    rig.transport.write(b"terminate")
    rig.transport.shut_writing()
    assert rig.take() == b"terminate"
    rig.peer.send(b"bye")
    rig.turn()
    assert rig.owner.data == b"bye"


def test_shutting_what_the_peer_reset_ends_it(tcp_rig) -> None:
    rig = tcp_rig
    rig.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rig.peer.close()
    rig.transport.shut_writing()
    rig.turn(2)
    assert rig.transport.ended
    rig.transport.shut_writing()


def test_a_socket_can_be_given_away(rig) -> None:
    sock = rig.transport.detach()
    rig.peer.send(b"for somebody else")
    rig.turn()
    assert rig.owner.data == b""
    assert sock.recv(100) == b"for somebody else"
    rig.transport.write(b"never")
    sock.close()


def test_an_owner_that_raises_loses_this_connection_only(rig) -> None:
    raised: list[Exception] = []
    rig.loop.on_failure = raised.append
    rig.owner.raising = True
    rig.peer.send(b"x")
    rig.turn()
    assert [str(error) for error in raised] == ["on_data"]
    assert rig.transport.ended
    assert rig.owner.told == ["an internal error"]


def test_the_base_does_nothing() -> None:
    owner = Owner()
    owner.on_data(b"")
    owner.on_full()
    owner.on_drained()
    owner.on_failure()


def test_one_that_cannot_be_watched_is_closed() -> None:
    class Refusing(Readiness):
        def add(self, fd: int, write: bool = False, level: bool = False) -> None:
            raise OSError(errno.ENOSPC, "no space")

    mine, peer = socket.socketpair()
    with peer:
        loop = Loop(Clock(), Refusing(level_triggered=False))
        with pytest.raises(OSError, match="no space"):
            Transport(loop, mine.detach(), Recorder(), HIGH_BYTES)
        assert peer.recv(1) == b""
