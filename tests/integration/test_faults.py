"""The network to PostgreSQL breaks at every message of every way to write: nobody is told a lie.

A row told as committed is there, one told as failed is not, nobody is told nothing, and what is in
doubt is counted. `make faults` breaks it everywhere; otherwise a part is drawn (PGLANE_FAULTS).
"""

import copy
import itertools
import os
import random
from collections.abc import Iterator

import pytest

from tests.support import protocol as p
from tests.support.fault_proxy import BEFORE, BEHIND, TO_CLIENT, TO_SERVER, WITHIN, Cut, FaultProxy
from tests.support.fault_shapes import (
    ROWS_MAX,
    SCHEMA,
    SHAPES,
    SILENT,
    Shape,
    block,
    simple,
    unnamed,
    write,
)
from tests.support.gateway import Gateway
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.truth import Ledger
from tests.support.waiting import eventually

FAULTS = int(os.environ.get("PGLANE_FAULTS", "4"))
"""Cuts of each shape and door; 0: all."""
SEED = int(os.environ.get("PGLANE_FAULTS_SEED", "0")) or random.randrange(1, 1 << 31)
TEXTS = {"server": {"monitor_ms": 0}, "clients": {"wait_ms_max": 8000}}
ROWS = itertools.count(1, ROWS_MAX)


@pytest.fixture(scope="module")
def proxy(cluster: PostgresCluster) -> Iterator[FaultProxy]:
    cluster.admin(SCHEMA, database="app")
    one = FaultProxy(cluster.port)
    try:
        yield one
    finally:
        one.close()
        cluster.admin("DROP TABLE written; DROP PROCEDURE writes_two; DROP FUNCTION writes", "app")


@pytest.fixture(scope="module")
def broken(cluster: PostgresCluster, proxy: FaultProxy) -> Iterator[Gateway]:
    """Its one server connection crosses the proxy."""
    uri = f"postgresql://app@127.0.0.1:{proxy.port}/app"
    one = Gateway(cluster, ("--budget", "1"), TEXTS, uri=uri)
    try:
        yield one.start()
    finally:
        one.destroy()


def warm(target: Target) -> None:
    """A server connection is there and free."""
    with ScriptedClient.login(target) as client:
        client.query("SELECT 1")
        client.send(p.terminate())


def cuts_of(target: Target, proxy: FaultProxy, shape: Shape, cold: bool) -> list[Cut]:
    """Every place where the line can break while the shape is written."""
    ledger = Ledger()
    _written(target, proxy, shape, None, cold, ledger)
    assert not ledger.told
    assert ledger.committed
    eventually(lambda: proxy.counts[TO_CLIENT] > 1)
    return [
        Cut(direction, number, place, reset)
        for direction in (TO_SERVER, TO_CLIENT)
        for number in range(proxy.counts[direction])
        for place in (BEFORE, WITHIN, BEHIND)
        for reset in (False, True)
    ]


def _written(
    target: Target, proxy: FaultProxy, shape: Shape, cut: Cut | None, cold: bool, ledger: Ledger
) -> None:
    """Writes the shape once over a line that breaks at `cut`."""
    proxy.arm(None)
    if cold:
        proxy.break_all()
    else:
        warm(target)
    row = next(ROWS)
    with ScriptedClient.login(target) as client:
        proxy.arm(cut)
        write(client, shape(row), row, ledger)
        client.send(p.terminate())


def lies(ledger: Ledger, cluster: PostgresCluster) -> list[str]:
    """What was told and is not so, once every server process has ended its work."""
    eventually(lambda: not cluster.activity("state = 'active'"), what="nothing runs")
    there = {row[0] for row in cluster.admin("SELECT id FROM written", database="app")}
    silent = [row for row, state in ledger.refused.items() if state == SILENT]
    return ledger.lies(there) + [f"row {row}: nothing was told" for row in silent]


def test_a_pooler_that_calls_lost_answers_errors_tells_lies(
    cluster: PostgresCluster, proxy: FaultProxy
) -> None:
    """What PgBouncer says of a row that is there: 08P01, the code of a protocol violation."""
    behind = copy.copy(cluster)
    behind.port = proxy.port
    pooler = PgBouncer(behind, pool_size=1)
    ledger = Ledger()
    try:
        target = pooler.start().target()
        for shape in (simple, unnamed, block):
            warm(target)
            _written(target, proxy, shape, None, False, Ledger())
            cut = Cut(TO_CLIENT, proxy.counts[TO_CLIENT] - 1, BEFORE)
            _written(target, proxy, shape, cut, False, ledger)
    finally:
        pooler.stop()
    assert lies(ledger, cluster), ledger


def drawn(cuts: list[Cut], shape: Shape, door: str) -> list[Cut]:
    if not FAULTS or len(cuts) <= FAULTS:
        return cuts
    return random.Random(f"{SEED} {shape.__name__} {door}").sample(cuts, FAULTS)


@pytest.mark.gateway
@pytest.mark.parametrize("door", ["transaction", "session"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_whatever_breaks_what_is_told_is_true(
    broken: Gateway, proxy: FaultProxy, cluster: PostgresCluster, shape: Shape, door: str
) -> None:
    _break(broken.target(door), proxy, cluster, shape, cold=False)


@pytest.mark.gateway
@pytest.mark.parametrize("shape", [simple, block], ids=lambda shape: shape.__name__)
def test_a_server_connection_that_breaks_while_it_is_opened_is_no_lie_either(
    broken: Gateway, proxy: FaultProxy, cluster: PostgresCluster, shape: Shape
) -> None:
    _break(broken.target("transaction"), proxy, cluster, shape, cold=True)


def _break(
    target: Target, proxy: FaultProxy, cluster: PostgresCluster, shape: Shape, cold: bool
) -> None:
    ledger = Ledger()
    cuts = cuts_of(target, proxy, shape, cold)
    for cut in drawn(cuts, shape, target.door):
        _written(target, proxy, shape, cut, cold, ledger)
        found = lies(ledger, cluster)
        assert not found, f"seed {SEED}: {cut}: {found}; told {dict(ledger.told)}"
    print(f"{len(ledger.committed)} committed, {len(ledger.in_doubt)} in doubt, {ledger.told}")


LONG_ROW = "SELECT 'the row that is cut ' || repeat('x', 1000)"


@pytest.mark.gateway
@pytest.mark.parametrize("door", ["transaction", "session"])
@pytest.mark.parametrize("reset", [False, True])
def test_nothing_follows_a_part_of_a_row(
    broken: Gateway, proxy: FaultProxy, door: str, reset: bool
) -> None:
    """The client would read an error there as values of the row."""
    target = broken.target(door)
    proxy.arm(None)
    warm(target)
    with ScriptedClient.login(target) as client:
        client.query("SELECT 1")
        proxy.arm(Cut(TO_CLIENT, 0, WITHIN, reset, b"the row that is cut "))
        client.send(p.query(LONG_ROW))
        told = b"".join(iter(lambda: received(client), b""))
    assert b"the row that is cut xxx" in told
    assert told.endswith(b"xxx")


def received(client: ScriptedClient) -> bytes:
    try:
        return client.socket.recv(1 << 16)
    except ConnectionResetError:
        return b""
