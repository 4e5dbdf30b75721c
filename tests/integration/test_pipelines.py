"""Reads of several clients share a server connection, and nobody can tell by what it gets.

One client holds the only server connection (or both) while others ask: as soon as it is free, the
first of them has it and the others follow.
"""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]
MADE = """
CREATE TABLE goods (id int PRIMARY KEY, name text);
INSERT INTO goods SELECT n, 'good ' || n FROM generate_series(0, 999) n;
CREATE TABLE locked (id int);
CREATE TABLE changing (id int);
ALTER TABLE changing OWNER TO app;
CREATE TABLE seen (id int);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT CREATE ON SCHEMA public TO app;
"""
NOTES = "INSERT INTO seen VALUES (9) RETURNING 9"
DEPTH = 8
LEARNED = 150
"""Short leases after which a lane is known to read little."""
TRIED_S = 30.0
"""On a busy machine a read may take so long that none is sent on behind it."""


def _gateway(cluster: PostgresCluster, budget: int, depth: int = DEPTH) -> Iterator[Gateway]:
    name = f"shared_{budget}_{depth}"
    cluster.admin(f"CREATE DATABASE {name}")
    cluster.admin(MADE, database=name)
    settings = {"server": {"pipeline_depth": depth, "budget": budget}}
    one = Gateway(cluster, settings=settings, uri=cluster.uri_without_secret(database=name))
    try:
        one.start()
        with ScriptedClient.login(one.target("transaction", database=name)) as client:
            for _ in range(LEARNED):
                client.query("SELECT 1")
            one.wait_for_catalogs(name)
        yield one
        assert "Traceback" not in one.log(), one.log()
    finally:
        one.destroy()


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    yield from _gateway(cluster, 1)


@pytest.fixture(scope="module")
def pair(cluster: PostgresCluster) -> Iterator[Gateway]:
    yield from _gateway(cluster, 2)


def counted(gateway: Gateway) -> int:
    """How many reads followed others."""
    found = [row for row in gateway.show("STATS_TOTALS") if row["database"].startswith("shared")]
    return int(found[0]["pipelined_count"])


class Crowd:
    """Clients that ask while all server connections are held."""

    def __init__(self, gateway: Gateway, held: int = 1) -> None:
        self.gateway = gateway
        self.database = f"shared_{held}_{DEPTH}"
        self._held = held
        self._open: list[ScriptedClient | psycopg.Connection[Any]] = []
        self.before = counted(gateway)

    def client(self, door: str = "transaction") -> ScriptedClient:
        one = ScriptedClient.login(self.gateway.target(door, database=self.database))
        self._open.append(one)
        return one

    def asks(self, *requests: bytes) -> list[ScriptedClient]:
        """Each request by a client of its own, one after the other."""
        clients = [self.client() for _ in requests]
        self.asks_by(*zip(clients, requests, strict=True))
        return clients

    def asks_by(self, *asked: tuple[ScriptedClient, bytes]) -> None:
        """Each of these, one after the other, while all server connections are held."""
        holders = [self.client() for _ in range(self._held)]
        for one in holders:
            one.query("BEGIN")
        for number, (one, request) in enumerate(asked, 1):
            one.send(request)
            eventually(lambda n=number: len(self.gateway.show("QUEUE")) == n, what="it waits")
        for one in holders:
            one.query("COMMIT")

    def followed(self) -> int:
        return counted(self.gateway) - self.before

    def follows(self, ask: Callable[[], None]) -> None:
        """It asks, and again until somebody followed."""
        eventually(lambda: ask() or self.followed(), within_s=TRIED_S, what="somebody followed")

    def keeps(self, other: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
        """It is closed with the others, whatever happens."""
        self._open.append(other)
        return other

    def close(self) -> None:
        for one in self._open:
            one.close()


def begins_anew(gateway: Gateway, database: str) -> None:
    """No lane has a pause, or is thought to be slow, by what another test did."""
    with ScriptedClient.login(gateway.target("transaction", database=database)) as client:
        for _ in range(LEARNED):
            client.query("SELECT 1")
    before = gateway.log().count("reloaded")
    gateway.hang_up()
    eventually(lambda: gateway.log().count("reloaded") > before, what="the settings are read")


@pytest.fixture
def crowd(gateway: Gateway) -> Iterator[Crowd]:
    begins_anew(gateway, f"shared_1_{DEPTH}")
    one = Crowd(gateway)
    yield one
    one.close()


@pytest.fixture
def crowd_of_two(pair: Gateway) -> Iterator[Crowd]:
    begins_anew(pair, f"shared_2_{DEPTH}")
    one = Crowd(pair, held=2)
    yield one
    one.close()


def simple(number: int) -> bytes:
    return p.query(f"SELECT name FROM goods WHERE id = {number}")


def extended(number: int) -> bytes:
    text = "SELECT name FROM goods WHERE id = $1"
    value = str(number).encode()
    run = p.describe("P") + p.execute() + p.sync()
    return p.parse(text) + p.bind(values=(value,)) + run


def run_prepared(number: int) -> bytes:
    return p.bind((str(number).encode(),), "s") + p.execute() + p.sync()


def answers(clients: list[ScriptedClient]) -> list[list[tuple[str | None, ...]]]:
    return [rows(one.read_until()) for one in clients]


def goods(*numbers: int) -> list[list[tuple[str | None, ...]]]:
    return [[(f"good {number}",)] for number in numbers]


@pytest.mark.parametrize("ask", [simple, extended])
def test_each_gets_its_own(crowd: Crowd, ask) -> None:
    def all_ask() -> None:
        numbers = random.sample(range(1000), DEPTH + 4)
        assert answers(crowd.asks(*map(ask, numbers))) == goods(*numbers)

    crowd.follows(all_ask)


def test_what_was_prepared_is_run_behind_others(crowd: Crowd) -> None:
    """Here too, where the server connection has it already."""
    clients = [crowd.client() for _ in range(5)]
    for one in clients[1::2]:
        one.send(p.parse("SELECT name FROM goods WHERE id = $1", "s") + p.sync())
        one.read_until()
        one.send(run_prepared(1))
        one.read_until()

    def all_ask() -> None:
        asked = [simple(5), run_prepared(6), extended(7), run_prepared(8), simple(9)]
        crowd.asks_by(*zip(clients, asked, strict=True))
        assert answers(clients) == goods(5, 6, 7, 8, 9)

    crowd.follows(all_ask)


def test_an_error_is_of_one_only(crowd: Crowd) -> None:
    fails = p.query("SELECT 1 / (id - 5) FROM goods WHERE id = 5")
    fails_extended = p.parse("SELECT id / $1::int FROM goods") + p.bind(values=(b"0",))
    nonsense = p.parse("SELECT name FROM goods WHERE id = $1") + p.bind(values=(b"many",))
    rest = p.describe("P") + p.execute() + p.sync()
    asked = [simple(1), fails, extended(2), fails_extended + rest, simple(3), nonsense + rest]

    def all_ask() -> None:
        got = [one.read_until() for one in crowd.asks(*asked, simple(4))]
        assert [errors(one) for one in got] == [[], ["22012"], [], ["22012"], [], ["22P02"], []]
        assert [rows(got[at]) for at in (0, 2, 4, 6)] == goods(1, 2, 3, 4)

    crowd.follows(all_ask)


def test_a_write_between_reads_has_the_connection_to_itself(crowd: Crowd) -> None:
    crowd.client().query("TRUNCATE seen")
    writes = p.query("INSERT INTO seen VALUES (1)")
    reads = p.query("SELECT count(*) FROM seen")
    clients = crowd.asks(reads, reads, writes, reads, reads, writes, reads)
    got = [rows(one.read_until()) for one in clients]
    assert [one[0][0] for one in got if one] == ["0", "0", "1", "1", "2"]


def test_who_follows_what_waits_for_a_lock_is_served_elsewhere(
    crowd_of_two: Crowd, cluster: PostgresCluster
) -> None:
    crowd = crowd_of_two

    def all_ask() -> None:
        with cluster.connect(crowd.database) as keeper:
            keeper.execute("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            asked = [p.query("SELECT id FROM locked"), *map(simple, range(1, 5))]
            stuck, *others = crowd.asks(*asked)
            assert answers(others) == goods(1, 2, 3, 4)
            assert cluster.activity("wait_event_type = 'Lock' AND query LIKE '%FROM locked%'")
            keeper.execute("ROLLBACK")
        assert errors(stuck.read_until()) == []
        assert all(one.value("SELECT 1") == "1" for one in (stuck, *others))

    crowd.follows(all_ask)


def behind_a_lock(crowd: Crowd, cluster: PostgresCluster, *asked: bytes):
    """A read that waits for a lock, and what follows it, for a moment."""
    keeper = crowd.keeps(cluster.connect(crowd.database))
    keeper.execute("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
    clients = crowd.asks(p.query("SELECT id FROM locked"), *asked)
    eventually(
        lambda: cluster.activity("wait_event_type = 'Lock' AND query LIKE '%FROM locked%'"),
        what="the first waits",
    )
    return keeper, clients


def test_a_cancel_hits_its_own(crowd: Crowd, cluster: PostgresCluster) -> None:
    keeper, (stuck, *others) = behind_a_lock(crowd, cluster, *map(simple, range(1, 5)))
    stuck.cancel()
    assert errors(stuck.read_until()) == ["57014"]
    assert answers(others) == goods(1, 2, 3, 4)
    keeper.close()


def test_a_cancel_of_one_that_follows(crowd: Crowd, cluster: PostgresCluster) -> None:
    keeper, (stuck, first, second, third) = behind_a_lock(
        crowd, cluster, *map(simple, range(1, 4))
    )
    second.cancel()
    assert errors(second.read_until()) == ["57014"]
    keeper.close()
    assert errors(stuck.read_until()) == []
    assert answers([first, third]) == goods(1, 3)
    assert second.value("SELECT 5") == "5"


@pytest.mark.parametrize("who", [0, 1, 2])
def test_one_that_goes_takes_nobody_with_it(
    crowd: Crowd, cluster: PostgresCluster, who: int
) -> None:
    keeper, clients = behind_a_lock(crowd, cluster, simple(1), simple(2), simple(3))
    clients.pop(who).close()
    keeper.close()
    got = [one.read_until() for one in clients]
    assert [errors(one) for one in got] == [[], [], []]
    expected = [[], *goods(1, 2, 3)]
    del expected[who]
    assert [rows(one) for one in got] == expected


def test_nobody_is_lost_with_the_connection(crowd: Crowd, cluster: PostgresCluster) -> None:
    keeper, (stuck, *others) = behind_a_lock(crowd, cluster, *map(simple, range(1, 5)))
    (backend,) = cluster.activity("wait_event_type = 'Lock' AND query LIKE '%FROM locked%'")
    cluster.admin(f"SELECT pg_terminate_backend({backend[0]})")
    with pytest.raises(ConnectionEndedError):
        while True:
            stuck.read_message()
    assert answers(others) == goods(1, 2, 3, 4)
    keeper.close()


def test_more_is_sent_while_it_follows(crowd: Crowd) -> None:
    clients = crowd.asks(simple(1), simple(2) + simple(3), simple(4), extended(5) + simple(6))
    got = [rows(one.read_until()) for one in clients]
    got += [rows(clients[at].read_until()) for at in (1, 3)]
    assert got == goods(1, 2, 4, 5, 3, 6)


def test_large_answers_do_not_mix(crowd: Crowd) -> None:
    large = p.query("SELECT repeat('x', 100000), id FROM goods ORDER BY id LIMIT 30")
    clients = crowd.asks(simple(1), large, simple(2), large, simple(3))
    assert answers([clients[4], clients[2], clients[0]]) == goods(3, 2, 1)
    for one in (clients[1], clients[3]):
        assert [int(row[1] or 0) for row in rows(one.read_until())] == list(range(30))


def test_what_becomes_a_view_runs_once(crowd: Crowd) -> None:
    maker = crowd.client("session")
    for text in (
        "DROP TABLE changing",
        f"CREATE FUNCTION notes() RETURNS int LANGUAGE sql AS '{NOTES}'",
        "CREATE VIEW changing AS SELECT notes() AS id",
        "DELETE FROM seen",
    ):
        assert not errors(maker.query(text))
    maker.close()
    reads = p.query("SELECT id FROM changing")
    clients = crowd.asks(simple(1), reads, simple(2), reads, simple(3))
    assert answers(clients) == [*goods(1), [("9",)], *goods(2), [("9",)], *goods(3)]
    assert crowd.client().value("SELECT count(*) FROM seen") == "2"


def test_what_becomes_a_view_around_the_gateway_may_run_twice(
    crowd: Crowd, cluster: PostgresCluster
) -> None:
    """Until the catalogs are read again its name is that of a table, which is read and no more."""
    around = crowd.keeps(cluster.connect(crowd.database))
    around.execute(f"CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS '{NOTES}'")
    reads = p.query("SELECT id FROM moved")

    def runs_twice() -> bool:
        around.execute("DROP VIEW IF EXISTS moved")
        around.execute("CREATE TABLE moved (id int); GRANT ALL ON moved TO app; DELETE FROM seen")
        crowd.follows(lambda: answers(crowd.asks(simple(1), reads)))
        keeper, (stuck, *others) = behind_a_lock(crowd, cluster, reads, reads)
        around.execute("DROP TABLE moved; CREATE VIEW moved AS SELECT writes() AS id")
        around.execute("GRANT SELECT ON moved TO app")
        keeper.close()
        assert answers([stuck]) == [[]]
        answers(others)
        ((count,),) = around.execute("SELECT count(*) FROM seen").fetchall()
        return count > len(others)

    eventually(runs_twice, within_s=TRIED_S, what="a read wrote twice")


def test_other_settings_are_never_met(crowd: Crowd) -> None:
    """Applications take turns, so each is the next behind the other."""
    target = crowd.gateway.target("transaction", database=crowd.database)
    options = "-c application_name=french -c DateStyle=SQL"
    french = [ScriptedClient.login(target, options=options) for _ in range(3)]
    plain = [crowd.client() for _ in range(3)]
    shows = p.query("SELECT name, date '2024-02-01' FROM goods WHERE id = 1")
    crowd.asks_by(*((one, shows) for pair in zip(plain, french, strict=True) for one in pair))
    assert answers(plain) == [[("good 1", "2024-02-01")]] * 3
    assert answers(french) == [[("good 1", "02/01/2024")]] * 3
    for one in french:
        one.close()


def test_a_load_of_all_kinds(gateway: Gateway, crowd: Crowd) -> None:
    """Many at once, for a while; each compares what it gets with what it asked for."""
    wrong: list[object] = []

    def works(number: int) -> None:
        chance = random.Random(number)
        try:
            with ScriptedClient.login(
                gateway.target("transaction", database=f"shared_1_{DEPTH}")
            ) as client:
                for _ in range(150):
                    wanted = chance.randrange(1000)
                    ask = chance.choice((simple, extended))
                    client.send(ask(wanted))
                    got = rows(client.read_until())
                    if got != [(f"good {wanted}",)]:
                        wrong.append((wanted, got))
                    if chance.random() < 0.05:
                        client.query("BEGIN")
                        client.query("INSERT INTO seen VALUES (1)")
                        client.query("ROLLBACK")
        except Exception as error:  # noqa: BLE001 -- told below
            wrong.append(error)

    def all_work() -> None:
        threads = [threading.Thread(target=works, args=(number,)) for number in range(12)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert not wrong

    crowd.follows(all_work)


def test_a_depth_of_nothing_ends_them_while_clients_read(gateway: Gateway, crowd: Crowd) -> None:
    settings = {"pipeline_depth": 0, "budget": 1}
    gateway.reload_with({"server": settings})
    eventually(lambda: "reloaded" in gateway.log(), what="the settings are read")
    try:
        assert answers(crowd.asks(*map(simple, range(6)))) == goods(*range(6))
        assert crowd.followed() == 0
    finally:
        gateway.reload_with({"server": {**settings, "pipeline_depth": DEPTH}})
