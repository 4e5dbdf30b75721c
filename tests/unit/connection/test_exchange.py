"""Sequences of answers, in the form in use and in pure form."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, error, messages, split

READY = s.ReadyForQuery(b"I")
IN_TRANSACTION = s.ReadyForQuery(b"T")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND, CLOSED, SYNC = s.ParseComplete(), s.BindComplete(), s.CloseComplete(), c.Sync()
NOTIFICATION = s.NotificationResponse(1, b"c", b"p")
NOTICE = s.NoticeResponse((("S", b"NOTICE"), ("M", b"m")))
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""))
ANSWERS = (PARSED, BOUND, ROWS, ROW, DONE)


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


def test_how_the_server_reads_texts_is_what_it_reported_last(lease: Lease) -> None:
    exchange = lease.exchange
    assert (exchange.encoding, exchange.standard_strings) == ("UTF8", True)
    lease.answer(s.ParameterStatus(b"client_encoding", b"SJIS"))
    lease.answer(s.ParameterStatus(b"standard_conforming_strings", b"off"))
    assert (exchange.encoding, exchange.standard_strings) == ("SJIS", False)
    lease.answer(s.ParameterStatus(b"client_encoding", b"UTF8"))
    lease.answer(s.ParameterStatus(b"standard_conforming_strings", b"on"))
    assert (exchange.encoding, exchange.standard_strings) == ("UTF8", True)


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
    exchange.statements.unnamed = object()
    exchange.ask_internally(b"SELECT 1")
    assert exchange.statements.unnamed is None, "the server has dropped it"
    assert b"".join(exchange.to_server) == c.Query(b"SELECT 1").encode()
    rows = s.DataRow((b"x", None, b""))
    status = s.ParameterStatus(b"a", b"b")
    assert lease.answer(NOTICE, ROWS, status, rows, DONE, NOTIFICATION, READY) == messages(
        NOTIFICATION
    )
    assert lease.events == lease.form.INTERNAL_DONE
    assert exchange.own.row == [b"x", None, b""]
    assert exchange.own.error is None
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
    assert lease.exchange.own.row == [b"x" * 50]
    assert lease.told() == []


def test_internal_queries_end_together(lease: Lease) -> None:
    for text in (b"PREPARE a AS SELECT 1", b"PREPARE b AS SELECT nosuch", b"DEALLOCATE ALL"):
        lease.exchange.ask_internally(text)
    lease.answer(DONE, READY, error(b"42703"), READY)
    assert not lease.events & lease.form.INTERNAL_DONE
    lease.requests.statements[b"mine"] = object()
    lease.exchange.names = lease.requests.statements
    lease.answer(s.CommandComplete(b"DEALLOCATE ALL"), READY)
    assert lease.events == lease.form.INTERNAL_DONE
    assert lease.exchange.own.failed == [1]
    assert list(lease.requests.statements) == [b"mine"], "a name of a client that is not here"


def test_an_internal_error_is_kept(lease: Lease) -> None:
    lease.exchange.ask_internally(b"SET ROLE x")
    lease.answer(error(b"42501"), IN_TRANSACTION)
    assert lease.events == lease.form.INTERNAL_DONE
    assert lease.exchange.own.error["C"] == b"42501"
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


class Heard:
    """Stands for the subscriptions of a client."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def did(self, step: str, tag: bytes) -> None:
        self.seen.append((step, tag))

    def failed(self) -> None:
        self.seen.append("failed")

    def expects(self, channel: bytes) -> bool:
        return channel == b"heard elsewhere"

    def ready(self, *, idle: bool) -> None:
        self.seen.append(idle)


def test_notifications_for_who_hears_them_elsewhere_are_swallowed(lease: Lease) -> None:
    lease.exchange.deaf = True
    lease.send(c.Query(b"SELECT 1"))
    assert lease.answer(NOTICE, NOTIFICATION) == messages(NOTICE)


def test_between_transactions_who_goes_elsewhere_hears_no_notices(lease: Lease) -> None:
    """They say that the server connection ends, behind the ReadyForQuery of somebody's last."""
    exchange = lease.exchange
    exchange.deaf = True
    lease.send(c.Query(b"SELECT 1"))
    done = messages(s.CommandComplete(b"SELECT 1"), READY)
    assert b"".join(lease.answer(s.CommandComplete(b"SELECT 1"), READY, NOTICE)) == b"".join(done)
    assert lease.answer(NOTICE) == []
    exchange.status = ord("T")
    assert lease.answer(NOTICE) == messages(NOTICE)
    exchange.status = ord("I")
    lease.send(c.Parse(b"", b"SELECT 1"), c.Flush())
    assert lease.answer(s.ParseComplete()) == messages(s.ParseComplete())
    assert lease.answer(NOTICE) == messages(NOTICE), "its unit is open"


def test_what_comes_through_another_connection_is_heard_once(lease: Lease) -> None:
    lease.exchange.renumber = lambda process_id: process_id
    lease.exchange.subscriptions = Heard()
    other = s.NotificationResponse(1, b"heard elsewhere", b"p")
    assert lease.answer(other, NOTIFICATION, other) == messages(NOTIFICATION)


def test_the_last_ready_of_a_transaction_is_kept_back(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.subscriptions = Heard()
    lease.send(c.Query(b"BEGIN"), c.Query(b"SELECT 1"), c.Query(b"SELECT 1"))
    assert lease.answer(DONE, IN_TRANSACTION, DONE, READY) == messages(
        DONE, IN_TRANSACTION, DONE, READY
    )
    assert not exchange.owes_ready
    assert lease.answer(error(), READY) == messages(error())
    assert (lease.events, exchange.owes_ready) == (lease.form.READY, True)
    assert exchange.subscriptions.seen == [False, True, "failed", True]


def test_a_transaction_that_goes_on_is_told_at_once(lease: Lease) -> None:
    lease.exchange.subscriptions = Heard()
    lease.send(c.Query(b"BEGIN"))
    assert lease.answer(DONE, IN_TRANSACTION) == messages(DONE, IN_TRANSACTION)
    assert lease.events == lease.form.READY
    assert not lease.exchange.owes_ready


def test_a_notifier_is_known_by_another_number(lease: Lease) -> None:
    lease.exchange.renumber = lambda process_id: process_id + 1
    lease.send(c.Query(b"SELECT 1"))
    told = lease.answer(ROWS, NOTIFICATION, ROW, DONE, NOTIFICATION, READY)
    other = s.NotificationResponse(2, b"c", b"p")
    assert told == messages(ROWS, other, ROW, DONE, other, READY)
    malformed = b"A\x00\x00\x00\x06\x00\x00"
    assert lease.answer(malformed) == [malformed]


# A query of ours with a request behind it


def guarded(lease: Lease, *messages: Any) -> None:
    lease.exchange.own.begin()
    lease.exchange.ask_internally(b"BEGIN; SELECT 1; COMMIT", guards=True)
    lease.send(*messages)


FAILED = s.ReadyForQuery(b"E")


def test_a_request_behind_a_query_of_ours_is_answered(lease: Lease) -> None:
    guarded(lease, *UNIT, SYNC)
    lease.answer(DONE, READY)
    assert lease.events == lease.form.INTERNAL_DONE
    assert lease.answer(*ANSWERS, READY) == messages(*ANSWERS, READY)
    assert lease.events == lease.form.READY


@pytest.mark.parametrize("request_", [(c.Query(b"SELECT 1"),), (*UNIT, SYNC)])
def test_if_that_fails_the_request_never_was(lease: Lease, request_: tuple[Any, ...]) -> None:
    lease.requests.statements[b""] = before = lease.form.client_statement(b"", b"", None, None)
    guarded(lease, *request_)
    assert lease.answer(error(b"42501"), FAILED) == []
    assert not lease.events & lease.form.INTERNAL_DONE
    assert lease.exchange.to_server == []
    assert not lease.exchange.executes_unanswered()
    assert lease.answer(error(b"25P02"), FAILED) == []
    assert lease.events == lease.form.INTERNAL_DONE
    assert lease.exchange.own.error["C"] == b"42501"
    if len(request_) == 1:
        assert lease.requests.statements == {b"": before}
    assert lease.exchange.outstanding() == 0


def test_names_that_a_refused_request_gave_are_taken_back(lease: Lease) -> None:
    lease.send(c.Parse(b"old", b"SELECT 2"), SYNC)
    lease.answer(PARSED, READY)
    new = (c.Parse(b"new", b"SELECT 1"), c.Bind(b"", b"new"), c.Parse(b"same", b"SELECT 2"))
    guarded(lease, *new, c.Close(b"S", b"old"), SYNC)
    assert set(lease.requests.statements) == {b"new", b"same"}
    assert lease.answer(error(), FAILED, error(b"25P02"), FAILED) == []
    assert lease.events & lease.form.INTERNAL_DONE
    assert set(lease.requests.statements) == {b"old"}


def test_a_request_of_which_only_a_part_was_sent_is_ended(lease: Lease) -> None:
    guarded(lease, *UNIT)
    lease.exchange.held = lease.form.HELD_FOR_ANSWERS
    lease.exchange.to_server.clear()
    lease.answer(error(), FAILED)
    assert lease.events & lease.form.TO_SERVER
    assert lease.exchange.to_server == [SYNC.encode()]
    assert not lease.exchange.held
    assert lease.answer(error(b"25P02"), FAILED) == []
    assert lease.events == lease.form.INTERNAL_DONE


def test_a_query_that_failed_with_nothing_behind_it_is_done(lease: Lease) -> None:
    guarded(lease)
    lease.answer(error(), FAILED)
    assert lease.events == lease.form.INTERNAL_DONE


@pytest.mark.parametrize("answers", [(error(), READY), (DONE, FAILED), (DONE, IN_TRANSACTION)])
def test_what_does_not_keep_the_request_from_running_is_noticed(
    lease: Lease, answers: tuple[Any, ...]
) -> None:
    guarded(lease, c.Query(b"SELECT 1"))
    assert lease.answer(*answers, ROWS, ROW, DONE, READY) == []
    assert lease.events == lease.form.BROKEN
    assert lease.exchange.executes_unanswered()


def test_that_its_server_was_promoted_is_no_setting_that_the_client_changed(lease: Lease) -> None:
    promoted = s.ParameterStatus(b"in_hot_standby", b"off")
    assert lease.answer(promoted) == split(encoded(promoted))
    assert lease.exchange.parameters["in_hot_standby"] == "off"
    assert not lease.exchange.changed


def test_it_is_quiet_with_nothing_outstanding_in_a_transaction_too(lease: Lease) -> None:
    assert lease.exchange.is_quiet()
    lease.send(c.Query(b"BEGIN"))
    assert not lease.exchange.is_quiet()
    lease.answer(s.CommandComplete(b"BEGIN"), IN_TRANSACTION)
    assert lease.exchange.is_quiet()
