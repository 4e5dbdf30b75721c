"""The tags of what a client is about to send."""

import pytest

from pglane.connection.first_tags import first_tags
from pglane.wire.body import message as encoded
from pglane.wire.framing import MessageReader

TEXT = b"SELECT 1 /*lane='otp'*/"


def message(kind, body):
    return encoded(ord(kind), body)


class Statement:
    text = TEXT


def tags(*messages):
    reader = MessageReader(10_000)
    reader.feed(b"".join(messages))
    found = first_tags(reader, {b"s1": Statement()})
    assert reader.buffered_bytes() == sum(map(len, messages))
    return found


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Q", TEXT + b"\0"),
        ("P", b"\0" + TEXT + b"\0\0\0"),
        ("P", b"name\0" + TEXT + b"\0\0\0"),
        ("B", b"\0s1\0\0\0\0\0\0\0"),
        ("B", b"portal\0s1\0\0\0\0\0\0\0"),
    ],
)
def test_the_text_is_found_in_the_message_or_by_its_name(kind, body):
    assert tags(message(kind, body)) == {"lane": "otp"}
    assert tags(message(kind, body), message("S", b"")) == {"lane": "otp"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("B", b"\0other\0\0\0\0\0\0\0"),
        ("B", b"\0s1"),
        ("B", b"none"),
        ("P", b"none"),
        ("P", b"none\0" + TEXT),
        ("S", b""),
        ("E", b"\0\0\0\0\0"),
    ],
)
def test_other_messages_have_no_tags(kind, body):
    assert tags(message(kind, body)) == {}


def test_only_the_first_message_counts():
    assert tags(message("Q", b"BEGIN\0"), message("Q", TEXT + b"\0")) == {}


def test_what_has_not_arrived_whole_has_none():
    assert tags(message("Q", TEXT + b"\0")[:-1]) == {}
