"""The channel: any split gives the same messages, descriptors stay with their message."""

import os
import resource
import socket
import threading

import pytest
from hypothesis import given, strategies as st

from pglane.engine import channel
from pglane.engine.channel import ChannelError, ChannelReader, encode, receive, send_message

TEXT = st.text() | st.text(st.characters(codec=None))
VALUES = st.none() | st.booleans() | st.integers() | TEXT
MESSAGES = st.lists(
    st.dictionaries(TEXT.filter(lambda key: key != "fds"), VALUES | st.lists(VALUES)), max_size=5
)


def drain(reader):
    found = []
    while (item := reader.next()) is not None:
        found.append(item)
    return found


@pytest.fixture
def pair():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with left, right:
        yield left, right


def read_one(sock, reader=None):
    reader = reader or ChannelReader()
    while (item := reader.next()) is None:
        data, fds = receive(sock)
        assert data, "the channel ended before a message was whole"
        reader.feed(data, fds)
    return item


@given(messages=MESSAGES, data=st.data())
def test_any_split_gives_the_same_messages(messages, data):
    stream = b"".join(encode(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = ChannelReader()
    seen = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[begin:end], [])
        seen += drain(reader)
    assert [message for message, _ in seen] == messages


def test_a_frame_is_a_length_and_ascii_json():
    assert encode({"a": "é\udcff"}) == b"\x00\x00\x00\x14" + rb'{"a":"\u00e9\udcff"}'


def test_lone_bytes_of_a_client_survive():
    reader = ChannelReader()
    reader.feed(encode({"name": b"\xff\x00".decode("utf-8", "surrogateescape")}), [])
    message, _ = reader.next()
    assert message["name"].encode("utf-8", "surrogateescape") == b"\xff\x00"


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (b"\x04\x00\x00\x01", "67108865 bytes"),
        (b"\x00\x00\x00\x02[]", "a list, expected an object"),
        (b"\x00\x00\x00\x01{", "not JSON"),
        (b"\x00\x00\x00\x02\xff\xff", "not JSON"),
        (encode({"type": "console", "fds": 1}), "'console' says 1 descriptors, 0 are here"),
        (encode({"type": "x", "fds": "1"}), "'x' says '1' descriptors"),
        (encode({"type": "x", "fds": -1}), "'x' says -1 descriptors"),
    ],
)
def test_what_cannot_be_carried_is_named(stream, says):
    reader = ChannelReader()
    reader.feed(stream, [])
    with pytest.raises(ChannelError, match=says.replace("[", r"\[")):
        reader.next()


def test_nesting_beyond_the_interpreters_depth_is_named():
    body = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    reader = ChannelReader()
    reader.feed(len(body).to_bytes(4, "big") + body, [])
    with pytest.raises(ChannelError):
        reader.next()


def test_too_large_a_message_is_refused(monkeypatch):
    monkeypatch.setattr(channel, "FRAME_BYTES_MAX", 10)
    with pytest.raises(ValueError, match="15 bytes, allowed are 10"):
        encode({"key": "value"})


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        encode({"n": float("nan")})


def test_descriptors_arrive_with_their_message(pair):
    left, right = pair
    pipes = [os.pipe() for _ in range(3)]
    send_message(left, {"type": "plain"})
    send_message(left, {"type": "one"}, [pipes[0][1]])
    send_message(left, {"type": "two"}, [pipes[1][1], pipes[2][1]])
    send_message(left, {"type": "none"})
    reader = ChannelReader()
    got = [read_one(right, reader) for _ in range(4)]
    assert [message["type"] for message, _ in got] == ["plain", "one", "two", "none"]
    assert [len(fds) for _, fds in got] == [0, 1, 2, 0]
    for (end, own), fd in zip(pipes, [fd for _, fds in got for fd in fds], strict=True):
        assert not os.get_inheritable(fd)
        os.write(fd, b"here")
        assert os.read(end, 10) == b"here"
        for each in (end, own, fd):
            os.close(each)


def test_descriptors_wait_for_the_last_byte_of_their_message(pair):
    left, right = pair
    end, own = os.pipe()
    frame = encode({"type": "late", "fds": 1})
    channel.send_some(left, frame[:1], [own])
    reader = ChannelReader()
    reader.feed(*receive(right))
    assert reader.next() is None
    channel.send_some(left, frame[1:])
    message, (fd,) = read_one(right, reader)
    assert message == {"type": "late", "fds": 1}
    for each in (end, own, fd):
        os.close(each)


def test_unclaimed_descriptors_can_be_closed(pair):
    left, right = pair
    end, own = os.pipe()
    channel.send_some(left, b"\x00", [own])
    os.close(own)
    reader = ChannelReader()
    reader.feed(*receive(right))
    reader.close_fds()
    assert os.read(end, 1) == b"", "the write end is closed everywhere"
    os.close(end)


def test_a_large_message_passes_a_non_blocking_socket(pair):
    left, right = pair
    left.setblocking(False)
    message = {"text": "x" * 3_000_000}
    got = []
    thread = threading.Thread(target=lambda: got.append(read_one(right)))
    thread.start()
    send_message(left, message)
    thread.join(30)
    assert got == [(message, [])]


def test_a_peer_that_does_not_read_is_given_up(pair, monkeypatch):
    left, _ = pair
    left.setblocking(False)
    monkeypatch.setattr(channel, "SEND_WAIT_MS_MAX", 1)
    with pytest.raises(TimeoutError, match="1 ms"):
        send_message(left, {"text": "x" * 3_000_000})


def test_too_many_descriptors_are_refused_before_anything_is_sent(pair):
    left, right = pair
    with pytest.raises(ValueError, match="17 descriptors"):
        send_message(left, {"type": "x"}, [0] * 17)
    right.setblocking(False)
    with pytest.raises(BlockingIOError):
        receive(right)


def test_nothing_there_and_end_of_stream_differ(pair):
    left, right = pair
    right.setblocking(False)
    with pytest.raises(BlockingIOError):
        receive(right)
    left.close()
    assert receive(right) == (b"", [])


def test_lost_descriptors_are_noticed(pair):
    left, right = pair
    pipes = [os.pipe() for _ in range(2)]
    fds = [fd for pair in pipes for fd in pair]
    send_message(left, {"type": "many"}, fds)
    highest = max(*fds, left.fileno(), right.fileno())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    try:
        with pytest.raises(ChannelError, match="descriptors were lost"):
            receive(right)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fds:
            os.close(fd)
