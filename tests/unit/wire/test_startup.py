"""The refusals and answers of the last tests are those PostgreSQL 18 gave to the same packets."""

import itertools
import struct

import pytest
from hypothesis import given, strategies as st

from pglane.errors import Refusal
from pglane.wire import startup as u
from pglane.wire.startup import StartupMessage, StartupPacket, StartupReader, negotiate

HELLO = StartupMessage(3, 0, {"user": b"app", "database": b"shop", "options": b""})
HELLO_BYTES = b"\0\0\0\x29\0\3\0\0user\0app\0database\0shop\0options\0\0\0"


def packet(code: int, content: bytes = b"") -> bytes:
    return struct.pack("!II", len(content) + 8, code) + content


def first(data: bytes) -> StartupPacket | Refusal | None:
    reader = StartupReader()
    reader.feed(data)
    return reader.next()


def refused(data: bytes) -> Refusal:
    answer = first(data)
    assert isinstance(answer, Refusal)
    assert answer.severity == "FATAL"
    return answer


def test_bytes_are_those_of_the_manual() -> None:
    assert len(HELLO_BYTES) == 0x29
    assert HELLO.encode() == HELLO_BYTES
    assert first(HELLO_BYTES) == HELLO
    for message, data in (
        (u.SSLRequest(), b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (u.GSSENCRequest(), b"\0\0\0\x08\x04\xd2\x16\x30"),
        (u.CancelRequest(-2, b"abcd"), b"\0\0\0\x10\x04\xd2\x16\x2e\xff\xff\xff\xfeabcd"),
    ):
        assert message.encode() == data
        assert first(data) == message


@given(cuts=st.lists(st.integers(0, 70), max_size=8))
def test_any_split_gives_the_same_packets(cuts: list[int]) -> None:
    data = u.GSSENCRequest().encode() + u.SSLRequest().encode() + HELLO_BYTES + b"p..."
    places = sorted({0, len(data), *cuts})
    reader = StartupReader()
    seen: list[object] = []
    for begin, end in itertools.pairwise(places):
        reader.feed(data[begin:end])
        while (message := reader.next()) is not None:
            seen.append(message)
    assert seen == [u.GSSENCRequest(), u.SSLRequest(), HELLO]
    assert reader.rest == b"p..."


@pytest.mark.parametrize("last", [HELLO_BYTES, u.CancelRequest(1, b"abcd").encode(), b"GET "])
def test_nothing_comes_behind_the_last_packet(last: bytes) -> None:
    """What follows has another form; a reader that went on would take it for a broken packet."""
    reader = StartupReader()
    reader.feed(last + b"p\0\0\0\x09abcd\0")
    assert reader.next() is not None
    assert reader.next() is None
    reader.feed(HELLO_BYTES)
    assert reader.next() is None


def test_bytes_behind_a_request_for_encryption_can_be_seen() -> None:
    """They came in the clear: who answers yes has to refuse them."""
    reader = StartupReader()
    reader.feed(u.SSLRequest().encode() + HELLO_BYTES)
    assert reader.next() == u.SSLRequest()
    assert reader.rest == HELLO_BYTES


@pytest.mark.parametrize("request_class", [u.SSLRequest, u.GSSENCRequest])
def test_encryption_is_asked_for_once(
    request_class: type[u.SSLRequest] | type[u.GSSENCRequest],
) -> None:
    reader = StartupReader()
    reader.feed(request_class().encode() * 2)
    assert reader.next() == request_class()
    refusal = reader.next()
    assert isinstance(refusal, Refusal)
    assert refusal.text == f"{request_class.__name__} came a second time on one connection"


@pytest.mark.parametrize("size", [4, 5, 32, 256])
def test_a_cancel_key_may_be_long(size: int) -> None:
    request = u.CancelRequest(7, b"k" * size)
    assert first(request.encode()) == request
    assert "kkk" not in repr(request)


@pytest.mark.parametrize("size", [0, 3, 257])
def test_a_cancel_key_has_its_limits(size: int) -> None:
    refusal = refused(packet(u.CancelRequest.code, b"\0\0\0\1" + b"k" * size))
    assert f"Behind the request code are {size + 4} bytes" in refusal.detail_text
    with pytest.raises(ValueError, match=f"4 to 256 bytes, not {size}"):
        u.CancelRequest(1, b"k" * size).encode()


@pytest.mark.parametrize("length", [0, 7, 10_005, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_impossible_length_is_told_before_the_packet_is_there(length: int) -> None:
    refusal = refused(struct.pack("!I", length))
    assert refusal.sqlstate == "08P01"
    assert refusal.detail_text == (
        f"The length field says {length} bytes; 8 to 10004 are possible (PGL0501)"
    )


def test_the_longest_packet_is_taken() -> None:
    value = b"x" * (10_004 - 8 - len(b"user\0\0\0"))
    message = StartupMessage(3, 0, {"user": value})
    assert len(message.encode()) == 10_004
    assert first(message.encode()) == message
    with pytest.raises(ValueError, match="10004 bytes, this one has 10005"):
        StartupMessage(3, 0, {"user": value + b"x"}).encode()


def test_a_request_for_encryption_has_no_content() -> None:
    assert "says 9 bytes" in refused(packet(u.SSLRequest.code, b"x")).detail_text


TLS_BYTES = b"\x16\x03\x01\x02\x00"
ASKED = u.SSLRequest().encode()


def test_tls_may_begin_without_being_asked_for() -> None:
    reader = StartupReader()
    reader.feed(TLS_BYTES[:3])
    assert reader.next() is None
    reader.feed(TLS_BYTES[3:])
    assert reader.next() == u.TlsHello()
    assert reader.restart() == TLS_BYTES
    reader.feed(HELLO_BYTES)  # what came through it
    assert reader.next() == HELLO


def test_tls_does_not_begin_behind_a_request_for_it_that_was_declined() -> None:
    reader = StartupReader()
    reader.feed(ASKED + TLS_BYTES)
    assert reader.next() == u.SSLRequest()
    refusal = reader.next()
    assert isinstance(refusal, Refusal)
    assert refusal.text.endswith("the first bytes are a TLS handshake")


@pytest.mark.parametrize("inside", [TLS_BYTES, ASKED])
def test_tls_does_not_begin_inside_of_tls(inside: bytes) -> None:
    reader = StartupReader()
    reader.feed(TLS_BYTES)
    assert reader.next() == u.TlsHello()
    reader.restart()
    reader.feed(inside)
    assert isinstance(reader.next(), Refusal)


@pytest.mark.parametrize(
    ("data", "protocol"),
    [(b"GET / HTTP/1.1\r\n", "an HTTP request"), (b"PRI * HTTP/2.0\r\n", "an HTTP request")],
)
def test_other_protocols_are_recognised(data: bytes, protocol: str) -> None:
    assert refused(data).text.endswith(f"the first bytes are {protocol}")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "no zero byte at the end"),
        (b"user\0app", "no zero byte at the end"),
        (b"user\0app\0", "a value or name without its zero byte"),
        (b"\0\0", "a name without a value"),
        (b"user\0\0", "a name without a value"),
        (b"user\0app\0\0\0", "a name without a value"),
        (b"user\0app\0\0x\0\0", "bytes behind the terminator"),
    ],
)
def test_a_broken_layout_is_told(content: bytes, seen: str) -> None:
    refusal = refused(packet(3 << 16, content))
    assert refusal.text.startswith("invalid startup packet layout")
    assert refusal.detail_text == f"Seen: {seen} (PGL0503)"


def test_values_may_be_empty() -> None:
    assert first(packet(3 << 16, b"\0")) == StartupMessage(3, 0, {})
    assert first(packet(3 << 16, b"a\0\0\0")) == StartupMessage(3, 0, {"a": b""})


def test_a_name_that_comes_twice_stands_where_it_came_last() -> None:
    """The server applies them in order, and names of settings do not mind their case."""
    message = first(packet(3 << 16, b"TimeZone\0A\0timezone\0B\0TimeZone\0C\0\0"))
    assert isinstance(message, StartupMessage)
    assert list(message.parameters.items()) == [("timezone", b"B"), ("TimeZone", b"C")]


def test_names_keep_bytes_that_are_not_utf8() -> None:
    data = packet(3 << 16, b"n\xe4me\0v\0\0")
    message = first(data)
    assert isinstance(message, StartupMessage)
    assert message.encode() == data


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="without a name"):
        StartupMessage(3, 0, {"": b"x"}).encode()
    with pytest.raises(ValueError, match="zero byte"):
        StartupMessage(3, 0, {"user": b"a\0b"}).encode()


@pytest.mark.parametrize(("major", "minor"), [(2, 0), (4, 0), (1234, 5681), (0, 0)])
def test_other_majors_are_refused(major: int, minor: int) -> None:
    refusal = refused(packet(major << 16 | minor, b"whatever"))
    assert refusal.sqlstate == "0A000"
    assert refusal.text == (
        f"unsupported frontend protocol {major}.{minor}: pglane speaks 3.0 to 3.2"
    )
    assert isinstance(negotiate(StartupMessage(5, 1, {})), Refusal)


@pytest.mark.parametrize(
    ("minor", "spoken", "answer"),
    [
        (0, 0, b""),
        (1, 1, b""),
        (2, 2, b""),
        (3, 2, b"v\0\0\0\x0c\0\3\0\2\0\0\0\0"),
        (9999, 2, b"v\0\0\0\x0c\0\3\0\2\0\0\0\0"),
    ],
)
def test_minors_are_negotiated_as_postgresql_does(minor: int, spoken: int, answer: bytes) -> None:
    negotiation = negotiate(StartupMessage(3, minor, {"user": b"app"}))
    assert not isinstance(negotiation, Refusal)
    assert negotiation.minor == spoken
    assert negotiation.encode() == answer
    assert negotiation.long_keys == (spoken == 2)


def test_unknown_options_are_negotiated_as_postgresql_does() -> None:
    parameters = {"user": b"app", "_pq_.x": b"1", "_pq": b"", "_pq_.y": b"1"}
    negotiation = negotiate(StartupMessage(3, 1, parameters))
    assert not isinstance(negotiation, Refusal)
    assert negotiation.unknown_options == (b"_pq_.x", b"_pq_.y")
    assert negotiation.encode() == b"v\0\0\0\x1a\0\3\0\1\0\0\0\2_pq_.x\0_pq_.y\0"


def test_short_packets_are_read_once_and_long_ones_are_not_kept() -> None:
    long = StartupMessage(3, 0, {f"n{number}": b"" for number in range(u.NAMES_KEPT_MAX * 4)})
    assert first(HELLO_BYTES) is first(HELLO_BYTES)
    assert negotiate(HELLO) is negotiate(HELLO)
    assert len(long.encode()) > u.STARTUP_KEPT_BYTES_MAX
    assert first(long.encode()) == first(long.encode())
    assert first(long.encode()) is not first(long.encode())
    assert negotiate(long) is not negotiate(long)
