"""What a client's texts may leave behind is asked of its door, when it can be answered."""

from typing import Any

import pytest

from pglane.connection.sql_statements import SqlStatement
from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded, split
from tests.support.strict_allowance import Strict

READY, PARSED, BOUND = s.ReadyForQuery(b"I"), s.ParseComplete(), s.BindComplete()
SYNC, FLUSH = c.Sync(), c.Flush()


@pytest.fixture(params=FORMS)
def lease(request: pytest.FixtureRequest) -> Lease:
    return Lease(FORMS[request.param], statements_max=3)


def messages(*expected: Any) -> list[bytes]:
    return split(encoded(*expected))


@pytest.fixture
def strict(lease: Lease) -> Strict:
    allowance = Strict()
    lease.requests.limit(allowance)
    return allowance


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
