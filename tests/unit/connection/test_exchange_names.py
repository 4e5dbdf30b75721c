"""What answers mean for a client's names, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, split

READY = s.ReadyForQuery(b"I")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, CLOSED, SYNC = s.ParseComplete(), s.BindComplete(), s.CloseComplete(), c.Sync()
NOTICE = s.NoticeResponse((("S", b"NOTICE"), ("M", b"m")))
COPY = b"COPY t FROM STDIN"
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))


@pytest.fixture(params=FORMS)
def lease(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param])


def messages(*expected: Any) -> list[bytes]:
    return split(encoded(*expected))


# Names and descriptions


def test_a_local_answer_waits_for_its_turn(lease: Lease) -> None:
    lease.send(c.Bind(b"p", b"x"), c.Close(b"S", b"y"), c.Close(b"S", b"z"), c.Execute(b"p"), SYNC)
    assert lease.told() == []
    assert lease.answer(BOUND, DONE, READY) == messages(BOUND, CLOSED, CLOSED, DONE, READY)


def test_deallocate_all_forgets_what_was_prepared(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Parse(b"", b"SELECT 2"), SYNC)
    lease.answer(PARSED, PARSED, READY)
    lease.send(*UNIT[:1], c.Bind(b"", b""), c.Execute(b""), SYNC)
    lease.answer(PARSED, BOUND, s.CommandComplete(b"DEALLOCATE ALL"), READY)
    assert set(lease.requests.statements) == {b""}
    assert len(lease.exchange.statements) == 0


def test_discard_all_is_told(lease: Lease) -> None:
    lease.send(c.Query(b"DISCARD ALL"))
    lease.answer(s.CommandComplete(b"DISCARD ALL"), READY)
    assert lease.events == lease.form.READY | lease.form.DISCARDED


def test_what_was_asked_behind_deallocate_all_stays(lease: Lease) -> None:
    """Not held: a Parse of a name that is free, in the same unit."""
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange.names = lease.requests.statements
    form = lease.form
    lease.exchange.expect(form.QUERY)
    statement = lease.requests.statements[b"a"]
    lease.requests.statements[b"b"] = statement
    change = form.PendingParse(None, lease.requests.statements, b"b", statement)
    lease.exchange.expect(form.PARSE, change)
    lease.exchange.expect(form.SYNC)
    lease.answer(s.CommandComplete(b"DEALLOCATE ALL"))
    assert set(lease.requests.statements) == {b"b"}


def test_deallocate_of_something_sql_prepared(lease: Lease) -> None:
    lease.send(c.Query(b"DEALLOCATE x"))
    assert lease.answer(s.CommandComplete(b"DEALLOCATE"), READY) == messages(
        s.CommandComplete(b"DEALLOCATE"), READY
    )


def test_deallocate_of_a_name_that_changed_meanwhile(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(b"DEALLOCATE a"))
    del lease.requests.statements[b"a"]
    lease.answer(CLOSED, PARSED, s.CommandComplete(b"DEALLOCATE"), READY)
    assert lease.exchange.statements.unclosed == []


def test_a_deallocate_that_fails_leaves_its_stand_in_to_be_closed(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(b"DEALLOCATE a"))
    lease.answer(CLOSED, PARSED, error(), READY)
    assert b"a" in lease.requests.statements
    assert [statement.name for statement in lease.exchange.statements.unclosed] == [b"a"]


def test_a_stale_plan_is_marked(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Bind(b"", b"a"), SYNC)
    lease.answer(error(b"0A000", R=b"RevalidateCachedQuery"), READY)
    assert lease.requests.statements[b"a"].shape.stale


def test_another_0a000_marks_nothing(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Bind(b"", b"a"), c.Bind(b"", b"x"), SYNC)
    lease.answer(PARSED, error(b"0A000"), READY)
    assert not lease.requests.statements[b"a"].shape.stale
    lease.send(c.Bind(b"", b"x"), SYNC)
    lease.answer(error(b"0A000", R=b"RevalidateCachedQuery"), READY)
    assert not lease.requests.statements[b"a"].shape.stale


def test_a_statement_that_vanished_is_not_trusted_again(lease: Lease) -> None:
    """DO $$ EXECUTE 'DEALLOCATE ALL' $$ drops ours, and no tag says so."""
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Describe(b"S", b"a"), SYNC)
    lease.answer(error(b"26000"), READY)
    assert len(lease.exchange.statements) == 0


def test_parameters_and_no_data_of_our_own_describe_are_swallowed(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"INSERT"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    sent = lease.send(c.Bind(b"", b"a"))
    assert [message[:1] for message in sent] == [b"P", b"D", b"H"]
    assert lease.exchange.held == lease.form.HELD_FOR_DESCRIPTION
    assert lease.answer(PARSED, s.ParameterDescription(()), s.NoData()) == []
    assert lease.events == lease.form.RELEASED_HOLD
    assert not lease.exchange.held


def test_an_error_before_our_describe_keeps_the_hold(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    lease.send(c.Query(b"SELECT 2"), c.Bind(b"", b"a"))
    lease.answer(error(), READY)
    assert lease.exchange.held
    lease.answer(PARSED, ROWS)
    assert not lease.exchange.held


def test_an_error_that_discards_our_describe_ends_the_hold(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.exchange = lease.server()
    lease.send(c.Bind(b"", b"a"))
    assert lease.answer(error()) == messages(error())
    assert lease.events == lease.form.RELEASED_HOLD
    assert lease.exchange.skipping
    assert len(lease.exchange.statements) == 0


def test_a_refused_query_gets_our_words(lease: Lease) -> None:
    lease.exchange.expect(lease.form.QUERY, error(b"0A000").encode())
    assert lease.answer(error(b"42601"), READY) == messages(error(b"0A000"), READY)


def test_a_local_answer_with_nothing_ahead_is_told_at_once(lease: Lease) -> None:
    lease.send(c.Close(b"S", b"x"))
    assert lease.told() == messages(CLOSED)
    assert not lease.exchange.may_keep_closed()


def test_what_an_error_ahead_decides(lease: Lease) -> None:
    exchange = lease.exchange
    assert not exchange.may_discard()
    lease.send(c.Execute(b"x"), c.Close(b"S", b"x"))
    assert exchange.may_keep_closed()
    assert not exchange.may_discard()
    lease.send(SYNC)
    assert exchange.may_discard()
    assert exchange.may_have_failed()
    exchange.receive(encoded(error(), s.ReadyForQuery(b"E")))
    assert not exchange.may_discard()
    assert not exchange.may_keep_closed()
    assert exchange.may_have_failed()


def test_a_describe_of_a_statement_is_the_promise(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Describe(b"S", b"a"), c.Describe(b"S", b"x"), SYNC)
    lease.answer(PARSED, s.ParameterDescription(()), ROWS, s.ParameterDescription(()), ROWS, READY)
    assert lease.requests.statements[b"a"].shape.description == (
        s.ParameterDescription(()).encode() + ROWS.encode()
    )


def test_what_is_discarded_is_taken_back(lease: Lease) -> None:
    """A Close of ours, and the stand-in of a DEALLOCATE."""
    lease.exchange = lease.server(statements_max=1)
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Execute(b"x"), c.Parse(b"b", b"SELECT 2"), c.Query(b"DEALLOCATE a"))
    lease.answer(error(b"34000"))
    left = {statement.name for statement in lease.exchange.statements.unclosed}
    assert left == {b"ours_1", b"a"}
    assert set(lease.requests.statements) == {b"a"}


def test_what_replaced_a_discarded_statement_replaced_the_one_before(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    first = lease.requests.statements[b""]
    for text in (b"SELECT 2", b"SELECT 3"):
        lease.send(c.Execute(b"x"), c.Parse(b"", text), SYNC)
    lease.answer(error(), READY, error(), READY)
    assert lease.requests.statements == {b"": first}


def test_a_local_parse_waits_for_its_turn(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Bind(b"", b"a"), c.Parse(b"b", b"SELECT 1"), SYNC)
    assert lease.told() == []
    assert not lease.requests.statements[b"b"].settled
    assert lease.answer(BOUND, READY) == messages(BOUND, PARSED, READY)
    assert lease.requests.statements[b"b"].settled
