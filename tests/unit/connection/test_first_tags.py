"""The tags of what a client is about to send."""

import pytest

from pglane.connection.first_tags import MESSAGES_MAX, first_tags, text_at_head
from pglane.wire.body import message as encoded
from pglane.wire.framing import MessageReader

TEXT = b"SELECT 1 /*lane='otp'*/"


def message(kind, body):
    return encoded(ord(kind), body)


class Statement:
    def __init__(self, text):
        self.text = text


STATEMENTS = {b"s1": Statement(TEXT), b"begins": Statement(b"BEGIN"), b"": Statement(b"SELECT 3")}


def tags(*messages):
    reader = MessageReader(10_000)
    reader.feed(b"".join(messages))
    found = first_tags(reader, STATEMENTS)
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


def test_only_the_first_statement_counts():
    assert tags(message("Q", b"SELECT 2\0"), message("Q", TEXT + b"\0")) == {}
    assert tags(message("Q", b"BEGIN; SELECT 2\0"), message("Q", TEXT + b"\0")) == {}


BIND, AROUND = message("B", b"\0\0\0\0\0\0\0\0"), message("E", b"\0\0\0\0\0")


@pytest.mark.parametrize(
    "before",
    [
        [message("Q", b"BEGIN\0")],
        [message("Q", b"START TRANSACTION READ ONLY;\0")],
        [message("P", b"\0BEGIN\0\0\0"), BIND, AROUND],
        [message("P", b"\0BEGIN\0\0\0"), BIND, message("D", b"P\0"), AROUND, message("S", b"")],
        [message("B", b"\0begins\0\0\0\0\0\0\0"), AROUND],
    ],
)
@pytest.mark.parametrize(
    ("kind", "body"),
    [("Q", TEXT + b"\0"), ("P", b"\0" + TEXT + b"\0\0\0"), ("B", b"\0s1\0\0\0\0\0\0\0")],
)
def test_behind_a_bare_begin_that_came_with_more_the_next_one_counts(before, kind, body):
    assert tags(*before) == {}
    assert tags(*before, message(kind, body)) == {"lane": "otp"}
    assert tags(*before, message(kind, body), message("S", b"")) == {"lane": "otp"}
    assert tags(*before, message(kind, body)[:-1]) == {}


def test_a_begin_with_tags_of_its_own_counts():
    begin = message("Q", b"BEGIN /*lane='bulk'*/\0")
    assert tags(begin, message("Q", TEXT + b"\0")) == {"lane": "bulk"}


def test_no_more_than_a_few_messages_are_looked_at():
    begins = [message("Q", b"BEGIN\0")] * MESSAGES_MAX
    assert tags(*begins[1:], message("Q", TEXT + b"\0")) == {"lane": "otp"}
    assert tags(*begins, message("Q", TEXT + b"\0")) == {}
    assert tags(begins[0], message("F", b""), message("Q", TEXT + b"\0")) == {}
    assert tags(begins[0], b"Q\0\0\0\3" + message("Q", TEXT + b"\0")) == {}


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("Q", TEXT + b"\0", TEXT),
        ("Q", TEXT, b""),
        ("P", b"name\0" + TEXT + b"\0\0\0", TEXT),
        ("B", b"\0s1\0\0\0\0\0\0\0", TEXT),
        ("S", b"", b""),
    ],
)
def test_the_text_of_a_message(kind, body, text):
    reader = MessageReader(10_000)
    reader.feed(message(kind, body))
    assert reader.next()
    assert text_at_head(reader, STATEMENTS) == text


def test_what_has_not_arrived_whole_has_none():
    assert tags(message("Q", TEXT + b"\0")[:-1]) == {}
