import pytest

from pglane.errors.protocol import (
    ForeignProtocol,
    MessageMalformed,
    StartupPacketLength,
    StreamMalformed,
    quoted,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"-d", "-d"),
        (b"a\x00'\n\xff", r"a\x00'\n\xff"),
        (b"x" * 64, "x" * 64),
        (b"x" * 65, "x" * 64 + "…"),
    ],
)
def test_what_a_peer_sent_is_escaped_and_cut(value: bytes, shown: str) -> None:
    assert quoted(value) == shown


def test_what_ends_a_connection_is_fatal() -> None:
    assert StartupPacketLength(length=3, length_max=10004).severity == "FATAL"
    assert ForeignProtocol(protocol="HTTP", remedy="Go away.").severity == "FATAL"
    assert StreamMalformed(kind="'Q'", length=3, length_max=9).severity == "FATAL"


def test_a_malformed_body_does_not_end_a_connection() -> None:
    """PostgreSQL goes on behind it: the length said where the next message begins."""
    refusal = MessageMalformed(name="Bind", expected="2 bytes", seen="1 byte")
    assert refusal.severity == "ERROR"
    assert refusal.detail_text == "Expected 2 bytes, seen 1 byte (PGL0510)"
