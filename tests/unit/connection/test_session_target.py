"""Which kind of server is wanted."""

import pytest

from pglane.config.settings import TARGETS
from pglane.connection.session_target import (
    QUESTION,
    READ_ONLY,
    STANDBY,
    TargetQuestion,
    is_told,
    misfit,
    passes,
)

KINDS = {
    "primary": {STANDBY: "off", READ_ONLY: "off"},
    "primary, read-only": {STANDBY: "off", READ_ONLY: "on"},
    "standby": {STANDBY: "on", READ_ONLY: "off"},
}
FITS = {
    "any": ("primary", "primary, read-only", "standby"),
    "prefer-standby": ("primary", "primary, read-only", "standby"),
    "read-write": ("primary",),
    "read-only": ("primary, read-only", "standby"),
    "primary": ("primary", "primary, read-only"),
    "standby": ("standby",),
}
READY = b"Z\0\0\0\x05I"


@pytest.mark.parametrize("wanted", TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_libpq_takes_is_taken(wanted, kind):
    assert (misfit(wanted, KINDS[kind]) == "") == (kind in FITS[wanted])


def test_a_session_that_is_read_only_by_its_own_wish_says_nothing_about_the_server():
    assert misfit("read-write", KINDS["primary, read-only"], asked_read_only=True) == ""
    assert misfit("read-only", KINDS["primary, read-only"], asked_read_only=True)


def test_a_standby_is_preferred_by_looking_twice():
    assert passes("prefer-standby") == ("standby", "any")
    assert passes("primary") == ("primary",)


def test_older_servers_have_to_be_asked():
    assert is_told("any", {})
    assert not is_told("primary", {STANDBY: "on"})
    assert is_told("primary", KINDS["primary"])


def row(*values):
    body = len(values).to_bytes(2, "big")
    for value in values:
        body += len(value).to_bytes(4, "big") + value
    return b"D" + (len(body) + 4).to_bytes(4, "big") + body


def test_the_answer_to_the_question_has_the_names_of_newer_servers():
    question = TargetQuestion()
    assert QUESTION.encode() in question.begin()
    answer = row(b"on", b"off") + READY
    question.receive(answer[:9])
    assert not question.over
    question.receive(answer[9:])
    assert question.over
    assert question.reported == KINDS["standby"]


@pytest.mark.parametrize("answer", [b"D\xff\xff\xff\xff", b"D\0\0\0\x05\0", READY])
def test_what_makes_no_sense_is_no_answer(answer):
    question = TargetQuestion()
    question.receive(answer)
    assert question.over
    assert question.reported == {}
