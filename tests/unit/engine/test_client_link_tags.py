"""A Query goes on without being kept where no tag can be in it, also where tags say lanes."""

import pytest

from pglane.config.lanes import LaneSettings
from tests.support.engine_rig import READY, message, query
from tests.unit.engine.test_database import DONE

BULK = LaneSettings("bulk", door="transaction", rank=1)
IN_BLOCK = message(b"Z", b"T")
LONG = "SELECT '" + "x" * 5000 + "'"


@pytest.fixture
def pair(rigs):
    rig = rigs(budget=1, lanes=(BULK,))
    client, server = rig.pair()
    client.lane = lambda: rig.worker.clients[1].lease.lane.name
    return client, server


def asked(client, server, text: str) -> str:
    """The lane that a Query was served in."""
    client.send(query(text))
    assert server.gets(text[-8:].encode()) == query(text)
    lane: str = client.lane()
    server.send(DONE)
    client.gets(READY)
    return lane


@pytest.mark.parametrize(
    "tagged", ["SELECT 1 /*lane='bulk'*/", "/*lane='bulk'*/ SELECT 1", LONG + "/*lane='bulk'*/"]
)
def test_a_tag_counts_for_its_own_statement_only(pair, tagged: str) -> None:
    client, server = pair
    own = asked(client, server, "SELECT 1")
    assert own != "bulk"
    assert asked(client, server, tagged) == "bulk"
    assert asked(client, server, "SELECT 2") == own
    assert asked(client, server, "sel*/ct") == own


@pytest.mark.parametrize("text", ["BEGIN", "begin", " BEGIN", "Start Transaction"])
def test_a_begin_is_never_sent_on_before_its_statement(pair, text: str) -> None:
    client, server = pair
    asked(client, server, "SELECT 1")
    client.send(query(text))
    client.gets(IN_BLOCK)
    assert not server.look()


@pytest.mark.parametrize("text", ["b", "s", "STOP", "BELOW"])
def test_what_only_looks_like_one_is_sent_on(pair, text: str) -> None:
    client, server = pair
    asked(client, server, text)
