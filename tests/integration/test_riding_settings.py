"""A client in another state than its server connection: what that costs, and that it is safe.

One server connection for all, and a proxy behind the gateway that counts round trips.
"""

from collections.abc import Iterator

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ConnectionEndedError, ScriptedClient
from tests.support.target import Target
from tests.support.turns import TurnCounter

pytestmark = pytest.mark.gateway

UNNAMED = (p.parse("SELECT 1"), p.bind(), p.describe("P"), p.execute(), p.sync())
NAMED = (p.bind(statement="mine"), p.execute(), p.sync())
AT_ONCE = {
    "a query": (p.query("SELECT 1"),),
    "several statements": (p.query("SELECT 1; SELECT 2"),),
    "the extended protocol": UNNAMED,
    "two statements and one Sync": (*UNNAMED[:-1], *UNNAMED),
    "a prepared statement": NAMED,
    "BEGIN": (p.query("BEGIN"),),
    "nothing": (p.query(""),),
    "an error": (p.query("SELECT 1/0"),),
    "a text that is none": (p.parse("SELECT 1/0"), p.bind(), p.execute(), p.sync()),
    "VACUUM": (p.query("VACUUM pg_catalog.pg_range"),),
}
CONFIRMED_FIRST = {
    "COMMIT": (p.query("COMMIT"),),
    "ROLLBACK": (p.query("; /* x */ Rollback; SELECT 1"),),
    "END": (p.parse("END"), p.bind(), p.execute(), p.sync()),
    "ROLLBACK TO": (p.query("ROLLBACK TO a"),),
    "PREPARE TRANSACTION": (p.query("PREPARE TRANSACTION 'a'"),),
    "two queries": (p.query("SELECT 1"), p.query("SELECT 2")),
    "two Syncs": (*UNNAMED, *UNNAMED),
}


class Bench:
    """Two clients in two states, and the counter."""

    def __init__(self, counter: TurnCounter, door: Target) -> None:
        self.counter = counter
        self.door = door
        self.one = ScriptedClient.login(door)
        self.other = ScriptedClient.login(door)
        self.one.query("SET work_mem = '9MB'; SET search_path = mine")
        self.one.extended(p.parse("SELECT 1", "mine"))
        self.turns(self.other, p.query("SELECT 1"))

    def turns(self, client: ScriptedClient, *parts: bytes) -> int:
        """Round trips that a request takes."""
        self.counter.turns()
        client.send(*parts)
        client.read_until("Z", sum(part[0] in b"QS" for part in parts))
        return self.counter.turns()

    def close(self) -> None:
        self.one.close()
        self.other.close()


@pytest.fixture(scope="module")
def counted(cluster: PostgresCluster) -> Iterator[tuple[TurnCounter, Gateway]]:
    with TurnCounter(cluster.port) as counter:
        uri = f"postgresql://app@127.0.0.1:{counter.port}/app"
        gateway = Gateway(cluster, ("--budget", "1"), uri=uri)
        try:
            gateway.start()
            with ScriptedClient.login(gateway.target("transaction")) as client:
                client.query("SELECT 1")
                gateway.wait_for_catalogs()
            yield counter, gateway
        finally:
            gateway.destroy()


@pytest.fixture
def bench(counted: tuple[TurnCounter, Gateway]) -> Iterator[Bench]:
    counter, gateway = counted
    one = Bench(counter, gateway.target("transaction"))
    yield one
    one.close()
    assert "Traceback" not in gateway.log(), gateway.log()


@pytest.mark.parametrize("request_", AT_ONCE)
def test_another_state_costs_no_round_trip(bench: Bench, request_: str) -> None:
    assert bench.turns(bench.one, *AT_ONCE[request_]) == 1
    if bench.one.status == "T":
        assert bench.one.value("SHOW work_mem") == "9MB"
        bench.one.query("COMMIT")
    assert bench.turns(bench.other, *AT_ONCE["a query"]) == 1
    assert bench.other.value("SHOW work_mem") == "4MB"
    assert bench.one.value("SHOW work_mem") == "9MB"


@pytest.mark.parametrize("request_", CONFIRMED_FIRST)
def test_what_might_end_a_failed_block_waits_for_its_settings(bench: Bench, request_: str) -> None:
    assert bench.turns(bench.one, *CONFIRMED_FIRST[request_]) == 2


def test_the_state_that_is_there_costs_nothing(bench: Bench) -> None:
    bench.turns(bench.one, p.query("SELECT 1"))
    assert bench.turns(bench.one, p.query("SELECT 1")) == 1
    assert bench.turns(bench.one, *CONFIRMED_FIRST["two queries"]) == 1


def test_a_value_is_confirmed_once(bench: Bench) -> None:
    """The first client of a name is told what holds for it: that asks the server."""
    bench.counter.turns()
    name = f"new {id(bench)}"
    with (
        ScriptedClient.login(bench.door, application_name=name) as first,
        ScriptedClient.login(bench.door, application_name=name) as second,
    ):
        assert bench.counter.turns() == 1
        bench.turns(bench.other, p.query("SELECT 1"))
        for client in (first, second):
            assert bench.turns(client, p.query("SELECT 1")) == 1


def test_a_role_is_confirmed_each_time(bench: Bench, cluster: PostgresCluster) -> None:
    cluster.admin("DROP ROLE IF EXISTS rider; CREATE ROLE rider; GRANT rider TO app")
    bench.one.query("SET ROLE rider")
    bench.other.query("SELECT 1")
    for _ in range(2):
        assert bench.turns(bench.one, p.query("SELECT 1")) == 2
        assert bench.one.value("SELECT current_user") == "rider"
        assert bench.turns(bench.other, p.query("SELECT 1")) == 2
        assert bench.other.value("SELECT current_user") == "app"


REFUSED = {
    "a query": (p.query("INSERT INTO witness VALUES (current_setting('app.mine'))"),),
    "BEGIN": (p.query("BEGIN; INSERT INTO witness VALUES ('in a block'); COMMIT"),),
    "extended": (
        p.parse("INSERT INTO witness VALUES (current_setting('app.mine'))"),
        p.bind(),
        p.execute(),
        p.sync(),
    ),
    "prepared": (p.bind(statement="writes"), p.execute(), p.sync()),
    "a call": (p.query("DO $$ BEGIN INSERT INTO witness VALUES ('called'); END $$"),),
}


@pytest.mark.parametrize("request_", REFUSED)
def test_nothing_runs_where_a_value_is_refused_that_was_accepted_before(
    bench: Bench, cluster: PostgresCluster, request_: str
) -> None:
    cluster.admin(
        "DROP TABLE IF EXISTS witness; CREATE TABLE witness (seen text); "
        "GRANT ALL ON witness TO app; "
        "CREATE TEXT SEARCH CONFIGURATION passing (COPY = simple)",
        database="app",
    )
    one, other = bench.one, bench.other
    one.query("SET app.mine = 'one'; SET default_text_search_config = 'public.passing'")
    one.extended(p.parse("INSERT INTO witness VALUES (current_setting('app.mine'))", "writes"))
    other.query("SELECT 1")
    assert bench.turns(one, p.query("SHOW default_text_search_config")) == 1
    other.query("SET app.mine = 'other'")
    other.query("SELECT 1")
    cluster.admin("DROP TEXT SEARCH CONFIGURATION passing", database="app")

    one.send(*REFUSED[request_])
    with pytest.raises(ConnectionEndedError) as ended:
        one.read_until("Z")
    assert errors(ended.value.messages) == ["22023"], "what the server says of the value"
    assert rows(other.query("SELECT seen FROM witness")) == []
    assert other.value("SHOW app.mine") == "other"
    assert bench.turns(other, p.query("SELECT 1")) == 1
