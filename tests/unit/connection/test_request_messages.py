"""The messages that we put in the place of a client's, in both forms."""

from typing import Any

import pytest

from pglane.connection import request_messages
from pglane.errors.protocol import MessageTooLarge, StreamMalformed
from pglane.wire.body import message
from pglane.wire.framing import MalformedStream
from pglane.wire.server_messages import error_fields
from tests.support.pure import load_pure

FORMS = {"in use": request_messages, "pure": load_pure("pglane.connection.request_messages")}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Any:
    return FORMS[request.param]


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 70_000])
def test_messages_are_those_of_wire(form: Any, body: bytes) -> None:
    assert form.message(b"P", body) == message(ord("P"), body)


@pytest.mark.parametrize("portal", [b"", b"cursor", b"c" * 201])
@pytest.mark.parametrize("name", [b"", b"ours_1", b"n" * 200])
@pytest.mark.parametrize("rest", [b"", b"\x00\x00" * 3, bytes(70_000)])
def test_a_bind_is_headed_like_any_message(
    form: Any, portal: bytes, name: bytes, rest: bytes
) -> None:
    body = portal + b"\0" + name + b"\0" + rest
    assert form.bind_head(portal, name, len(rest)) + rest == message(ord("B"), body)


def test_errors_are_worded_as_postgresql_does(form: Any) -> None:
    answer = form.error(b"42P05", b'prepared statement "a" already exists')
    assert answer[:1] == b"E"
    assert error_fields(answer[5:]) == {
        "S": b"ERROR",
        "V": b"ERROR",
        "C": b"42P05",
        "M": b'prepared statement "a" already exists',
    }


def test_an_error_tells_its_routine_where_drivers_go_by_it(form: Any) -> None:
    answer = form.error(b"0A000", b"stale", b"RevalidateCachedQuery")
    assert error_fields(answer[5:])["R"] == b"RevalidateCachedQuery"


def test_a_malformed_request_says_what_was_seen(form: Any) -> None:
    malformed = form.MalformedRequest("Bind", "it ends too early")
    assert str(malformed) == "message Bind: it ends too early"
    assert (malformed.kind, malformed.seen) == ("Bind", "it ends too early")


@pytest.mark.parametrize(
    ("kind", "length", "refusal"),
    [
        ("Q", 2000, MessageTooLarge),
        ("p", 2000, StreamMalformed),
        ("Q", request_messages.MESSAGE_BYTES_POSSIBLE + 1, StreamMalformed),
        ("Q", 3, StreamMalformed),
    ],
)
def test_a_length_is_too_large_or_cannot_be(
    form: Any, kind: str, length: int, refusal: type
) -> None:
    told = form.stream_malformed(MalformedStream(ord(kind), length, 1000))
    assert type(told).__name__ == refusal.__name__


def test_a_zero_byte_is_found_within_its_part_only(form: Any) -> None:
    data = b"ab\x00cd\x00"
    found = [form.zero_in(data, begin, 5) for begin in range(7)]
    assert found == [2, 2, 2, -1, -1, -1, -1]
