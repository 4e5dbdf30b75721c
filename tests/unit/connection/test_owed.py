"""The owed answers of a server connection, in the form in use and in pure form."""

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, encoded, error

READY = s.ReadyForQuery(b"I")
DONE = s.CommandComplete(b"SELECT 1")
SYNC = c.Sync()
PARSED = (s.ParseComplete(), s.BindComplete())


def test_what_is_asked_is_owed_until_it_is_answered(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    for kind in (form.QUERY, form.SYNC, form.FUNCTION):
        exchange.expect(kind)
    assert (exchange.outstanding(), exchange.segment) == (3, 3)
    assert exchange.executes_unanswered()
    lease.answer(DONE, READY, READY, READY)
    assert exchange.outstanding() == 0
    assert not exchange.executes_unanswered()


def test_all_is_settled_when_only_what_is_nobodys_is_outstanding(lease: Lease) -> None:
    exchange = lease.exchange
    assert (exchange.is_settled(), exchange.drops()) == (True, False)
    exchange.expect(lease.form.QUERY)
    assert (exchange.is_settled(), exchange.drops()) == (False, False)
    exchange.drops_one()
    assert (exchange.is_settled(), exchange.drops()) == (False, True)
    lease.answer(DONE, READY)
    assert (exchange.is_settled(), exchange.drops()) == (True, True)
    lease.answer(DONE, READY)
    assert (exchange.is_settled(), exchange.drops()) == (True, False)


@pytest.mark.parametrize("before", [0, 12])
@pytest.mark.parametrize("parsed", [False, True])
@pytest.mark.parametrize("described", [False, True])
def test_a_whole_unit_is_owed_like_its_messages(
    lease: Lease, before: int, parsed: bool, described: bool
) -> None:
    form, other = lease.form, Lease(lease.form)
    named = form.client_statement(b"SELECT 1", b"", None, form.NO_SHAPE)
    parse = form.pending_parse(None, {}, b"", None, None) if parsed else None
    kinds = [form.PARSE] * parsed + [form.BIND] + [form.DESCRIBE] * described + [form.EXECUTE]
    for each in (lease, other):
        for _ in range(before):
            each.exchange.expect(form.SYNC)
    for kind in (*kinds, form.SYNC):
        other.exchange.expect(kind)
    lease.exchange.expect_unit(parse, None if parsed else named, described)
    answers = [*PARSED[:1]] * parsed + [*PARSED[1:]] + [s.NoData()] * described
    for each in (lease, other):
        exchange = each.exchange
        owed = before + len(kinds) + 1
        assert (exchange.outstanding(), exchange.segment) == (owed, before + 1)
        assert (exchange.may_discard(), exchange.unit_open) == (True, False)
        each.answer(*[READY] * before, *answers, DONE)
        assert (exchange.outstanding(), exchange.may_discard()) == (1, True)
        each.answer(READY)
        assert exchange.outstanding() == 0


def test_our_own_queries_are_not_asked_for_clients(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    exchange.expect(form.INTERNAL)
    assert not exchange.owes_clients()
    exchange.expect(form.PARSE)
    assert exchange.owes_clients()


def test_answered_units_are_counted(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    for kind in (form.QUERY, form.BIND, form.SYNC):
        exchange.expect(kind)
    assert exchange.answered_units() == 0
    lease.answer(DONE, READY)
    assert exchange.answered_units() == 1


def test_a_unit_is_open_until_its_sync(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    exchange.expect(form.BIND)
    assert exchange.unit_open
    exchange.expect(form.COPY_END)
    assert exchange.unit_open
    exchange.expect(form.SYNC)
    assert not exchange.unit_open
    exchange.expect(form.INTERNAL)
    assert not exchange.unit_open
    assert not exchange.mixed


def test_a_query_in_an_open_unit_is_remembered(lease: Lease) -> None:
    lease.exchange.expect(lease.form.EXECUTE)
    lease.exchange.expect(lease.form.QUERY)
    assert lease.exchange.mixed


def test_a_sync_between_may_discard_what_is_asked_next(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    exchange.expect(form.EXECUTE)
    assert not exchange.may_discard()
    exchange.expect(form.SYNC)
    assert exchange.may_discard()
    lease.answer(DONE, READY)
    assert not exchange.may_discard()
    assert not exchange.may_keep_closed()


def test_a_copy_that_ends_for_nothing_is_passed_over(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), c.CopyDone(), c.Query(b"SELECT 2"))
    assert lease.exchange.outstanding() == 3
    lease.answer(DONE, READY)
    assert lease.exchange.outstanding() == 1


def test_an_error_of_ours_takes_its_place_and_moves_what_is_behind_it(lease: Lease) -> None:
    exchange, form = lease.exchange, lease.form
    exchange.expect(form.REFUSED, error().encode())
    exchange.expect(form.SYNC)
    assert lease.answer(error(b"42601"), READY) == [error().encode(), READY.encode()]
    assert exchange.outstanding() == 0
    assert not exchange.may_discard()


def test_what_is_owed_behind_an_error_is_told_what_never_was(lease: Lease) -> None:
    lease.send(c.Parse(b"a", b"SELECT 1"), SYNC, c.Parse(b"b", b"SELECT 2"), SYNC)
    assert set(lease.exchange.names) == {b"a", b"b"}
    lease.answer(error(), READY)
    assert set(lease.exchange.names) == {b"b"}
    lease.answer(s.ParseComplete(), READY)
    assert lease.exchange.is_idle()


def test_too_much_is_too_much(lease: Lease) -> None:
    form = lease.form
    for _ in range(form.OUTSTANDING_MAX - 1):
        lease.exchange.expect(form.EXECUTE)
    assert not lease.exchange.is_full()
    lease.exchange.expect(form.EXECUTE)
    assert lease.exchange.is_full()


def test_what_was_answered_long_ago_is_forgotten(lease: Lease) -> None:
    stream = encoded(DONE, READY)
    for turn in range(1, 200):
        lease.send(c.Query(b"SELECT 1"))
        lease.exchange.receive(stream)
        assert lease.exchange.segment == turn
        assert lease.exchange.is_idle()
        assert not lease.exchange.may_discard()


def test_ends_of_copies_that_need_no_answer_leave_their_room(lease: Lease) -> None:
    for _ in range(40):
        lease.send(c.Query(b"COPY t FROM STDIN"), c.CopyDone())
        lease.answer(s.CopyInResponse(0, ()), DONE, READY)
        assert lease.exchange.is_idle()


@pytest.mark.parametrize("count", [17, 300, 1000])
def test_a_long_pipeline_gives_its_room_back(lease: Lease, count: int) -> None:
    exchange, form = lease.exchange, lease.form
    for _ in range(2):
        for _ in range(count):
            exchange.expect(form.BIND)
            exchange.expect(form.EXECUTE)
        exchange.expect(form.SYNC)
        assert exchange.outstanding() == 2 * count + 1
        data = encoded(*[PARSED[1], DONE] * count, READY)
        assert lease.exchange.relays(data, len(data))
        assert exchange.is_idle()


def test_what_is_owed_behind_a_query_of_ours_that_failed_never_was(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.ask_internally(b"BEGIN; SELECT 1; COMMIT", guards=True)
    lease.send(c.Query(b"SELECT 1"))
    lease.answer(error(), s.ReadyForQuery(b"E"))
    assert (exchange.outstanding(), exchange.may_discard()) == (1, False)
    lease.answer(error(b"25P02"), READY)
    assert exchange.is_idle()
    lease.send(c.Query(b"SELECT 1"))
    lease.answer(DONE, READY)
    assert exchange.is_idle()


ROWS = (s.RowDescription(()), s.DataRow((b"1",)), s.DataRow((b"2",)))


@pytest.mark.parametrize(
    ("asked", "answers", "all_of_it"),
    [
        ("QUERY", (*ROWS, DONE, READY), True),
        ("QUERY", (DONE, DONE, READY), True),
        ("PARSE BIND DESCRIBE EXECUTE SYNC", (*PARSED, *ROWS, DONE, READY), True),
        ("SYNC", (s.ReadyForQuery(b"T"),), True),
        ("", (READY,), False),
        ("QUERY QUERY", (DONE, READY), False),
        ("QUERY", (DONE, READY, READY), False),
        ("QUERY", (DONE,), False),
        ("QUERY", (DONE, b"Z\x00\x00\x00\x05?"), False),
        ("QUERY", (DONE, b"Z\x00\x00\x00\x04??"), False),
        ("QUERY", (DONE, b"Z\x00\x00\x00\x06I?"), False),
        ("QUERY", (b"C\x00\x00\x00\x03??", READY), False),
        ("QUERY", (b"C\x00\x00\x00\xff?", READY), False),
        ("QUERY", (b"C\xff\xff\xff\xff?", READY), False),
        ("FUNCTION", (READY,), False),
        ("EXECUTE", (READY,), False),
        ("INTERNAL", (*ROWS, DONE, READY), False),
        ("QUERY", (s.CommandComplete(b"DISCARD ALL"), READY), False),
        ("QUERY", (error(), READY), False),
        ("QUERY", (s.ParameterStatus(b"TimeZone", b"UTC"), DONE, READY), False),
        ("BIND EXECUTE SYNC", (*PARSED, DONE, READY), False),
        ("PARSE EXECUTE SYNC", (*PARSED, DONE, READY), False),
        ("BIND SYNC", (s.BindComplete(), DONE, READY), False),
        ("BIND SYNC", (s.BindComplete(), ROWS[0], READY), False),
        ("BIND SYNC", (s.BindComplete(), ROWS[1], READY), False),
    ],
)
def test_what_is_all_that_is_owed(
    lease: Lease, asked: str, answers: tuple[object, ...], all_of_it: bool
) -> None:
    for kind in asked.split():
        lease.exchange.expect(getattr(lease.form, kind))
    assert lease.exchange.is_answered_by(encoded(*answers), len(encoded(*answers))) == all_of_it


@pytest.mark.parametrize("kind", ["QUERY", "EXECUTE", "DESCRIBE"])
def test_an_answer_that_means_something_to_us_is_looked_at(lease: Lease, kind: str) -> None:
    exchange, form = lease.exchange, lease.form
    exchange.expect(getattr(form, kind), b"an error of ours")
    exchange.expect(form.SYNC)
    data = encoded(*ROWS, DONE, READY)
    assert not exchange.is_answered_by(data, len(data))


def test_a_query_that_destroys_the_unnamed_statement_is_like_any_other(lease: Lease) -> None:
    lease.send(c.Parse(b"", b"SELECT 1", ()), SYNC)
    lease.answer(s.ParseComplete(), READY)
    lease.send(c.Query(b"SELECT 1"))
    data = encoded(*ROWS, DONE, READY)
    assert lease.exchange.is_answered_by(data, len(data))
