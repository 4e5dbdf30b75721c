"""What is refused of the extended protocol, in both forms."""

import pytest

from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import Lease, encoded, error, messages, states
from tests.support.strict_allowance import Strict

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
SYNC, FLUSH = c.Sync(), c.Flush()
FAILS = c.Parse(b"", b"pglane refuses")
DONE = s.CommandComplete(b"SELECT 1")
LASTVAL, INSERT = b"SELECT lastval()", b"INSERT INTO t VALUES (1)"


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", [b"", b"a"])
def test_a_refused_parse_is_a_failed_parse(lease: Lease, name: bytes) -> None:
    sent = lease.send(c.Parse(name, b"LOAD 'a'"), c.Bind(b"", name), c.Execute(b"", 0), SYNC)
    assert sent[0] == encoded(FAILS)
    assert states(lease.answer(error(b"42601"), READY)) == [b"55000", b"Z"]
    assert lease.requests.statements == {}
    assert lease.requests.effects == 0


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("discarded", [False, True])
def test_a_refused_parse_destroys_the_unnamed_statement(lease: Lease, discarded: bool) -> None:
    lease.send(c.Parse(b"", b"SELECT 1"), SYNC)
    lease.answer(PARSED, READY)
    if discarded:
        lease.send(c.Execute(b"x"))
    lease.send(c.Parse(b"", b"LOAD 'a'"), SYNC)
    lease.answer(error(b"34000"), READY)
    assert list(lease.requests.statements) == [b""] * discarded


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", [b"", b"a"])
def test_what_may_not_run_now_is_refused_when_bound(lease: Lease, name: bytes) -> None:
    text = b"CREATE TEMP TABLE a ()"
    lease.send(c.Parse(name, text), c.Bind(b"", name), c.Execute(b"", 0), SYNC)
    assert states(lease.answer(PARSED, error(b"42601"), READY)) == [b"1", b"55000", b"Z"]
    assert lease.requests.effects == 0


def test_a_text_is_read_when_it_is_known_how(lease: Lease, strict: Strict) -> None:
    lease.send(c.Query(b"SET client_encoding = SJIS"))
    parse = c.Parse(b"", "SELECT E'é\\''".encode())
    assert lease.send(parse) == messages(FLUSH)
    lease.exchange.parameters["client_encoding"] = "UTF8"
    lease.answer(s.CommandComplete(b"SET"), READY)
    assert lease.forward() == messages(parse)
    assert strict.drew == []


@pytest.mark.parametrize("name", [b"", b"a"])
def test_the_value_just_drawn_is_known_in_a_unit(
    lease: Lease, strict: Strict, name: bytes
) -> None:
    lease.send(c.Parse(b"", INSERT), c.Bind(b"", b""), c.Execute(b"", 0))
    lease.send(c.Parse(name, LASTVAL), c.Bind(b"", name), SYNC)
    assert lease.outcome == lease.form.HELD
    lease.answer(PARSED, BOUND, DONE, PARSED)
    assert [message[:1] for message in lease.forward()] == [b"B", b"S"]
    lease.answer(BOUND, READY)
    lease.send(c.Bind(b"", name), SYNC)
    assert states(lease.answer(error(b"42601"), READY)) == [b"55000", b"Z"]
    assert strict.drew == [True, False]


def test_nobodys_statement_is_described_without_a_promise(lease: Lease) -> None:
    lease.send(c.Describe(b"S", b"unknown"), SYNC)
    assert lease.answer(error(b"26000"), READY)[-1:] == messages(READY)
