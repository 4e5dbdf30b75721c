"""What a client's messages become when its door refuses what they ask for."""

import pytest

from pglane.wire import client_messages as c, server_messages as s
from pglane.wire.server_messages import error_fields
from pglane.wire.statements import Effect
from tests.support.lease import Lease, error, messages, states
from tests.support.strict_allowance import Strict

READY = s.ReadyForQuery(b"I")
FLUSH = c.Flush()
FAILING_QUERY = c.Query(b"pglane refuses")
DONE = s.CommandComplete(b"SELECT 1")
BEGUN, IN_BLOCK = s.CommandComplete(b"BEGIN"), s.ReadyForQuery(b"T")
LASTVAL, INSERT = b"SELECT lastval()", b"INSERT INTO t VALUES (1)"


@pytest.mark.usefixtures("strict")
def test_a_refused_query_fails_on_the_server_too(lease: Lease) -> None:
    assert lease.send(c.Query(b"LOAD 'a'")) == messages(FAILING_QUERY)
    assert lease.requests.effects == 0
    told = lease.answer(error(b"42601"), READY)
    assert states(told) == [b"55000", b"Z"]
    assert error_fields(told[0][5:])["M"] == b"LOAD 'a'"


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("discarded", [False, True])
def test_a_refused_query_destroys_the_unnamed_statement(lease: Lease, discarded: bool) -> None:
    lease.send(c.Parse(b"", b"SELECT 1"), c.Sync())
    lease.answer(s.ParseComplete(), READY)
    if discarded:
        lease.send(c.Execute(b"x"))
    lease.send(c.Query(b"LOAD 'a'"))
    assert lease.exchange.statements.unnamed is None
    lease.answer(error(b"34000"))
    assert list(lease.requests.statements) == [b""] * discarded


def test_a_text_that_is_allowed_runs(lease: Lease, strict: Strict) -> None:
    lease.requests.encoding = "SJIS"
    text = c.Query(b"SELECT '\x83\x5c'")
    assert lease.send(text) == messages(text)
    assert lease.requests.effects & int(Effect.UNKNOWN)
    lease.answer(DONE, READY)
    bind = c.Bind(b"", b"")
    parse = c.Parse(b"", b"SELECT '\x83\x5c'")
    assert lease.send(parse, bind) == messages(parse, bind)
    assert strict.drew == [False, False]


@pytest.mark.usefixtures("strict")
def test_a_query_waits_until_it_is_known_how_it_is_read(lease: Lease) -> None:
    lease.send(c.Query(b"SET client_encoding = SJIS"))
    query = c.Query("SELECT E'\u00e9\\\\'".encode())
    assert lease.send(query) == messages(FLUSH)
    lease.exchange.parameters["client_encoding"] = "UTF8"
    lease.answer(s.CommandComplete(b"SET"), READY)
    assert lease.forward() == messages(query)


@pytest.mark.usefixtures("strict")
def test_a_query_waits_for_the_answers_that_decide_about_it(lease: Lease) -> None:
    lease.send(c.Query(b"BEGIN"), c.Query(INSERT))
    assert lease.send(c.Query(LASTVAL)) == messages(FLUSH)
    lease.answer(BEGUN, IN_BLOCK, DONE, IN_BLOCK)
    assert lease.forward() == messages(c.Query(LASTVAL))
