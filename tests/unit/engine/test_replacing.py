"""Server connections of one database that are given up."""

from pglane.engine.replacing import close_idle, links, reconnect
from tests.support.engine_rig import READY, Rig, query

TERMINATE = b"X\x00\x00\x00\x04"


def test_those_that_are_free_are_closed(rig: Rig) -> None:
    client, server = rig.pair()
    database = rig.worker.database("app")
    assert [link.process_id for link in links(database)] == [42]
    close_idle(database, suspect_only=True)
    rig.turn(2)
    assert not server.look()
    close_idle(database)
    server.gets(TERMINATE)
    assert not client.look()


def test_those_in_use_are_replaced_when_released(rig: Rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    reconnect(rig.worker.database("app"))
    rig.turn(2)
    assert not server.look()
    server.send(b"C\x00\x00\x00\x0dSELECT 1\0" + READY)
    client.gets(READY)
    server.gets(TERMINATE)
