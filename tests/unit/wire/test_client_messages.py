"""Bytes written by hand from the manual's tables; round trips are in tests/property."""

from typing import Any

import pytest

from pglane.wire import client_messages as c
from pglane.wire.body import MalformedMessage
from pglane.wire.client_messages import CLIENT_KINDS, decode_client_message

EXAMPLES = [
    (c.Query(b"SELECT 1"), b"Q\0\0\0\x0dSELECT 1\0"),
    (
        c.Parse(b"s", b"SELECT $1", (23, 0)),
        b"P\0\0\0\x1as",
        b"\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\0",
    ),
    (
        c.Bind(b"p", b"s", (1,), (b"ab", None, b""), (0, 1)),
        b"B\0\0\0\x22p\0s\0\0\1\0\1\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0\0\2\0\0\0\1",
    ),
    (c.Describe(b"S", b"s"), b"D\0\0\0\x07Ss\0"),
    (c.Describe(b"P", b""), b"D\0\0\0\x06P\0"),
    (c.Close(b"P", b"p"), b"C\0\0\0\x07Pp\0"),
    (c.Execute(b"", 100), b"E\0\0\0\x09\0\0\0\0\x64"),
    (c.Sync(), b"S\0\0\0\x04"),
    (c.Flush(), b"H\0\0\0\x04"),
    (c.Terminate(), b"X\0\0\0\x04"),
    (
        c.FunctionCall(2026, (1,), (b"\0\1", None), 1),
        b"F\0\0\0\x1a\0\0\x07\xea\0\1\0\1\0\2\0\0\0\2\0\1\xff\xff\xff\xff\0\1",
    ),
    (c.CopyData(b"1\t2\n"), b"d\0\0\0\x081\t2\n"),
    (c.CopyDone(), b"c\0\0\0\x04"),
    (c.CopyFail(b"no"), b"f\0\0\0\x07no\0"),
    (c.AuthenticationResponse(b"x\0"), b"p\0\0\0\x06x\0"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example[0]).__name__)
def test_bytes_are_those_of_the_manual(example: tuple[Any, ...]) -> None:
    message, data = example[0], b"".join(example[1:])
    assert len(data) - 1 == int.from_bytes(data[1:5], "big")
    assert message.encode() == data
    assert decode_client_message(data[0], data[5:]) == message


def test_every_kind_has_an_example() -> None:
    assert {example[0].kind for example in EXAMPLES} == CLIENT_KINDS


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (c.PasswordMessage(b"geheim"), b"p\0\0\0\x0bgeheim\0"),
        (
            c.SASLInitialResponse(b"SCRAM-SHA-256", b"n,,"),
            b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\3n,,",
        ),
        (c.SASLInitialResponse(b"X", None), b"p\0\0\0\x0aX\0\xff\xff\xff\xff"),
        (c.SASLResponse(b"c=biws"), b"p\0\0\0\x0ac=biws"),
    ],
)
def test_what_p_means_depends_on_the_question(message: Any, data: bytes) -> None:
    assert message.encode() == data
    assert type(message).decode(data[5:]) == message
    assert decode_client_message(ord("p"), data[5:]) == c.AuthenticationResponse(data[5:])


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("Q", b"SELECT 1", "a zero byte behind the text"),
        ("Q", b"SELECT 1\0\0", "the end of the message"),
        ("P", b"s\0SELECT\0", "2 bytes of the number of parameter types"),
        ("P", b"s\0SELECT\0\0\1\0\0", "4 bytes of parameter types"),
        ("P", b"s\0SELECT\0\0\0x", "the end of the message"),
        ("B", b"\0\0\0\0\xff\xff", "4 bytes of the length of a parameter"),
        ("B", b"\0\0\0\0\0\1\x80\0\0\0\0\0", "a length of a parameter of -1 or more"),
        ("D", b"Xs\0", "'S' or 'P'"),
        ("C", b"", "1 bytes of what it is about"),
        ("E", b"\0\0\0\0", "4 bytes of the row limit"),
        ("S", b"\0", "the end of the message"),
        ("F", b"\0\0\0\1\0\0\0\0", "2 bytes of the result's format"),
        ("f", b"", "a zero byte behind the reason"),
        ("T", b"", "a type byte of PostgreSQL's protocol"),
    ],
)
def test_malformed_bodies_are_told(kind: str, body: bytes, expected: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode_client_message(ord(kind), body)
    assert caught.value.expected == expected


def test_secrets_are_not_shown() -> None:
    secret = b"geheim"
    for message in (
        c.PasswordMessage(secret),
        c.SASLInitialResponse(b"SCRAM-SHA-256", secret),
        c.SASLResponse(secret),
        c.AuthenticationResponse(secret),
        c.Bind(b"", b"", (), (secret,)),
        c.FunctionCall(1, (), (secret,)),
        c.CopyData(secret),
    ):
        assert "geheim" not in repr(message)


def test_what_is_described_is_a_statement_or_a_portal() -> None:
    with pytest.raises(ValueError, match="b'S' or b'P'"):
        c.Describe(b"X", b"").encode()
