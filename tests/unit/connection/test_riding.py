"""What may be sent behind settings that are not confirmed, and by which text they are set."""

from typing import Any

import pytest

from pglane.connection import riding
from pglane.connection.prepared_statements import Shapes
from pglane.connection.requests import ClientRequests
from pglane.connection.riding import (
    REQUEST_BYTES_MAX,
    STATES_MAX,
    VALUES_CHARACTERS_MAX,
    AcceptedStates,
    request_ahead,
)
from pglane.connection.settings import Vector, Vectors
from pglane.connection.sql_statements import SqlStatement
from pglane.connection.subscriptions import Subscriptions
from pglane.wire import client_messages as c
from pglane.wire.statements import VerdictCache

SYNC = c.Sync()
UNIT = (c.Parse(b"", b"SELECT 1"), c.Bind(b"", b""), c.Describe(b"P", b""), c.Execute(b""), SYNC)


def ahead(*messages: Any, before: tuple[Any, ...] = ()) -> bytes:
    """What `request_ahead` makes of these, behind others that are known to be prepared."""
    verdicts = VerdictCache(100, 10_000)
    requests = ClientRequests(
        verdicts, Shapes(), virtual=True, message_bytes_max=1 << 24, statements_max=10
    )
    for name, text in before:
        requests.statements[name] = type("Statement", (), {"text": text})()
    told = b"".join(m if isinstance(m, bytes) else m.encode() for m in messages)
    requests.reader.feed(told)
    assert request_ahead(requests, verdicts) in (b"", told)
    assert requests.reader.buffered_bytes() == len(told), "nothing is walked over"
    return request_ahead(requests, verdicts)


@pytest.mark.parametrize(
    "messages",
    [
        (c.Query(b"SELECT 1"),),
        (c.Query(b""),),
        (c.Query(b"BEGIN; SELECT 1; COMMIT"),),
        (c.Query(b"SET work_mem = '9MB'"),),
        UNIT,
        (*UNIT[:-1], c.Close(b"P", b""), *UNIT),
        (SYNC,),
        (c.Bind(b"", b"known"), c.Execute(b""), SYNC),
        (c.Parse(b"new", b"SELECT 1"), c.Bind(b"", b"new"), c.Execute(b""), SYNC),
    ],
)
def test_one_request_that_a_failed_block_refuses_may_be_sent(messages: tuple[Any, ...]) -> None:
    assert ahead(*messages, before=((b"known", b"INSERT INTO t VALUES (1)"),))


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (c.Query(b"COMMIT"),),
        (c.Query(b"/* x */ ; end; SELECT 1"),),
        (c.Query(b"ABORT"),),
        (c.Query(b"ROLLBACK TO a"),),
        (c.Query(b"PREPARE TRANSACTION 'x'"),),
        (c.Query(b"COMMIT PREPARED 'x'"),),
        (c.Query(b"SELECT 'not ended"),),
        (c.Query(b"COPY t FROM STDIN"),),
        (c.Query(b"DISCARD ALL"),),
        (c.Query(b"SELECT 1"), c.Query(b"SELECT 2")),
        (*UNIT, SYNC),
        (*UNIT[:-1], c.Query(b"SELECT 1")),
        UNIT[:-1],
        (c.Query(b"SELECT 1").encode()[:-1],),
        (c.Parse(b"", b"COMMIT"), SYNC),
        (c.Parse(b"known", b"COMMIT"), c.Bind(b"", b"known"), SYNC),
        (c.Bind(b"", b"ends"), c.Execute(b""), SYNC),
        (c.Bind(b"", b"nosuch"), c.Execute(b""), SYNC),
        (c.Flush(), SYNC),
        (c.FunctionCall(7),),
        (b"Q\xff\xff\xff\xff",),
        (c.Query(b"SELECT '" + b"x" * REQUEST_BYTES_MAX + b"'"),),
    ],
)
def test_anything_else_waits(messages: tuple[Any, ...]) -> None:
    assert ahead(*messages, before=((b"known", b"SELECT 1"), (b"ends", b"ROLLBACK"))) == b""


def test_a_stream_in_parts_waits() -> None:
    verdicts = VerdictCache(100, 10_000)
    requests = ClientRequests(
        verdicts, Shapes(), virtual=True, message_bytes_max=1 << 24, statements_max=10
    )
    told = c.Query(b"SELECT 1").encode()
    requests.reader.feed(told[:4])
    requests.reader.feed(told[4:])
    assert request_ahead(requests, verdicts) == b""
    assert requests.reader.next()
    requests.reader.step_back()
    assert request_ahead(requests, verdicts) == told
    requests.subscriptions = Subscriptions()
    assert request_ahead(requests, verdicts) == b"", "its last answer is kept back"
    requests.subscriptions = None
    requests.reader.stream_left = 1
    assert request_ahead(requests, verdicts) == b""


class States:
    """Some states, and what is known of them."""

    def __init__(self) -> None:
        self.vectors = Vectors()
        self.base = self.vectors.empty
        self.accepted = AcceptedStates()

    def of(self, **items: str) -> Vector:
        return self.vectors.of(items)

    def text(self, had: Vector, wanted: Vector, user: str = "anna") -> str:
        return self.accepted.text(user, had, self.base, wanted, escapes=True).decode()


@pytest.fixture
def states() -> States:
    return States()


def test_what_was_accepted_goes_in_a_block(states: States) -> None:
    mine = states.of(work_mem="9MB")
    assert states.text(states.base, mine) == ""
    states.accepted.add("anna", mine)
    told = states.text(states.base, mine)
    assert told == (
        "BEGIN ISOLATION LEVEL READ COMMITTED; "
        "SELECT pg_catalog.set_config('work_mem', '9MB', false) IS NULL; COMMIT"
    )
    assert states.text(states.base, mine) == told
    assert "'app.x', NULL" in states.text(states.vectors.of({"app.x": "1"}), mine)
    assert states.text(states.base, mine, "bert") == "", "another role was not asked"


def test_what_was_refused_or_held_for_other_defaults_is_confirmed_anew(states: States) -> None:
    mine, other = states.of(a="1"), states.of(a="2")
    for one in (mine, other):
        states.accepted.add("anna", one)
    states.accepted.remove("anna", mine)
    assert states.text(states.base, mine) == ""
    assert states.text(states.base, other)
    states.accepted.clear()
    assert states.text(states.base, other) == ""


def test_rights_are_always_confirmed(states: States) -> None:
    mine, role = states.of(work_mem="9MB"), states.of(role="part")
    for one in (mine, role, states.base):
        states.accepted.add("anna", one)
    assert states.text(states.base, role) == ""
    assert states.text(role, mine) == ""
    assert states.text(role, states.base) == ""


def test_what_is_prepared_by_sql_is_confirmed(states: States) -> None:
    statement = SqlStatement("s", "PREPARE s AS SELECT 1", states.base.parse_key)
    prepared = states.vectors.statements(frozenset({statement}))
    mine = states.vectors.of({}, prepared)
    both = states.vectors.of({"work_mem": "9MB"}, prepared)
    for one in (mine, both, states.base):
        states.accepted.add("anna", one)
    assert states.text(states.base, mine) == ""
    assert states.text(states.base, both) == ""
    assert states.text(mine, states.base) == "", "it is dropped"
    assert states.text(mine, both)


def test_long_values_are_confirmed_and_not_kept(states: States) -> None:
    long = states.of(a="x" * (VALUES_CHARACTERS_MAX + 1))
    states.accepted.add("anna", long)
    assert states.text(states.base, long) == ""
    mine = states.of(b="1")
    states.accepted.add("anna", mine)
    assert states.text(long, mine)
    assert states.text(long, mine), "made each time"


def test_what_is_kept_is_bounded(states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riding, "STATES_MAX", 4)
    mine = states.of(work_mem="9MB")
    states.accepted.add("anna", mine)
    for number in range(6):
        assert states.text(states.vectors.of({"app.x": str(number)}), mine)
    for number in range(3):
        states.accepted.add("anna", states.of(a=str(number)))
    assert states.text(states.base, mine)
    states.accepted.add("anna", states.of(a="one more"))
    assert states.text(states.base, mine) == "", "the table has started anew"
    assert STATES_MAX > 4
