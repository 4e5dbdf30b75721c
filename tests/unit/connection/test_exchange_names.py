"""What answers mean for a client's names, in the form in use and in pure form."""

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, messages

READY = s.ReadyForQuery(b"I")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, CLOSED, SYNC = s.ParseComplete(), s.BindComplete(), s.CloseComplete(), c.Sync()
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))


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
    change = form.pending_parse(None, lease.requests.statements, b"b", statement, None)
    lease.exchange.expect(form.PARSE, change)
    lease.exchange.expect(form.SYNC)
    lease.answer(s.CommandComplete(b"DEALLOCATE ALL"))
    assert set(lease.requests.statements) == {b"b"}


def test_deallocate_of_something_sql_prepared(lease: Lease) -> None:
    lease.send(c.Query(b"DEALLOCATE x"))
    assert lease.answer(s.CommandComplete(b"DEALLOCATE"), READY) == messages(
        s.CommandComplete(b"DEALLOCATE"), READY
    )


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


def test_a_local_answer_with_nothing_ahead_is_told_at_once(lease: Lease) -> None:
    lease.send(c.Close(b"S", b"x"))
    assert lease.told() == messages(CLOSED)
    assert not lease.exchange.may_keep_closed()


def test_a_describe_of_a_statement_is_the_promise(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Describe(b"S", b"a"), c.Describe(b"S", b"x"), SYNC)
    lease.answer(PARSED, s.ParameterDescription(()), ROWS, s.ParameterDescription(()), ROWS, READY)
    assert lease.requests.statements[b"a"].shape.description == (
        s.ParameterDescription(()).encode() + ROWS.encode()
    )


def test_a_local_parse_waits_for_its_turn(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Bind(b"", b"a"), c.Parse(b"b", b"SELECT 1"), SYNC)
    assert lease.told() == []
    assert not lease.requests.statements[b"b"].settled
    assert lease.answer(BOUND, READY) == messages(BOUND, PARSED, READY)
    assert lease.requests.statements[b"b"].settled


def test_deallocate_of_a_name_that_changed_meanwhile(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    lease.send(c.Query(b"DEALLOCATE a"))
    del lease.requests.statements[b"a"]
    lease.answer(CLOSED, PARSED, s.CommandComplete(b"DEALLOCATE"), READY)
    assert lease.exchange.statements.unclosed == []


def test_other_tags_forget_nothing(lease: Lease) -> None:
    lease.send(c.Query(b"DELETE FROM t"))
    lease.answer(s.CommandComplete(b"DELETE 1"), READY)
    assert lease.events == lease.form.READY


def test_what_waits_for_answers_goes_on_when_all_came(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), c.Query(b"SELECT 2"))
    lease.exchange.held = lease.form.HELD_FOR_ANSWERS
    lease.answer(DONE, READY)
    assert lease.exchange.held
    lease.answer(DONE, READY)
    assert lease.events == lease.form.READY | lease.form.RELEASED_HOLD
    assert not lease.exchange.held
