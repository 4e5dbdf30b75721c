"""What holders do, and in which words it is told."""

import pytest

from pglane.engine.holding import DOING, holders_of, told
from tests.support.engine_rig import READY, message, query
from tests.unit.engine.test_database import DONE

IN_TRANSACTION = READY[:-1] + b"T"
FAILED = READY[:-1] + b"E"


def database_of(rig):
    (database,) = rig.worker.databases.values()
    return database


def begins(client, server, ready=IN_TRANSACTION):
    client.send(query("BEGIN; SELECT 1"))
    server.gets(b"BEGIN")
    server.send(message(b"C", b"BEGIN\0") + ready)
    client.gets(ready)


@pytest.mark.parametrize(
    ("ready", "doing"),
    [(IN_TRANSACTION, "idle in transaction"), (FAILED, "idle in transaction (aborted)")],
)
def test_who_thinks_does_so_since_the_last_answer(rig, ready, doing) -> None:
    client, server = rig.pair()
    rig.later(1.0)
    begins(client, server, ready)
    answered = rig.clock.now
    rig.later(2.0)
    (holder,) = holders_of(database_of(rig))
    assert (holder.doing, holder.since, holder.thinks) == (doing, answered, True)
    assert doing in DOING


def test_who_asks_again_is_active_since_then(rig) -> None:
    client, server = rig.pair()
    begins(client, server)
    rig.later(2.0)
    client.send(query("SELECT 2"))
    server.gets(b"SELECT 2")
    asked = rig.clock.now
    rig.later(0.5)
    (holder,) = holders_of(database_of(rig))
    assert (holder.doing, holder.since, holder.thinks) == ("active", asked, False)
    server.send(DONE)
    client.gets(READY)
    assert holders_of(database_of(rig)) == []


def test_through_the_session_door_one_may_idle_and_through_the_direct_one_nobody_knows(rigs):
    rig = rigs(budget=2)
    client, server = rig.pair("session")
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    server.send(DONE)
    client.gets(READY)
    rig.pair("direct")
    rig.later(1.0)
    doing = sorted(each.doing for each in holders_of(database_of(rig)))
    assert doing == ["idle", "unread"]


def test_a_user_hears_its_own_by_name_and_others_as_a_number(rigs) -> None:
    rig = rigs(budget=2)
    begins(*rig.pair(application_name="shop"))
    rig.later(1.5)
    begins(*rig.pair(user="berta", application_name="secret"))
    rig.later(1.0)
    assert told(database_of(rig), "anna") == (
        "transaction: 2; 2 idle in transaction, for up to 2.5 s; of your user: shop for 2.5 s in "
        "lane transaction:anna (idle in transaction for 2.5 s)"
    )
    stranger = told(database_of(rig), "carla")
    assert stranger == "transaction: 2; 2 idle in transaction, for up to 2.5 s"
    everything = told(database_of(rig))
    assert "secret for 1.0 s in lane transaction:berta" in everything


def test_who_runs_a_statement_is_told_without_a_pause(rig) -> None:
    client, server = rig.pair()
    client.send(query("SELECT pg_sleep(9)"))
    server.gets(b"pg_sleep")
    rig.later(1.0)
    assert told(database_of(rig), "anna") == (
        "transaction: 1; of your user: without a name for 1.0 s in lane transaction:anna"
    )


def test_nobody_holds_anything(rig) -> None:
    rig.pair()
    assert told(database_of(rig), "anna") == "none leased"
