"""Copies, and clients that are gone, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, error, messages, split

READY = s.ReadyForQuery(b"I")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, SYNC = s.ParseComplete(), s.BindComplete(), c.Sync()
COPY = b"COPY t FROM STDIN"
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))
ANSWERS = (PARSED, BOUND, ROWS, ROW, DONE)


# Copy


def test_copy_in(lease: Lease) -> None:
    lease.send(c.Query(COPY))
    lease.answer(s.CopyInResponse(0, (0,)))
    assert lease.exchange.copy_in
    assert len(lease.send(c.CopyData(b"1\n"), SYNC, c.Flush(), c.CopyDone())) == 3
    assert not lease.exchange.copy_in
    lease.answer(s.CommandComplete(b"COPY 1"), READY)
    assert lease.exchange.is_idle()


def test_a_copy_whose_end_was_sent_ahead(lease: Lease) -> None:
    lease.send(c.Query(COPY), c.CopyData(b"1\n"), c.CopyDone())
    lease.answer(s.CopyInResponse(0, (0,)))
    assert not lease.exchange.copy_in
    lease.answer(s.CommandComplete(b"COPY 1"), READY)
    assert lease.exchange.is_idle()


def test_ends_without_a_copy_mean_nothing(lease: Lease) -> None:
    lease.send(c.CopyDone(), c.CopyFail(b""), c.Query(b"SELECT 1"), c.CopyDone(), c.CopyDone())
    lease.answer(DONE, READY)
    assert lease.exchange.is_idle()


@pytest.mark.parametrize("reason", [c.CopyFail(b"no"), c.CopyData(b"bad")])
def test_an_extended_copy_that_fails(lease: Lease, reason: Any) -> None:
    lease.send(c.Parse(b"", COPY), c.Bind(b"", b""), c.Execute(b""))
    lease.answer(PARSED, BOUND, s.CopyInResponse(0, (0,)))
    lease.send(reason)
    lease.answer(error())
    assert lease.exchange.skipping
    assert not lease.exchange.copy_in
    assert lease.send(c.CopyDone(), SYNC) == messages(SYNC)
    lease.answer(READY)
    assert lease.exchange.is_idle()


def test_a_sync_ahead_of_a_copy_is_never_sent(lease: Lease) -> None:
    """A trigger of the statement fails the COPY before it reads the Sync: one answer too many."""
    sent = lease.send(c.Parse(b"", COPY), c.Bind(b"", b""), c.Execute(b""), SYNC)
    assert [message[:1] for message in sent] == [b"P", b"B", b"E", b"H"]
    assert lease.outcome == lease.form.HELD
    lease.answer(PARSED)
    assert lease.exchange.held
    lease.answer(BOUND, s.CopyInResponse(0, (0,)), error(b"P0001"))
    assert lease.events & lease.form.RELEASED_HOLD
    assert lease.forward() == messages(SYNC)
    lease.answer(READY)
    assert lease.exchange.is_idle()


def test_a_copy_that_nobody_saw_coming_breaks(lease: Lease) -> None:
    lease.exchange.expect(lease.form.EXECUTE)
    lease.exchange.expect(lease.form.SYNC)
    lease.answer(s.CopyInResponse(0, (0,)))
    assert lease.events == lease.form.BROKEN


# Clients that are gone


def gone(lease: Lease) -> list[bytes]:
    """What the server is sent when the client leaves now."""
    lease.exchange.attached = False
    lease.exchange.abandon()
    sent = b"".join(lease.exchange.to_server)
    lease.exchange.to_server.clear()
    return split(sent)


FAILS = c.Parse(b"", b"pglane refuses")
GIVES_UP = c.CopyFail(b"the client disconnected")


@pytest.mark.parametrize("asked", [[], [c.Query(b"SELECT 1")], [*UNIT, SYNC]])
def test_whole_requests_go_on_without_their_client(lease: Lease, asked: list[Any]) -> None:
    lease.send(*asked)
    assert gone(lease) == []


def test_a_unit_without_its_sync_fails(lease: Lease) -> None:
    lease.send(*UNIT)
    assert gone(lease) == messages(FAILS, SYNC)
    lease.answer(*ANSWERS, error(b"42601"), READY)
    assert lease.exchange.is_idle()


def test_what_is_skipped_gets_its_sync(lease: Lease) -> None:
    lease.send(*UNIT)
    lease.answer(error())
    assert gone(lease) == messages(SYNC)
    lease.answer(READY)
    assert lease.exchange.is_idle()


def test_a_copy_is_given_up(lease: Lease) -> None:
    lease.send(c.Query(COPY))
    lease.answer(s.CopyInResponse(0, (0,)))
    assert gone(lease) == messages(GIVES_UP)
    lease.answer(error(b"57014"), READY)
    assert lease.exchange.is_idle()


def test_a_copy_that_begins_after_its_client_left_is_given_up(lease: Lease) -> None:
    """A server that waits for copy data hears no cancel: its slot would be lost for ever."""
    lease.send(c.Query(COPY))
    assert gone(lease) == []
    lease.answer(s.CopyInResponse(0, (0,)))
    assert lease.events == lease.form.TO_SERVER
    assert split(b"".join(lease.exchange.to_server)) == messages(GIVES_UP)
    lease.answer(error(b"57014"), READY)
    assert lease.exchange.is_idle()


def test_a_query_in_an_open_unit_is_noted(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), c.CopyDone(), c.Query(b"SELECT 1"))
    assert not lease.exchange.mixed
    lease.send(*UNIT)
    assert lease.exchange.unit_open
    lease.send(SYNC, c.Query(b"SELECT 1"))
    assert not lease.exchange.mixed
    lease.send(*UNIT, c.Query(b"SELECT 1"))
    assert lease.exchange.mixed
