"""What is encoded is decoded to the same message and comes whole out of any split.

The second half: a body that is not a message's either raises `MalformedMessage` or encodes to
itself again, so that a decoder never silently drops bytes.
"""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.errors import Refusal
from pglane.wire import (
    client_messages as c,
    framing,
    login_messages as m,
    server_messages as s,
    startup,
)
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import CLIENT_KINDS, decode_client_message
from pglane.wire.server_messages import SERVER_KINDS, decode_server_message
from tests.support.pure import load_pure

READERS = [framing.MessageReader, load_pure("pglane.wire.framing").MessageReader]

data = st.binary(max_size=30)
strings = data.map(lambda value: value.replace(b"\0", b""))
words = strings.filter(bool)
values = st.none() | data
oids = st.integers(0, 2**32 - 1)
int32s = st.integers(-(2**31), 2**31 - 1)
int16s = st.integers(-(2**15), 2**15 - 1)
keys = st.binary(min_size=4, max_size=256)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=5).map(tuple)


formats = some(int16s)
described = st.sampled_from([b"S", b"P"])
reported = some(st.tuples(st.characters(min_codepoint=1, max_codepoint=255), strings))
columns = st.builds(
    s.FieldDescription, strings, oids, int16s, oids, int16s, int32s, st.sampled_from([0, 1])
)
copy_messages = st.one_of(st.builds(c.CopyData, data), st.builds(c.CopyDone))
client_messages = st.one_of(
    st.builds(c.Query, strings),
    st.builds(c.Parse, strings, strings, some(oids)),
    st.builds(c.Bind, strings, strings, formats, some(values), formats),
    st.builds(c.Describe, described, strings),
    st.builds(c.Close, described, strings),
    st.builds(c.Execute, strings, int32s),
    st.builds(c.Sync),
    st.builds(c.Flush),
    st.builds(c.Terminate),
    st.builds(c.FunctionCall, oids, formats, some(values), int16s),
    st.builds(c.CopyFail, strings),
    st.builds(c.AuthenticationResponse, data),
    copy_messages,
)
answers = st.one_of(
    st.builds(c.PasswordMessage, strings),
    st.builds(c.SASLInitialResponse, strings, values),
    st.builds(c.SASLResponse, data),
)
server_messages = st.one_of(
    st.builds(m.AuthenticationOk),
    st.builds(m.AuthenticationCleartextPassword),
    st.builds(m.AuthenticationMD5Password, st.binary(min_size=4, max_size=4)),
    st.builds(m.AuthenticationSASL, some(words)),
    st.builds(m.AuthenticationSASLContinue, data),
    st.builds(m.AuthenticationSASLFinal, data),
    st.builds(m.AuthenticationUnsupported, st.sampled_from([1, 2, 4, 6, 7, 8, 9, 13]), data),
    st.builds(m.BackendKeyData, int32s, keys),
    st.builds(
        m.NegotiateProtocolVersion, st.integers(0, 65535), st.integers(0, 65535), some(strings)
    ),
    st.builds(s.ParameterStatus, strings, strings),
    st.builds(s.ReadyForQuery, st.sampled_from([b"I", b"T", b"E"])),
    st.builds(s.RowDescription, some(columns)),
    st.builds(s.DataRow, some(values)),
    st.builds(s.CommandComplete, strings),
    st.builds(s.EmptyQueryResponse),
    st.builds(s.ParseComplete),
    st.builds(s.BindComplete),
    st.builds(s.CloseComplete),
    st.builds(s.NoData),
    st.builds(s.PortalSuspended),
    st.builds(s.ParameterDescription, some(oids)),
    st.builds(s.ErrorResponse, reported),
    st.builds(s.NoticeResponse, reported),
    st.builds(s.NotificationResponse, int32s, strings, strings),
    st.builds(s.CopyInResponse, st.integers(0, 255), formats),
    st.builds(s.CopyOutResponse, st.integers(0, 255), formats),
    st.builds(s.CopyBothResponse, st.integers(0, 255), formats),
    st.builds(s.FunctionCallResponse, values),
    copy_messages,
)


def decoded_pieces(reader: Any, stream: bytes, piece_bytes: int, decode: Any) -> list[Any]:
    found = []
    for at in range(0, len(stream), piece_bytes):
        reader.feed(stream[at : at + piece_bytes])
        while reader.next():
            found.append(decode(reader.kind, reader.body()))
    return found


@pytest.mark.parametrize("reader_class", READERS)
@given(messages=some(client_messages), piece_bytes=st.integers(1, 50))
def test_client_messages(reader_class: Any, messages: tuple[Any, ...], piece_bytes: int) -> None:
    stream = b"".join(message.encode() for message in messages)
    reader = reader_class(1 << 20)
    assert tuple(decoded_pieces(reader, stream, piece_bytes, decode_client_message)) == messages


@pytest.mark.parametrize("reader_class", READERS)
@given(messages=some(server_messages), piece_bytes=st.integers(1, 50))
def test_server_messages(reader_class: Any, messages: tuple[Any, ...], piece_bytes: int) -> None:
    stream = b"".join(message.encode() for message in messages)
    reader = reader_class(1 << 20)
    assert tuple(decoded_pieces(reader, stream, piece_bytes, decode_server_message)) == messages


@given(message=answers)
def test_answers_to_authentication_requests(message: Any) -> None:
    encoded = message.encode()
    assert encoded[:1] == b"p"
    assert type(message).decode(encoded[5:]) == message


@pytest.mark.parametrize("kind", sorted(CLIENT_KINDS))
@given(body=data)
def test_any_body_of_a_client_is_refused_or_kept(kind: int, body: bytes) -> None:
    try:
        message = decode_client_message(kind, body)
    except MalformedMessage:
        return
    assert message.encode()[5:] == body


@pytest.mark.parametrize("kind", sorted(SERVER_KINDS))
@given(body=data)
def test_any_body_of_a_server_is_refused_or_kept(kind: int, body: bytes) -> None:
    try:
        message = decode_server_message(kind, body)
    except MalformedMessage:
        return
    assert message.encode()[5:] == body


packets = st.one_of(
    st.builds(
        startup.StartupMessage,
        st.just(3),
        st.integers(0, 65535),
        st.dictionaries(
            words.map(lambda name: name.decode("utf-8", "surrogateescape")), strings, max_size=8
        ),
    ),
    st.builds(startup.CancelRequest, int32s, keys),
    st.builds(startup.SSLRequest),
    st.builds(startup.GSSENCRequest),
)


@given(packet=packets, behind=data, piece_bytes=st.integers(1, 50))
def test_startup_packets(packet: Any, behind: bytes, piece_bytes: int) -> None:
    stream = packet.encode()
    reader = startup.StartupReader()
    for at in range(0, len(stream), piece_bytes):
        assert reader.next() is None
        reader.feed(stream[at : at + piece_bytes])
    reader.feed(behind)
    assert reader.next() == packet
    assert reader.rest == behind


@given(code=st.sampled_from([3 << 16, 1234 << 16 | 5678, 1234 << 16 | 5679]), content=data)
def test_any_startup_packet_is_refused_or_kept(code: int, content: bytes) -> None:
    raw = (8 + len(content)).to_bytes(4, "big") + code.to_bytes(4, "big") + content
    reader = startup.StartupReader()
    reader.feed(raw)
    packet = reader.next()
    assert packet is not None
    if not isinstance(packet, Refusal):
        assert len(packet.encode()) <= len(raw)
