"""Servers and gateways for the integration tests.

PGLANE_TEST_THROUGH says what stands between the tests and PostgreSQL:

=========  ==========================================================================
gateway    (default) the three doors of pglane; a missing gateway is a failure
server     nothing: shows that a test is right about PostgreSQL
pgbouncer  PgBouncer in transaction and in session mode: shows what goes wrong there
=========  ==========================================================================

PGLANE_TEST_SERVERS names the PostgreSQL versions, "18,15" unless told otherwise.
"""

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support.gateway import DOORS, Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

THROUGH = os.environ.get("PGLANE_TEST_THROUGH", "gateway")
SERVERS = os.environ.get("PGLANE_TEST_SERVERS", "18,15").split(",")
PLACES = {
    "gateway": DOORS,
    "server": ("server",),
    "pgbouncer": ("pgbouncer-transaction", "pgbouncer-session"),
}[THROUGH]


_numbers = itertools.count(1)


def _place_of(door: str) -> str:
    """What stands for a door where there is no gateway."""
    if THROUGH == "gateway":
        return door
    if THROUGH == "server" or door == "direct":
        return "server"
    return f"pgbouncer-{door}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gateway: looks at the gateway itself, not only through it")
    config.addinivalue_line(
        "markers", "one_server: what it looks at is the same before each version of PostgreSQL"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what would show nothing, and says how many.

    Without a gateway those are tests of the gateway itself; else those that one version of
    PostgreSQL is enough for, with the others.
    """
    left_out = {item for item in items if _shows_nothing(item)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _shows_nothing(item: pytest.Item) -> bool:
    if THROUGH != "gateway":
        return item.get_closest_marker("gateway") is not None
    call = getattr(item, "callspec", None)
    version = call.params.get("server_version") if call is not None else None
    return item.get_closest_marker("one_server") is not None and version not in (None, SERVERS[0])


@pytest.fixture(scope="session", params=SERVERS, ids=lambda version: f"pg{version}")
def server_version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def cluster(server_version: str) -> Iterator[PostgresCluster]:
    """A server that tests share; nobody stops it."""
    one = PostgresCluster(server_version)
    try:
        yield one.create()
    finally:
        one.destroy()


@pytest.fixture(scope="session")
def _fragile_cluster(server_version: str) -> Iterator[PostgresCluster]:
    one = PostgresCluster(server_version)
    try:
        yield one.create()
    finally:
        one.destroy()


@pytest.fixture
def fragile_cluster(_fragile_cluster: PostgresCluster) -> PostgresCluster:
    """A server that a test may stop, kill and start; it runs when a test begins."""
    return _fragile_cluster.ensure_running()


@pytest.fixture(scope="session")
def _shared_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, options=("--budget", "12"))
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture
def gateway(_shared_gateway: Gateway) -> Iterator[Gateway]:
    """The gateway that tests share; after each test it must be the same worker, unharmed."""
    worker = _shared_gateway.worker_pid
    yield _shared_gateway
    assert _shared_gateway.worker_pid == worker, _shared_gateway.log()
    assert "Traceback" not in _shared_gateway.log(), _shared_gateway.log()


@pytest.fixture(scope="session")
def _narrow_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, options=("--budget", "4"))
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="session")
def _single_gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    """One server connection, and few prepared statements on it: everything is shared."""
    one = Gateway(cluster, ("--budget", "1"), {"server": {"statements_max": 16}})
    try:
        yield one.start()
    finally:
        one.destroy()


@pytest.fixture(scope="session")
def _pgbouncer_of(cluster: PostgresCluster) -> Iterator[Callable[[str, int], PgBouncer]]:
    """Gives the PgBouncer of a mode and a pool size, started when first asked for."""
    running: dict[tuple[str, int], PgBouncer] = {}

    def of(place: str, pool_size: int) -> PgBouncer:
        known = (place, pool_size)
        if known not in running:
            mode = place.removeprefix("pgbouncer-")
            running[known] = PgBouncer(cluster, mode, pool_size).start()
        return running[known]

    yield of
    for one in running.values():
        one.stop()


def _target(
    request: pytest.FixtureRequest,
    cluster: PostgresCluster,
    place: str,
    gateway: str = "gateway",
    pool_size: int = 10,
) -> Target:
    if place == "server":
        return cluster.target()
    if place.startswith("pgbouncer"):
        return request.getfixturevalue("_pgbouncer_of")(place, pool_size).target()
    return request.getfixturevalue(gateway).target(place)


@pytest.fixture(params=PLACES)
def target(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    """Each door in turn. Afterwards no transaction may be left open in the database."""
    yield _target(request, cluster, request.param)
    _expect_no_open_transaction(cluster)


@pytest.fixture
def transaction_door(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    """The transaction door alone."""
    yield _target(request, cluster, _place_of("transaction"))
    _expect_no_open_transaction(cluster)


@pytest.fixture
def single_transaction_door(
    request: pytest.FixtureRequest, cluster: PostgresCluster
) -> Iterator[Target]:
    """The transaction door of a gateway that has one server connection."""
    yield _target(request, cluster, _place_of("transaction"), "_single_gateway", 1)
    _expect_no_open_transaction(cluster)


@pytest.fixture
def direct_door(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    yield _target(request, cluster, _place_of("direct"))
    _expect_no_open_transaction(cluster)


@pytest.fixture(
    params=[door for door in ("session", "direct") if THROUGH != "server" or door == "direct"]
)
def session_door(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    """The doors behind which session state lasts."""
    yield _target(request, cluster, _place_of(request.param))
    _expect_no_open_transaction(cluster)


@pytest.fixture(params=PLACES)
def narrow_target(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    """Each door of a gateway that has four server connections."""
    yield _target(request, cluster, request.param, "_narrow_gateway", 4)
    _expect_no_open_transaction(cluster)


@pytest.fixture(params=PLACES)
def crowded_target(request: pytest.FixtureRequest, cluster: PostgresCluster) -> Iterator[Target]:
    """Each door; behind the transaction door all clients share one server connection."""
    if request.param == "transaction":
        yield _target(request, cluster, request.param, "_single_gateway")
    else:
        yield _target(
            request, cluster, request.param, pool_size=1 if "transaction" in request.param else 10
        )
    _expect_no_open_transaction(cluster)


@pytest.fixture
def two(crowded_target: Target) -> Iterator[tuple[ScriptedClient, ScriptedClient]]:
    """Two clients there."""
    with (
        ScriptedClient.login(crowded_target) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        yield one, other


def _expect_no_open_transaction(cluster: PostgresCluster) -> None:
    eventually(
        lambda: not cluster.activity("state LIKE 'idle in transaction%'"),
        within_s=5,
        what="no transaction is left open in the database",
    )


@pytest.fixture
def table(cluster: PostgresCluster) -> str:
    """A new table `(id int PRIMARY KEY, note text)` of the role app; it goes with the cluster."""
    name = f"t_{next(_numbers)}"
    cluster.admin(
        f"SET ROLE app; CREATE TABLE {name} (id int PRIMARY KEY, note text); "
        f"GRANT ALL ON {name} TO second, third",
        database="app",
    )
    return name


@pytest.fixture(scope="session")
def pgbench_tables(cluster: PostgresCluster) -> None:
    """What `pgbench -i` makes, in the database app."""
    subprocess.run(
        [str(cluster.program("pgbench")), "-i", "-q", "-s", "1"],
        env={**os.environ, **cluster.target().environment()},
        capture_output=True,
        timeout=60,
        check=True,
    )
