"""recv, send and epoll_wait, in the form that runs."""

import select
import socket

import pytest

from pglane.engine.syscalls import READ_BYTES, EpollEvents, receive_some, send_some


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    left.setblocking(False)
    with left, right:
        yield left, right


def test_what_is_there_is_read(pair) -> None:
    left, right = pair
    assert receive_some(left, left.fileno()) is None
    right.send(b"x" * (READ_BYTES + 1))
    assert receive_some(left, left.fileno()) == b"x" * READ_BYTES
    assert receive_some(left, left.fileno()) == b"x"
    right.close()
    assert receive_some(left, left.fileno()) == b""


def test_what_the_kernel_takes_is_sent(pair) -> None:
    left, right = pair
    assert send_some(left, left.fileno(), b"hello") == 5
    assert right.recv(10) == b"hello"
    sent = 1
    while sent:
        sent = send_some(left, left.fileno(), b"x" * 100_000)
    assert sent == 0


def test_everything_else_is_an_error(pair) -> None:
    left, right = pair
    right.close()
    with pytest.raises(BrokenPipeError):
        send_some(left, left.fileno(), b"x")
    with socket.socket() as lonely, pytest.raises(OSError, match="not connected"):
        receive_some(lonely, lonely.fileno())


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")
def test_what_is_ready_is_told_one_by_one(pair) -> None:
    left, right = pair
    with select.epoll() as epoll:
        events = EpollEvents(epoll)
        epoll.register(left.fileno(), select.EPOLLIN)
        assert events.wait(0.0) == 0
        right.send(b"x")
        assert events.wait(0.5) == 1
        assert events.fd(0) == left.fileno()
        assert events.mask(0) == select.EPOLLIN
