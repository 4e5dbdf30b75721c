"""Answers relayed as they came, in the form in use and in pure form."""

from typing import Any

import pytest

from pglane.connection.subscriptions import Subscriptions
from pglane.wire import client_messages as c, server_messages as s
from tests.support.lease import FORMS, Lease, encoded

READY = s.ReadyForQuery(b"I")
DONE = s.CommandComplete(b"SELECT 1")
ANSWERED = encoded(DONE, READY)
SELECT = c.Query(b"SELECT 1")


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Any:
    return FORMS[request.param]


def counts(lease: Lease) -> dict[str, int]:
    traffic = lease.exchange.traffic
    names = ("queries", "transactions", "parses", "server_parses", "binds")
    return {name: getattr(traffic, name) for name in names}


ASKED = (c.Bind(b"", b""), c.Execute(b""), c.Sync())
COMPLETE = (s.ParseComplete(), s.BindComplete())


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ((SELECT,), (DONE, READY)),
        ((SELECT,), (DONE, s.ReadyForQuery(b"T"))),
        ((c.Parse(b"", b"SELECT 1"), *ASKED), (*COMPLETE, DONE, READY)),
        ((c.Parse(b"s", b"SELECT 1"), c.Sync()), (s.ParseComplete(), READY)),
    ],
)
def test_what_is_relayed_is_taken_as_what_is_received(
    form: Any, asked: tuple[Any, ...], answers: tuple[Any, ...]
) -> None:
    relaying, receiving = Lease(form), Lease(form)
    for lease in (relaying, receiving):
        lease.send(*asked)
    data = encoded(*answers)
    assert relaying.exchange.relays(data, len(data))
    assert receiving.exchange.receive(data) == form.READY
    assert receiving.exchange.to_client == [data]
    assert relaying.exchange.to_client == []
    assert counts(relaying) == counts(receiving)
    for lease in (relaying, receiving):
        assert lease.exchange.outstanding() == 0
        assert lease.exchange.status == data[-1]
        assert all(statement.settled for statement in lease.requests.statements.values())
        assert all(made.complete for made in lease.exchange.statements.all())


def test_a_statement_of_ours_is_complete_too(form: Any) -> None:
    lease = Lease(form)
    made = form.ServerStatement(b"ours_1", form.Shape(b"SELECT 1", b"", None))
    lease.exchange.expect(form.PARSE, made)
    lease.exchange.expect(form.PARSE)
    lease.exchange.expect(form.SYNC)
    data = encoded(s.ParseComplete(), s.ParseComplete(), READY)
    assert lease.exchange.relays(data, len(data))
    assert made.complete


@pytest.mark.parametrize(
    "setting", [{"held": 1}, {"skipping": True}, {"subscriptions": Subscriptions()}]
)
def test_where_more_is_to_be_done_nothing_is_taken(form: Any, setting: dict[str, object]) -> None:
    lease = Lease(form)
    lease.send(SELECT)
    for name, value in setting.items():
        setattr(lease.exchange, name, value)
    assert not lease.exchange.relays(ANSWERED, len(ANSWERED))
    assert lease.exchange.outstanding() == 1


@pytest.mark.parametrize("begin", [encoded(DONE)[:3], encoded(s.DataRow((b"x" * 9,)))[:9]])
def test_the_rest_of_a_message_is_for_who_has_its_beginning(form: Any, begin: bytes) -> None:
    lease = Lease(form)
    lease.send(SELECT)
    assert lease.exchange.receive(begin) == 0
    assert not lease.exchange.relays(ANSWERED, len(ANSWERED))


def test_nothing_is_relayed_where_nothing_is_owed(form: Any) -> None:
    assert not Lease(form).exchange.relays(ANSWERED, len(ANSWERED))
