"""Exporters made for PgBouncer find what they ask for, under the same names, with true figures."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support.gateway import Gateway
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

EXPORTER_NUMBERS = {
    "databases": "pool_size reserve_pool max_connections current_connections paused disabled",
    "stats_totals": "query_count query_time bytes_received bytes_sent wait_time xact_count "
    "xact_time client_parse_count server_parse_count bind_count",
    "pools": "cl_active cl_active_cancel_req cl_waiting cl_waiting_cancel_req sv_active "
    "sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait",
}
"""What the Prometheus exporter for PgBouncer reads as numbers, by the word behind SHOW."""
EXPORTER_LABELS = {
    "databases": "name host port database force_user pool_mode",
    "stats_totals": "database",
    "pools": "database user",
}
EXPORTER_LISTS = (
    "databases users pools free_clients used_clients login_clients free_servers used_servers "
    "dns_names dns_zones dns_queries"
)
EXPORTER_SETTINGS = "max_client_conn max_user_connections"
KNOWN_TO_BOTH = (
    "DATABASES USERS STATS STATS_TOTALS STATS_AVERAGES TOTALS CONFIG LISTS MEM SOCKETS "
    "ACTIVE_SOCKETS POOLS CLIENTS SERVERS DNS_HOSTS DNS_ZONES VERSION"
).split()


@pytest.fixture(scope="module")
def one(cluster: PostgresCluster) -> Iterator[Gateway]:
    """A gateway of this module's own, so that its figures are ours."""
    gateway = Gateway(cluster, ("--budget", "3"))
    try:
        yield gateway.start()
    finally:
        gateway.destroy()


@pytest.fixture(scope="module")
def bouncer(cluster: PostgresCluster) -> Iterator[PgBouncer]:
    if not PROGRAM.exists():
        pytest.skip("PgBouncer is not installed")
    started = PgBouncer(cluster, "transaction", 2)
    try:
        yield started.start()
    finally:
        started.stop()


def told(uri: str, what: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Column names and rows of a SHOW, by the simple protocol as the exporter does it."""
    with psycopg.connect(uri, autocommit=True, row_factory=dict_row) as console:
        cursor = psycopg.ClientCursor(console, row_factory=dict_row)
        cursor.execute(f"SHOW {what};".encode())
        assert cursor.description is not None
        return [column.name for column in cursor.description], cursor.fetchall()


@pytest.mark.parametrize("what", KNOWN_TO_BOTH)
def test_every_column_of_pgbouncer_is_there(one: Gateway, bouncer: PgBouncer, what: str) -> None:
    theirs, _ = told(bouncer.target(database="pgbouncer").uri(), what)
    ours, _ = told(one.target("transaction", database="pglane").uri(), what)
    missing = [name for name in theirs if name not in ours]
    assert not missing
    positions = [ours.index(name) for name in theirs]
    assert positions == sorted(positions), "in another order"


@pytest.mark.parametrize("what", ["LISTS", "TOTALS"])
def test_every_row_of_pgbouncer_is_there(one: Gateway, bouncer: PgBouncer, what: str) -> None:
    names, rows = told(bouncer.target(database="pgbouncer").uri(), what)
    _, ours = told(one.target("transaction", database="pglane").uri(), what)
    here = {row[names[0]] for row in ours}
    assert not [row[names[0]] for row in rows if row[names[0]] not in here]


def test_the_exporter_finds_its_figures(one: Gateway) -> None:
    uri = one.target("session", database="pglane").uri()
    with psycopg.connect(one.uri("transaction")) as client:
        client.execute("SELECT 1")
        for what, names in EXPORTER_NUMBERS.items():
            columns, rows = told(uri, what)
            assert rows, what
            assert not set(EXPORTER_LABELS[what].split()) - set(columns)
            for row in rows:
                for name in names.split():
                    assert float(row[name]) >= 0, name
    _, lists = told(uri, "LISTS")
    items = {row["list"]: float(row["items"]) for row in lists}
    assert not set(EXPORTER_LISTS.split()) - set(items)
    columns, settings = told(uri, "CONFIG")
    assert columns == ["key", "value", "default", "changeable"]
    values = {row["key"]: row["value"] for row in settings}
    for name in EXPORTER_SETTINGS.split():
        assert float(values[name]) >= 0
    _, (version,) = told(uri, "VERSION")
    assert version["version"]


def totals(gateway: Gateway) -> dict[str, Any]:
    return next(row for row in gateway.show("STATS_TOTALS") if row["database"] == "app")


def test_what_passes_is_counted(one: Gateway) -> None:
    with psycopg.connect(
        one.uri("transaction"), autocommit=True, prepare_threshold=None
    ) as client:
        client.execute("SELECT 1")
        before = totals(one)
        for _ in range(7):
            client.execute("SELECT 1")
        with client.transaction():
            client.execute("SELECT pg_sleep(0.05)")
        after = totals(one)
    grown = {key: after[key] - before[key] for key in before if key != "database"}
    assert (grown["xact_count"], grown["query_count"]) == (8, 10)
    assert grown["bytes_received"] > 7 * len("SELECT 1")
    assert grown["bytes_sent"] > 10 * len("SELECT 1")
    assert grown["xact_time"] >= grown["query_time"] >= 50_000
    assert grown["server_assignment_count"] == 8


def test_an_old_total_of_another_database_is_its_own(one: Gateway) -> None:
    before = totals(one)
    with psycopg.connect(one.target("transaction", database="other").uri()) as client:
        client.execute("SELECT 1")
        client.commit()
    after = {row["database"]: row for row in one.show("STATS")}
    assert after["app"]["total_query_count"] == before["query_count"]
    assert after["other"]["total_xact_count"] == 1
    assert after["other"]["avg_query_count"] >= 0


def test_memory_and_state_are_told(one: Gateway) -> None:
    memory = {row["name"]: row["memtotal"] for row in one.show("MEM")}
    assert memory["worker"] > 1_000_000
    assert memory["supervisor"] > 1_000_000
    assert 1_000_000 < memory["counted"] < memory["worker"] * 1.2
    assert [row["value"] for row in one.show("STATE")] == ["yes", "no", "no"]
    settings = str(one.show("CONFIG"))
    assert not [secret for secret in PASSWORDS.values() if secret in settings]
