"""accept, recv, send, close and epoll_wait, in the form that runs."""

import errno
import os
import select
import socket
import time

import pytest

from pglane.engine.syscalls import (
    FAILED,
    NOTHING,
    READ_BYTES,
    Acceptor,
    AlarmClock,
    Chunk,
    EpollEvents,
    borrowed,
    close_descriptor,
    monotonic_s,
    peer_text,
    send_part,
    send_some,
)


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    left.setblocking(False)
    with left, right:
        yield left, right


def test_what_is_there_is_read(pair) -> None:
    left, right = pair
    chunk = Chunk()
    assert chunk.receive(left.fileno()) == NOTHING
    right.send(b"x" * (READ_BYTES + 1))
    assert chunk.receive(left.fileno()) == chunk.size == READ_BYTES
    assert chunk.whole() == b"x" * READ_BYTES
    assert chunk.receive(left.fileno()) == 1
    assert chunk.whole() == b"x"
    right.close()
    assert chunk.receive(left.fileno()) == 0


def test_what_was_decrypted_lies_where_what_was_received_does() -> None:
    chunk = Chunk()
    assert chunk.put(b"SELECT 1")
    assert (chunk.size, chunk.whole()) == (8, b"SELECT 1")
    assert chunk.put(b"x" * READ_BYTES)
    assert chunk.whole() == b"x" * READ_BYTES
    assert not chunk.put(b"x" * (READ_BYTES + 1))


def test_what_the_kernel_takes_is_sent(pair) -> None:
    left, right = pair
    assert send_some(left.fileno(), b"hello") == 5
    assert right.recv(10) == b"hello"
    sent = 1
    while sent:
        sent = send_some(left.fileno(), b"x" * 100_000)
    assert sent == 0


def test_everything_else_is_an_error(pair) -> None:
    left, right = pair
    right.close()
    with pytest.raises(BrokenPipeError):
        send_some(left.fileno(), b"x")
    with socket.socket() as lonely:
        chunk = Chunk()
        assert chunk.receive(lonely.fileno()) == FAILED
        assert chunk.failure == errno.ENOTCONN


def test_a_part_is_sent_as_far_as_the_kernel_takes_it(pair) -> None:
    left, right = pair
    assert send_part(left.fileno(), b"hello and more", 5) == 5
    assert right.recv(20) == b"hello"
    sent = 1
    while sent:
        sent = send_part(left.fileno(), b"x" * 100_000, 100_000)
    right.close()
    assert send_part(left.fileno(), b"x", 1) == 0, "who sends the rest will meet the error"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_connects_is_accepted_with_an_address(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        server.setblocking(False)
        acceptor = Acceptor(server)
        assert acceptor.accept() == -1
        with socket.create_connection(server.getsockname()[:2]) as client:
            fd = acceptor.accept()
            port = client.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            assert peer_text(acceptor.peer()) == f"{shown}:{port}"
            assert not os.get_blocking(fd)
            assert not os.get_inheritable(fd)
            with borrowed(fd) as sock:
                assert sock.getpeername()[1] == port
            close_descriptor(fd)
            assert client.recv(1) == b""


def test_what_accept_cannot_do_is_an_error() -> None:
    with socket.socket() as deaf, pytest.raises(OSError, match="Invalid argument"):
        Acceptor(deaf).accept()


def test_a_peer_without_an_address_is_a_unix_socket() -> None:
    assert peer_text(b"") == "unix"
    assert peer_text(("10.0.0.1", 7)) == "10.0.0.1:7"


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")
def test_what_is_ready_is_told(pair) -> None:
    left, right = pair
    with select.epoll() as epoll:
        events = EpollEvents(epoll)
        events.add(left.fileno(), select.EPOLLIN)
        assert events.wait(0.0) == 0
        right.send(b"x")
        assert events.wait(0.5) == 1
        assert events.bits == select.EPOLLIN
        events.modify(left.fileno(), select.EPOLLOUT)
        assert events.wait(0.5) == 1
        assert events.bits == select.EPOLLOUT
        with pytest.raises(OSError, match="exists"):
            events.add(left.fileno(), select.EPOLLIN)


def test_an_alarm_clock_rings_once_at_the_last_time_that_was_set() -> None:
    clock = AlarmClock()
    if clock.fd < 0:  # not compiled, or not Linux
        pytest.skip("there is none here")
    watched = select.poll()
    watched.register(clock.fd, select.POLLIN)
    clock.set(0.0)
    assert watched.poll(5_000)
    clock.set(60.0)
    assert not watched.poll(0), "what it was set to before counts no more"
    clock.set(0.01)
    began = time.monotonic()
    assert watched.poll(5_000)
    assert time.monotonic() - began >= 0.009


def test_an_alarm_clock_gives_its_descriptor_back() -> None:
    clock = AlarmClock()
    fd = clock.fd
    del clock
    if fd >= 0:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_an_alarm_clock_that_cannot_be_set_says_so() -> None:
    clock = AlarmClock()
    if clock.fd >= 0:
        with pytest.raises(OSError, match="Invalid argument"):
            clock.set(-1.0)


def test_the_clock_is_the_one_everybody_reads() -> None:
    before = time.monotonic()
    told = monotonic_s()
    assert before <= told <= time.monotonic()
