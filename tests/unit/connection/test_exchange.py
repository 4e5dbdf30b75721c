"""Sequences of answers, in the form in use and in pure form."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, split

READY = s.ReadyForQuery(b"I")
IN_TRANSACTION = s.ReadyForQuery(b"T")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
OTHER_ROWS = s.RowDescription((COLUMN, COLUMN))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, CLOSED, SYNC = s.ParseComplete(), s.BindComplete(), s.CloseComplete(), c.Sync()
NOTIFICATION = s.NotificationResponse(1, b"c", b"p")
NOTICE = s.NoticeResponse((("S", b"NOTICE"), ("M", b"m")))
COPY = b"COPY t FROM STDIN"
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))
ANSWERS = (PARSED, BOUND, ROWS, ROW, DONE)


@pytest.fixture(params=FORMS)
def lease(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param])


def messages(*expected: Any) -> list[bytes]:
    return split(encoded(*expected))


def test_nothing_is_asked_of_a_fresh_connection(lease: Lease) -> None:
    exchange = lease.exchange
    assert exchange.is_idle()
    assert exchange.outstanding() == 0
    assert not exchange.executes_unanswered()


@pytest.mark.parametrize("size", [1, 2, 5, 11, 1000])
def test_a_simple_query_ends_with_ready(lease: Lease, size: int) -> None:
    lease.send(c.Query(b"SELECT 1"))
    assert lease.exchange.executes_unanswered()
    stream = encoded(ROWS, ROW, ROW, DONE, READY)
    told = b""
    for begin in range(0, len(stream), size):
        assert lease.events == 0
        lease.events = lease.exchange.receive(stream[begin : begin + size])
        told += b"".join(lease.exchange.to_client)
        lease.exchange.to_client.clear()
    assert told == stream
    assert lease.events == lease.form.READY
    assert lease.exchange.is_idle()


def test_a_whole_chunk_is_handed_on_uncopied(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"))
    stream = encoded(ROWS, ROW, DONE, READY)
    lease.exchange.receive(stream)
    assert lease.exchange.to_client[0] is stream


def test_ready_comes_with_the_last_of_several_syncs(lease: Lease) -> None:
    lease.send(*UNIT, SYNC, *UNIT, SYNC)
    lease.answer(*ANSWERS, READY)
    assert lease.events == 0
    assert lease.exchange.outstanding() == 5
    assert lease.answer(*ANSWERS, READY) == messages(*ANSWERS, READY)
    assert lease.events == lease.form.READY


def test_all_kinds_of_extended_answers(lease: Lease) -> None:
    lease.send(
        c.Parse(b"", b""),
        c.Bind(b"", b""),
        c.Describe(b"S", b""),
        c.Execute(b""),
        c.Execute(b"", 1),
        c.Close(b"P", b""),
        SYNC,
    )
    answers = (
        PARSED,
        BOUND,
        s.ParameterDescription(()),
        s.NoData(),
        s.EmptyQueryResponse(),
        s.PortalSuspended(),
        CLOSED,
        READY,
    )
    assert lease.answer(*answers) == messages(*answers)
    assert lease.events == lease.form.READY


def test_empty_and_multiple_simple_queries(lease: Lease) -> None:
    lease.send(c.Query(b""), c.Query(b"SELECT 1; SELECT 2"))
    answers = (s.EmptyQueryResponse(), READY, ROWS, ROW, DONE, ROWS, ROW, DONE, READY)
    assert lease.answer(*answers) == messages(*answers)
    assert lease.exchange.is_idle()


def test_function_call(lease: Lease) -> None:
    lease.send(c.FunctionCall(7), c.FunctionCall(8))
    answers = (s.FunctionCallResponse(b"x"), READY, error(), READY)
    assert lease.answer(*answers) == messages(*answers)
    assert lease.exchange.is_idle()


@pytest.mark.parametrize("position", range(4))
def test_after_an_error_nothing_is_expected_until_sync(lease: Lease, position: int) -> None:
    lease.send(*UNIT, SYNC, *UNIT, SYNC)
    lease.answer(*ANSWERS[:position], error(), READY)
    assert lease.exchange.outstanding() == 5
    lease.answer(*ANSWERS, READY)
    assert lease.exchange.is_idle()


def test_an_error_before_sync_is_sent_makes_us_skip(lease: Lease) -> None:
    lease.send(*UNIT)
    lease.answer(error())
    exchange = lease.exchange
    assert exchange.skipping
    assert not exchange.is_idle()
    assert lease.send(*UNIT, c.Query(b"x"), SYNC) == messages(SYNC)
    lease.answer(READY)
    assert exchange.is_idle()


def test_an_error_of_a_query_or_sync_skips_nothing(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), SYNC)
    lease.answer(error(), READY, error(), READY)
    assert lease.exchange.is_idle()


def test_an_error_while_nothing_is_outstanding_skips(lease: Lease) -> None:
    """statement_timeout runs on between the messages of a unit."""
    lease.send(c.Parse(b"", b"x"), c.Flush())
    lease.answer(PARSED)
    assert lease.answer(error(b"57014")) == messages(error(b"57014"))
    assert lease.exchange.skipping


def test_an_error_unasked_with_nobody_there_breaks(lease: Lease) -> None:
    lease.exchange.attached = False
    assert lease.answer(error()) == []
    assert lease.events == lease.form.BROKEN


@pytest.mark.parametrize("severity", [b"FATAL", b"PANIC"])
def test_fatal_ends(lease: Lease, severity: bytes) -> None:
    lease.send(c.Query(b"SELECT 1"))
    assert lease.answer(ROW, error(b"57P01", severity), READY) == messages(ROW)
    assert lease.events == lease.form.ENDING
    assert lease.exchange.ending["C"] == b"57P01"


def test_severity_of_servers_before_9_6(lease: Lease) -> None:
    old = s.ErrorResponse((("S", b"FATAL"), ("C", b"57P01")))
    lease.answer(old)
    assert lease.events == lease.form.ENDING


MISFITS = [
    READY,
    PARSED,
    BOUND,
    CLOSED,
    ROWS,
    s.NoData(),
    s.ParameterDescription(()),
    s.EmptyQueryResponse(),
    s.PortalSuspended(),
    DONE,
    s.CopyInResponse(0, ()),
    s.CopyOutResponse(0, ()),
    c.CopyDone(),
    s.FunctionCallResponse(b""),
    b"R\0\0\0\x08\0\0\0\0",
    b"?\0\0\0\x04",
]


@pytest.mark.parametrize("misfit", MISFITS)
@pytest.mark.parametrize("asked", [[], [c.Close(b"P", b"x"), c.Flush()]])
def test_what_nothing_asked_for_breaks(lease: Lease, misfit: Any, asked: list[Any]) -> None:
    lease.send(*asked)
    if asked and misfit is CLOSED:
        misfit = BOUND
    assert lease.answer(misfit, DONE) == []
    assert lease.events == lease.form.BROKEN
    assert b"nothing asked for" in lease.exchange.ending["M"]


@pytest.mark.parametrize(
    "lie",
    [
        b"Z\0\0\0\x04",
        b"Z\0\0\0\x05X",
        b"Z\0\0\0\x06II",
        b"S\0\0\0\x06a\0",
        b"S\0\0\0\x05a",
        b"E\0\0\0\x05S",
        b"Z\0\0\0\x03",
        b"T\x7f\xff\xff\xff",
        b"T\x02\0\0\0a",
    ],
)
def test_malformed_answers_break(lease: Lease, lie: bytes) -> None:
    lease.send(c.Query(b"SELECT 1"))
    lease.exchange.receive(lie)
    assert lease.exchange.receive(b"") & lease.form.BROKEN or lease.exchange.ending is not None


@given(st.binary(max_size=60), st.sampled_from(["in use", "pure"]), st.booleans())
def test_no_answer_raises(lie: bytes, form: str, internal: bool) -> None:
    lease = Lease(FORMS[form])
    if internal:
        lease.exchange.ask_internally(b"SELECT 1")
    else:
        lease.send(c.Query(b"SELECT 1"))
    for kind in b"ZSECTDGdNA1":
        body = len(lie).to_bytes(1, "big")
        lease.exchange.receive(bytes([kind]) + b"\0\0\0" + bytes([len(lie) + 4]) + lie + body[:0])


def test_command_complete_without_a_tag(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"))
    assert lease.answer(b"C\0\0\0\x04") == [b"C\0\0\0\x04"]


# Unasked


def test_notices_and_notifications_are_for_who_is_there(lease: Lease) -> None:
    assert lease.answer(NOTICE, NOTIFICATION) == messages(NOTICE, NOTIFICATION)
    lease.exchange.attached = False
    assert lease.answer(NOTICE, NOTIFICATION) == []
    assert lease.events == 0


def test_parameters_are_noted_whoever_is_there(lease: Lease) -> None:
    status = s.ParameterStatus(b"TimeZone", b"UTC")
    assert lease.answer(status) == messages(status)
    assert lease.events == lease.form.PARAMETERS
    lease.exchange.attached = False
    assert lease.answer(s.ParameterStatus(b"TimeZone", b"\xff")) == []
    assert lease.events == lease.form.PARAMETERS
    assert lease.exchange.parameters == {"TimeZone": "�"}
    assert lease.exchange.changed == {"TimeZone"}


# Queries of our own


def test_an_internal_query_is_swallowed(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.ask_internally(b"SELECT 1")
    assert b"".join(exchange.to_server) == c.Query(b"SELECT 1").encode()
    rows = s.DataRow((b"x", None, b""))
    status = s.ParameterStatus(b"a", b"b")
    assert lease.answer(NOTICE, ROWS, status, rows, DONE, NOTIFICATION, READY) == messages(
        NOTIFICATION
    )
    assert lease.events == lease.form.INTERNAL_DONE
    assert exchange.internal_rows == [b"x", None, b""]
    assert exchange.internal_error is None
    assert exchange.parameters == {"a": "b"}


def test_a_notification_is_swallowed_if_nobody_is_there(lease: Lease) -> None:
    lease.exchange.ask_internally(b"SELECT 1")
    lease.exchange.attached = False
    assert lease.answer(NOTIFICATION) == []


def test_an_internal_row_waits_until_whole(lease: Lease) -> None:
    lease.exchange.ask_internally(b"SELECT 1")
    data = encoded(s.DataRow((b"x" * 50,)), DONE)
    lease.exchange.receive(data[:20])
    lease.exchange.receive(data[20:])
    assert lease.exchange.internal_rows == [b"x" * 50]
    assert lease.told() == []


def test_an_internal_error_is_kept(lease: Lease) -> None:
    lease.exchange.ask_internally(b"SET ROLE x")
    lease.answer(error(b"42501"), IN_TRANSACTION)
    assert lease.events == lease.form.INTERNAL_DONE
    assert lease.exchange.internal_error["C"] == b"42501"
    assert not lease.exchange.is_idle()


def test_fatal_within_an_internal_query(lease: Lease) -> None:
    lease.exchange.ask_internally(b"SELECT 1")
    lease.answer(error(b"57P01", b"FATAL"))
    assert lease.events == lease.form.ENDING


@pytest.mark.parametrize(
    "lie", [b"Z\0\0\0\x04", b"D\0\0\0\x06\0\x09", b"D\0\0\0\x0a\0\x01\0\0\0\x09"]
)
def test_lies_within_an_internal_query_break(lease: Lease, lie: bytes) -> None:
    lease.exchange.ask_internally(b"SELECT 1")
    lease.answer(lie)
    assert lease.events == lease.form.BROKEN


# Streams


def test_rows_and_copy_data_are_handed_on_in_part(lease: Lease) -> None:
    lease.send(c.Query(b"COPY t TO STDOUT"))
    stream = encoded(s.CopyOutResponse(0, (0,)), c.CopyData(b"x" * 100), c.CopyDone(), DONE, READY)
    told = b""
    for begin in range(0, len(stream), 9):
        lease.exchange.receive(stream[begin : begin + 9])
        told += b"".join(lease.exchange.to_client)
        lease.exchange.to_client.clear()
        assert lease.exchange.reader.buffered_bytes() < 9 + 5
    assert told == stream


def test_the_result_of_a_function_call_is_handed_on_in_part(lease: Lease) -> None:
    """loread() gives as much as it is asked for."""
    lease.send(c.FunctionCall(954))
    data = encoded(s.FunctionCallResponse(b"x" * 50), READY)
    lease.exchange.receive(data[:20])
    assert lease.exchange.reader.buffered_bytes() == 0
    lease.exchange.receive(data[20:])
    assert b"".join(lease.exchange.to_client) == data
    assert lease.exchange.is_idle()


def test_a_streamed_row_may_wait_for_its_rest(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"))
    data = encoded(s.DataRow((b"x" * 20,)))
    lease.exchange.receive(data[:10])
    lease.exchange.receive(b"")
    lease.exchange.receive(data[10:])
    assert b"".join(lease.exchange.to_client) == data


def test_an_answer_that_must_be_read_may_not_be_huge(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"))
    lease.exchange.receive(b"N\x3f\0\0\0")
    assert lease.exchange.ending is not None


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


# Limits


def test_a_pipeline_has_a_limit(lease: Lease) -> None:
    form = lease.form
    lease.send(c.Query(b"SELECT pg_sleep(1000)"))
    lease.send(c.Execute(b"x").encode() * (form.OUTSTANDING_MAX + 5))
    assert lease.outcome == form.HELD
    assert lease.exchange.held == form.HELD_FOR_ROOM
    assert lease.exchange.outstanding() == form.OUTSTANDING_MAX
    lease.answer(ROW)
    assert lease.exchange.held
    assert len(lease.send(SYNC)) == 0
    lease.answer(DONE, READY)
    assert lease.exchange.held
    lease.answer(error())
    assert lease.events & form.RELEASED_HOLD
    assert lease.forward() == messages(SYNC)


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
    assert lease.requests.statements[b"a"].shape.description == ROWS.encode()


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


def test_other_tags_forget_nothing(lease: Lease) -> None:
    lease.send(c.Query(b"DELETE FROM t"))
    lease.answer(s.CommandComplete(b"DELETE 1"), READY)
    assert lease.events == lease.form.READY
