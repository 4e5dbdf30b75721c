"""What a client was told of a statement, and where it is prepared again (fact A8)."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, error, messages, states

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
SYNC, FLUSH = c.Sync(), c.Flush()
INSERT = b"INSERT INTO t VALUES ($1)"
INT4, INT8 = s.ParameterDescription((23,)), s.ParameterDescription((20,))
NO_ROWS, ROWS = (
    s.NoData(),
    s.RowDescription((s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0),)),
)
FAILS = c.Parse(b"", b"pglane refuses")


def prepared(lease: Lease, name: bytes, text: bytes, *told: Any) -> None:
    """Prepared and described here; from then on the client is elsewhere."""
    lease.send(c.Parse(name, text), c.Describe(b"S", name), SYNC)
    lease.answer(PARSED, *told, READY)
    lease.exchange = lease.server()


@pytest.mark.parametrize(("name", "server_name"), [(b"a", b"ours_1"), (b"", b"")])
def test_the_types_that_were_told_stay(lease: Lease, name: bytes, server_name: bytes) -> None:
    prepared(lease, name, INSERT, INT4, NO_ROWS)
    assert lease.send(c.Bind(b"", name), SYNC) == messages(
        c.Parse(server_name, INSERT, (23,)), c.Describe(b"S", server_name), FLUSH
    )
    assert lease.answer(PARSED, INT4, NO_ROWS) == []
    assert lease.forward() == messages(c.Bind(b"", server_name), SYNC)


def test_an_unnamed_statement_that_returns_something_else_is_stale(lease: Lease) -> None:
    prepared(lease, b"", b"TABLE t", INT4, NO_ROWS)
    for _ in range(2):
        assert len(lease.send(c.Bind(b"", b""), SYNC)) == 3
        lease.answer(PARSED, INT4, ROWS)
        assert lease.forward() == messages(FAILS, SYNC)
        assert states(lease.answer(error(b"42601"), READY)) == [b"0A000", b"Z"]
    lease.send(c.Bind(b"", b""), SYNC)
    lease.answer(PARSED, INT4, NO_ROWS)
    assert lease.forward() == messages(c.Bind(b"", b""), SYNC), "it is as it was"


def test_a_named_statement_is_asked_for_again_each_time(lease: Lease) -> None:
    """A change that is taken back is taken back for who was told of the first form, too."""
    prepared(lease, b"a", b"TABLE t", INT4, NO_ROWS)
    for number in (b"1", b"2"):
        name = b"ours_" + number
        assert c.Parse(name, b"TABLE t", (23,)).encode() in lease.send(c.Bind(b"", b"a"), SYNC)
        closed = [] if number == b"1" else [s.CloseComplete()]
        lease.answer(*closed, PARSED, INT4, ROWS)
        assert lease.forward() == messages(FAILS, SYNC)
        assert states(lease.answer(error(b"42601"), READY)) == [b"0A000", b"Z"]
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(s.CloseComplete(), PARSED, INT4, NO_ROWS)
    assert lease.forward() == messages(c.Bind(b"", b"ours_3"), SYNC), "it is as it was"


def test_who_parses_it_meanwhile_gets_it_as_it_is(lease: Lease) -> None:
    prepared(lease, b"a", b"TABLE t", INT4, NO_ROWS)
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(PARSED, INT4, ROWS)
    lease.forward()
    lease.answer(error(b"42601"), READY)
    told = lease.requests.statements[b"a"].shape
    assert lease.send(c.Parse(b"b", b"TABLE t"))[-1][:1] == b"P", "not answered here"
    assert lease.requests.statements[b"b"].shape is not told


def test_nobody_later_is_refused_for_who_left_before_he_heard(lease: Lease) -> None:
    prepared(lease, b"a", b"TABLE t", INT4, NO_ROWS)
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(PARSED, INT4, ROWS)
    lease.exchange.abandon()
    assert lease.exchange.statements.unlike is None


def test_an_unnamed_statement_that_is_still_here_is_not_asked_again(lease: Lease) -> None:
    lease.send(c.Parse(b"", INSERT), c.Describe(b"S", b""), SYNC)
    lease.answer(PARSED, INT4, NO_ROWS, READY)
    assert lease.send(c.Bind(b"", b""), c.Describe(b"S", b"")) == messages(
        c.Bind(b"", b""), c.Describe(b"S", b"")
    )
    lease.answer(BOUND, INT8, NO_ROWS)
    assert lease.requests.statements[b""].shape.description is not None


@pytest.mark.parametrize("text", [b"EXECUTE p", b"FETCH c"])
def test_what_another_statement_returns_is_no_promise(lease: Lease, text: bytes) -> None:
    prepared(lease, b"a", text, s.ParameterDescription(()), NO_ROWS)
    assert lease.send(c.Bind(b"", b"a"), SYNC) == messages(
        c.Parse(b"ours_1", text), c.Bind(b"", b"ours_1"), SYNC
    )
    assert lease.outcome == lease.form.FORWARDED
