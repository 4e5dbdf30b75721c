"""Answers of several clients on one server connection, and answers that nobody wants any more."""

from typing import Any

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, encoded, error

READY = s.ReadyForQuery(b"I")
IN_TRANSACTION = s.ReadyForQuery(b"T")
COLUMN = s.FieldDescription(b"a", 0, 0, 25, -1, -1, 0)
ROWS = s.RowDescription((COLUMN,))
ROW = s.DataRow((b"1",))
DONE = s.CommandComplete(b"SELECT 1")
PARSED, BOUND = s.ParseComplete(), s.BindComplete()
NOTIFICATION = s.NotificationResponse(1, b"c", b"p")
NOTICE = s.NoticeResponse((("S", b"NOTICE"), ("M", b"m")))


def walked(lease: Lease, *answers: Any) -> tuple[int, bytes]:
    events = lease.exchange.receive(encoded(*answers))
    told = b"".join(lease.exchange.to_client)
    lease.exchange.to_client.clear()
    return events, told


READ = (ROWS, ROW, DONE, READY)


def test_the_walk_stops_where_the_next_ones_answer_begins(lease: Lease) -> None:
    exchange = lease.exchange
    lease.send(c.Query(b"SELECT 1"))
    exchange.shared = True
    events, told = walked(lease, *READ, *READ, *READ)
    assert (events, told) == (lease.form.READY, encoded(*READ))
    assert exchange.stopped
    assert exchange.has_more()
    exchange.expect(lease.form.QUERY)
    assert exchange.goes_on() == lease.form.READY
    assert b"".join(exchange.to_client) == encoded(*READ)
    assert exchange.stopped
    exchange.to_client.clear()
    exchange.shared = False
    exchange.expect(lease.form.QUERY)
    assert exchange.goes_on() == lease.form.READY
    assert b"".join(exchange.to_client) == encoded(*READ)
    assert not exchange.stopped
    assert not exchange.has_more()


def test_the_walk_does_not_stop_before_all_is_answered(lease: Lease) -> None:
    lease.send(c.Query(b"SELECT 1"), c.Query(b"SELECT 2"))
    lease.exchange.shared = True
    assert walked(lease, *READ) == (0, encoded(*READ))
    assert walked(lease, *READ) == (lease.form.READY, encoded(*READ))
    assert not lease.exchange.stopped


UNWANTED = {
    "rows": READ,
    "an error": (error(), READY),
    "a part of a unit": (PARSED, BOUND, NOTICE, ROW, DONE, READY),
}


@pytest.mark.parametrize("answer", UNWANTED.values(), ids=UNWANTED)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_that_nobody_wants_is_told_to_nobody(
    lease: Lease, answer: tuple[Any, ...], size: int
) -> None:
    exchange = lease.exchange
    lease.send(c.Query(b"SELECT 1"))
    exchange.drops_one()
    assert not exchange.unit_open
    stream = encoded(*READ, *answer)
    events = [exchange.receive(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert b"".join(exchange.to_client) == encoded(*READ)
    assert (events[-1], exchange.outstanding()) == (lease.form.READY, 0)
    told = (len(encoded(*READ)) - 1) // size  # with this part the client has its own answer
    assert [at for at, event in enumerate(events[:-1]) if event] == [told][: len(events) - 1]


def test_what_nobody_wants_is_no_statement_in_doubt(lease: Lease) -> None:
    lease.exchange.drops_one()
    assert not lease.exchange.executes_unanswered()
    assert not lease.exchange.owes_clients()
    assert lease.exchange.outstanding() == 1


def test_a_long_row_that_nobody_wants_is_not_kept(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.drops_one()
    row = s.DataRow((b"x" * 1_000_000,)).encode()
    for at in range(0, len(row), 10_000):
        assert exchange.receive(row[at : at + 10_000]) == 0
        assert exchange.reader.kept_bytes() <= 10_000
    assert not exchange.to_client
    assert walked(lease, DONE, READY) == (lease.form.READY, b"")


def test_what_comes_beside_an_answer_that_nobody_wants(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.drops_one()
    events, told = walked(lease, s.ParameterStatus(b"TimeZone", b"UTC"))
    assert (events, told) == (lease.form.PARAMETERS, b"")
    assert exchange.changed == {"TimeZone"}
    assert walked(lease, s.ParameterStatus(b"in_hot_standby", b"on"))[0] == lease.form.PARAMETERS
    assert exchange.changed == {"TimeZone"}
    assert walked(lease, NOTIFICATION)[1] == encoded(NOTIFICATION)
    assert walked(lease, error(b"57P01", b"FATAL"))[0] == lease.form.ENDING
    assert exchange.ending["C"] == b"57P01"


@pytest.mark.parametrize("ready", [IN_TRANSACTION, b"Z\0\0\0\4", b"Z\0\0\0\5X"])
def test_a_read_that_leaves_more_than_an_answer_ends_the_connection(
    lease: Lease, ready: Any
) -> None:
    lease.exchange.drops_one()
    assert walked(lease, *READ[:-1], ready)[0] == lease.form.BROKEN
    assert lease.exchange.ending


def test_words_for_a_cancel_end_with_what_it_may_have_hit(lease: Lease) -> None:
    exchange = lease.exchange
    exchange.drops_one()
    exchange.drops_one()
    exchange.instead = error(b"57014").encode()
    walked(lease, error(b"57014"), READY)
    assert exchange.instead
    walked(lease, *READ)
    assert not exchange.instead


def test_what_leaves_only_answers(lease: Lease) -> None:
    exchange = lease.exchange
    assert exchange.leaves_only_answers()
    for name, value in {
        "status": 0x54,
        "unit_open": True,
        "skipping": True,
        "held": 1,
        "copy_in": True,
        "owes_ready": True,
        "mixed": True,
        "changed": {"TimeZone"},
        "subscriptions": object(),
    }.items():
        before = getattr(exchange, name)
        setattr(exchange, name, value)
        assert not exchange.leaves_only_answers(), name
        setattr(exchange, name, before)
    assert exchange.leaves_only_answers()
