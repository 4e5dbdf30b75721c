"""Bytes written by hand from the manual's tables; round trips are in tests/property."""

from typing import Any

import pytest

from pglane.errors.protocol import OptionsValue, StartupPacketLayout
from pglane.wire import server_messages as s
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import CopyData, CopyDone
from pglane.wire.login_messages import (
    AuthenticationOk,
    BackendKeyData,
    NegotiateProtocolVersion,
)
from pglane.wire.server_messages import SERVER_KINDS, decode_server_message

COLUMN = s.FieldDescription(b"a", 16384, 1, 23, 4, -1, 0)
EXAMPLES = [
    (AuthenticationOk(), b"R\0\0\0\x08\0\0\0\0"),
    (BackendKeyData(7, b"abcd"), b"K\0\0\0\x0c\0\0\0\7abcd"),
    (NegotiateProtocolVersion(3, 0, ()), b"v\0\0\0\x0c\0\3\0\0\0\0\0\0"),
    (s.ParameterStatus(b"TimeZone", b"UTC"), b"S\0\0\0\x11TimeZone\0UTC\0"),
    (s.ReadyForQuery(b"T"), b"Z\0\0\0\5T"),
    (
        s.RowDescription((COLUMN,)),
        b"T\0\0\0\x1a\0\1a\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\0",
    ),
    (s.RowDescription(()), b"T\0\0\0\6\0\0"),
    (s.DataRow((b"1", None, b"")), b"D\0\0\0\x13\0\3\0\0\0\x011\xff\xff\xff\xff\0\0\0\0"),
    (s.CommandComplete(b"SELECT 1"), b"C\0\0\0\x0dSELECT 1\0"),
    (s.EmptyQueryResponse(), b"I\0\0\0\4"),
    (s.ParseComplete(), b"1\0\0\0\4"),
    (s.BindComplete(), b"2\0\0\0\4"),
    (s.CloseComplete(), b"3\0\0\0\4"),
    (s.NoData(), b"n\0\0\0\4"),
    (s.PortalSuspended(), b"s\0\0\0\4"),
    (s.ParameterDescription((23, 25)), b"t\0\0\0\x0e\0\2\0\0\0\x17\0\0\0\x19"),
    (s.ErrorResponse((("S", b"ERROR"), ("M", b"no"))), b"E\0\0\0\x10SERROR\0Mno\0\0"),
    (s.NoticeResponse(()), b"N\0\0\0\5\0"),
    (s.NotificationResponse(7, b"ch", b"load"), b"A\0\0\0\x10\0\0\0\7ch\0load\0"),
    (s.CopyInResponse(0, (0, 0)), b"G\0\0\0\x0b\0\0\2\0\0\0\0"),
    (s.CopyOutResponse(1, (1,)), b"H\0\0\0\x09\1\0\1\0\1"),
    (s.CopyBothResponse(0, ()), b"W\0\0\0\7\0\0\0"),
    (CopyData(b"x"), b"d\0\0\0\5x"),
    (CopyDone(), b"c\0\0\0\4"),
    (s.FunctionCallResponse(b"42"), b"V\0\0\0\x0a\0\0\0\x0242"),
    (s.FunctionCallResponse(None), b"V\0\0\0\x08\xff\xff\xff\xff"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example[0]).__name__)
def test_bytes_are_those_of_the_manual(example: tuple[Any, bytes]) -> None:
    message, data = example
    assert len(data) - 1 == int.from_bytes(data[1:5], "big")
    assert message.encode() == data
    assert decode_server_message(data[0], data[5:]) == message


def test_every_kind_has_an_example() -> None:
    assert {example[0].kind for example in EXAMPLES} == SERVER_KINDS


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("S", b"TimeZone\0UTC", "a zero byte behind the value"),
        ("Z", b"", "one byte of I, T, E"),
        ("Z", b"X", "one byte of I, T, E"),
        ("T", b"\0\1a\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0", "2 bytes of its format"),
        ("D", b"\0\1\0\0\0\2a", "2 bytes of a column"),
        ("D", b"\0\0x", "the end of the message"),
        ("C", b"SELECT 1", "a zero byte behind the tag"),
        ("1", b"x", "the end of the message"),
        ("t", b"\0\1", "4 bytes of parameter types"),
        ("E", b"SERROR\0", "1 bytes of the next field's code, or a zero byte"),
        ("N", b"SERROR", "a zero byte behind field 'S'"),
        ("E", b"\0x", "the end of the message"),
        ("A", b"\0\0\0\1ch\0", "a zero byte behind the payload"),
        ("G", b"\0\0\1", "2 bytes of column formats"),
        ("V", b"\0\0\0\1", "1 bytes of the result"),
        ("Q", b"", "a type byte of PostgreSQL's protocol"),
    ],
)
def test_malformed_bodies_are_told(kind: str, body: bytes, expected: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode_server_message(ord(kind), body)
    assert caught.value.expected == expected


def test_a_refusal_becomes_an_error_of_its_severity() -> None:
    refusal = StartupPacketLayout(seen="a name without a value")
    data = s.error_response(refusal)
    error = s.ErrorResponse.decode(data[5:])
    assert error.encode() == data
    assert [code for code, _ in error.fields] == list("SVCMDH")
    assert error.get("S") == error.get("V") == b"FATAL"
    assert error.get("C") == b"08P01"
    assert error.get("M") == refusal.text.encode()
    assert error.get("D") == b"Seen: a name without a value (PGL0503)"
    assert error.get("H") == refusal.hint_text.encode()
    assert error.get("W") is None


def test_texts_that_utf8_or_a_string_cannot_hold_are_escaped() -> None:
    refusal = OptionsValue(word="a\0b\udc83ü")
    assert s.error_fields(s.error_response(refusal)[5:])["M"].endswith("a\\x00b\\udc83ü".encode())


def test_a_notice_leaves_out_what_is_empty() -> None:
    data = s.notice_response("WARNING", "01000", "text", "", "hint")
    assert data[:1] == b"N"
    assert s.error_fields(data[5:]) == {
        "S": b"WARNING",
        "V": b"WARNING",
        "C": b"01000",
        "M": b"text",
        "H": b"hint",
    }


def test_the_free_functions_write_whole_messages() -> None:
    assert s.parameter_status(b"a", b"b") == b"S\0\0\0\x08a\0b\0"
    assert s.command_complete(b"SET") == b"C\0\0\0\x08SET\0"
    assert s.ready_for_query(b"I") == b"Z\0\0\0\5I"
    with pytest.raises(ValueError, match="b'I', b'T' or b'E'"):
        s.ready_for_query(b"X")


def test_rows_are_not_shown() -> None:
    assert "geheim" not in repr(s.DataRow((b"geheim",)))
    assert "geheim" not in repr(s.FunctionCallResponse(b"geheim"))
