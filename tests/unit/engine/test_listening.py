"""Who hears through which connection."""

import pytest

from pglane.engine.questions import snapshot_rows
from tests.support.engine_rig import LOGIN_ANSWER, READY, STARTUP, error, query
from tests.support.listening import LISTENED, UNLISTENED, barrier, goes_on, listens, notification

SERVER_PROCESS_ID = 42


def test_each_role_hears_through_its_own_connection(rigs) -> None:
    rig = rigs(budget=4)
    one, one_at = rig.pair()
    two, two_at = rig.pair(user="berta")
    first, second = listens(rig, one, one_at), listens(rig, two, two_at)
    first.send(notification("a", "first"))
    second.send(notification("a", "second"))
    assert b"second" not in one.gets(b"first")
    assert b"first" not in two.gets(b"second")


def test_clients_of_one_role_share_it(rigs) -> None:
    rig = rigs(budget=1)
    one, server = rig.pair()
    shared = listens(rig, one, server)
    two = rig.client()
    two.gets(READY)
    two.send(query("LISTEN a"))
    barrier(shared)
    server.gets(b"LISTEN a")
    server.send(LISTENED)
    barrier(shared)
    two.gets(READY)
    shared.send(notification("a", "both"))
    for client in (one, two):
        client.gets(b"both")
    assert rig.nobody_connects()


def test_so_many_and_no_more_unless_one_is_unused(rigs) -> None:
    rig = rigs(budget=4, listeners_max=1)
    one, one_at = rig.pair()
    two, two_at = rig.pair(user="berta")
    shared = listens(rig, one, one_at)
    two.send(query("LISTEN a"))
    two_at.gets(b"pglane refuses")
    two_at.send(error("42601") + READY)
    assert b"PGL0451" in two.gets(READY)
    one.send(query("UNLISTEN *"))
    one_at.gets(b"UNLISTEN *")
    one_at.send(UNLISTENED)
    barrier(shared)
    one.gets(READY)
    listens(rig, two, two_at)
    shared.ends()


@pytest.mark.parametrize("known", [True, False])
def test_the_notifier_is_known_if_its_text_notified(rig, known: bool) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    other = rig.client()
    other.gets(READY)
    other.send(query("NOTIFY a" if known else "INSERT INTO t VALUES (1)"))
    server.gets(b"a" if known else b"INSERT")
    shared.send(notification("a", "x", SERVER_PROCESS_ID))
    process_ids = [each.process_id for each in rig.worker.clients.values()]
    told = process_ids[1] if known else process_ids[0]
    client.gets(notification("a", "x", told))


def test_an_outsider_keeps_its_process_id_unless_a_client_has_it(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    link = next(iter(rig.worker.clients.values()))
    shared.send(notification("a", "x", 12345) + notification("a", "y", link.process_id))
    client.gets(notification("a", "x", 12345) + notification("a", "y", 0))


def test_a_listener_that_failed_is_made_anew(rig) -> None:
    client, server = rig.pair()
    for _ in range(2):
        client.send(query("LISTEN a"))
        shared = rig.accept()
        shared.gets(STARTUP)
        shared.send(error("53300", "FATAL"))
        server.gets(b"pglane refuses")
        server.send(error("42601") + READY)
        client.gets(READY)
    client.send(query("LISTEN a"))
    shared = rig.accept()
    shared.gets(STARTUP)
    shared.send(LOGIN_ANSWER)
    goes_on(client, server, shared)


def test_the_console_shows_it(rig) -> None:
    client, server = rig.pair()
    shared = listens(rig, client, server)
    (row,) = [row for row in snapshot_rows(rig.worker, "servers") if row["state"] == "listening"]
    assert (row["application_name"], row["remote_pid"]) == ("pglane listening", 42)
    shared.socket.close()
    rig.until(lambda: rig.logged("listening_lost"))
    assert [row["state"] for row in snapshot_rows(rig.worker, "servers")] == ["idle", "new"]
