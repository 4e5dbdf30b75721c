"""What a client's texts may leave behind is asked of its door, when it can be answered."""

from typing import Any

import pytest

from pglane.connection.sql_statements import SqlStatement
from pglane.wire import client_messages as c, server_messages as s
from pglane.wire.statements import Effect
from tests.support.lease import Lease, messages
from tests.support.strict_allowance import Strict

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
SYNC, FLUSH = c.Sync(), c.Flush()


FAILS = c.Parse(b"", b"pglane refuses")
FAILING_QUERY = c.Query(b"pglane refuses")
DONE = s.CommandComplete(b"SELECT 1")
BEGUN, IN_BLOCK = s.CommandComplete(b"BEGIN"), s.ReadyForQuery(b"T")
LASTVAL, INSERT = b"SELECT lastval()", b"INSERT INTO t VALUES (1)"


def test_the_value_just_drawn_is_known_in_a_block(lease: Lease, strict: Strict) -> None:
    lease.send(c.Query(b"BEGIN"), c.Query(INSERT))
    assert lease.send(c.Query(LASTVAL)) == messages(FLUSH)
    lease.answer(BEGUN, IN_BLOCK, DONE, IN_BLOCK)
    assert lease.forward() == messages(c.Query(LASTVAL))
    lease.answer(DONE, IN_BLOCK)
    lease.send(c.Query(b"COMMIT AND CHAIN"))
    lease.answer(DONE, IN_BLOCK)
    assert lease.send(c.Query(LASTVAL)) == messages(FAILING_QUERY)
    assert strict.drew == [True, False]


def test_the_value_just_drawn_is_not_known_in_the_next_transaction(
    lease: Lease, strict: Strict
) -> None:
    lease.send(c.Query(INSERT), c.Query(LASTVAL))
    lease.answer(DONE, READY)
    assert lease.forward() == messages(FAILING_QUERY)
    assert strict.drew == [False]


def test_the_value_just_drawn_is_known_in_a_unit_of_its_own(lease: Lease, strict: Strict) -> None:
    lease.send(c.Parse(b"", INSERT), c.Bind(b"", b""), c.Execute(b""))
    lease.send(c.Parse(b"a", LASTVAL))
    lease.answer(PARSED, BOUND, DONE, PARSED)
    assert [sent[:1] for sent in lease.send(c.Bind(b"", b"a"))] == [b"B"]
    assert strict.drew == [True]


def test_nothing_is_waited_for_while_a_copy_runs(lease: Lease, strict: Strict) -> None:
    lease.send(c.Query(b"COPY t FROM STDIN"))
    lease.answer(s.CopyInResponse(0, (0,)))
    lease.requests.encoding = "not known until the server reports it"
    assert lease.send(c.Query(LASTVAL)) == messages(FAILING_QUERY)
    assert strict.drew == [False]


def test_what_was_prepared_by_sql_counts_when_it_is_executed(lease: Lease) -> None:
    texts = ("PREPARE a AS SELECT set_config('app.x', '1', false)", "PREPARE b AS SELECT 1")
    lease.requests.note_executed([SqlStatement(t[8], t, ()) for t in texts])
    assert lease.requests.effects == lease.form.Effect.SETTING
    assert lease.requests.settings == {"app.x"}


def test_which_setting_a_parameter_names_is_known_at_the_bind(lease: Lease) -> None:
    allowance = Strict(Effect.SETTING_BOUND | Effect.SETTING_UNKNOWN)
    lease.requests.limit(allowance)
    text = b"SELECT set_config($1, $2, false)"
    for name in (b"", b"a"):
        lease.send(c.Parse(name, text))
        lease.answer(PARSED)
        assert lease.requests.effects == 0
        sent = lease.send(c.Bind(b"", name, parameters=(b"app.x", b"1")))
        assert [message[:1] for message in sent] == [b"B"]
        assert lease.send(c.Execute(b""))[0][:1] == b"E"
        assert lease.requests.effects == Effect.SETTING
        assert lease.requests.settings == {"app.x"}
        lease.answer(BOUND, DONE)
        lease.requests.effects = 0
    assert lease.send(c.Bind(b"", b"a", parameters=(b"not a name", b"1"))) == messages(FAILS)
    assert lease.requests.effects == 0


def test_a_bind_that_cannot_be_read_fails(lease: Lease) -> None:
    lease.requests.limit(Strict(Effect.SETTING_BOUND))
    lease.send(c.Parse(b"a", b"SELECT set_config($1, $2, true)"))
    lease.answer(PARSED)
    assert lease.send(b"B\0\0\0\7\0a\0") == messages(FAILS)


def test_a_door_that_rewrites_nothing_notes_what_is_bound(lease: Lease) -> None:
    lease.requests = lease.client(virtual=False)
    lease.send(c.Parse(b"a", b"SELECT 1"), c.Bind(b"", b"a"))
    assert lease.requests.effects == 0
    lease.send(c.Parse(b"b", b"SELECT set_config($1, $2, false)"), c.Bind(b"", b"b"))
    assert lease.requests.effects == Effect.SETTING_BOUND
    lease.send(c.Bind(b"", b"unknown"))
    expected = Effect.SETTING_BOUND | Effect.UNKNOWN | Effect.CATALOG
    assert lease.requests.effects == expected


def test_values_that_others_drew_are_not_asked_for(lease: Lease, strict: Strict) -> None:
    lease.requests.strangers_drew = True
    lease.send(c.Query(b"BEGIN"), c.Query(INSERT))
    lease.answer(BEGUN, IN_BLOCK, DONE, IN_BLOCK)
    assert lease.send(c.Query(LASTVAL)) == messages(FAILING_QUERY)
    assert strict.drew == [True]


@pytest.mark.parametrize(
    ("sent", "drawn"),
    [
        ((c.Query(b"SELECT 1"),), False),
        ((c.Query(b"UPDATE t SET n = 1"),), True),
        ((c.Query(b"SELECT nextval('s')"),), True),
        ((c.Parse(b"", INSERT),), False),
        ((c.Parse(b"", INSERT), c.Bind(b"", b"")), True),
        ((c.Parse(b"a", b"UPDATE t SET n = 1"), c.Bind(b"", b"a")), True),
        ((c.Parse(b"a", b"SELECT 1"), c.Bind(b"", b"a")), False),
        ((c.FunctionCall(1),), True),
    ],
)
def test_where_values_may_have_been_drawn(lease: Lease, sent: Any, *, drawn: bool) -> None:
    lease.send(*sent)
    assert lease.exchange.drawn is drawn
