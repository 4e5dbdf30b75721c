"""Server connections are ended under load, one by one or all at once: what is told is true.

Clients write in every shape while backends are ended (pg_terminate_backend), killed (kill -9) or
stopped with their server. A row told as committed is there, one told as failed is not, nobody is
told nothing. And who has nothing on a server connection that ends does not hear of it.
`PGLANE_TERMINATIONS_S` is how long each lasts, in seconds.
"""

import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support.fault_shapes import (
    ROWS_MAX,
    SCHEMA,
    SHAPES,
    SILENT,
    Shape,
    simple,
    units_in_one_packet,
    unnamed,
    write,
)
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.target import Target
from tests.support.truth import Ledger
from tests.support.waiting import eventually

pytestmark = pytest.mark.one_server

LASTS_S = float(os.environ.get("PGLANE_TERMINATIONS_S", "2"))
SEED = int(os.environ.get("PGLANE_TERMINATIONS_SEED", "0")) or random.randrange(1, 1 << 31)
CLIENTS = 10
PAUSE = threading.Event()
"""Never set: waiting for it takes as long as one says."""
OURS = "usename = 'app' AND application_name <> 'pglane monitor'"


class Crowd:
    """Clients that write, each in random shapes.

    Attributes:
        ledger: what they were told of their rows.
        disturbed: what clients heard between two requests, which asked for nothing.
    """

    def __init__(self, target: Target, shapes: tuple[Shape, ...], names: bool) -> None:
        self.ledger = Ledger()
        self.disturbed: list[str] = []
        self.refused_unsent: Counter[str] = Counter()
        self._target = target
        self._shapes = shapes
        self._names = names
        self._rows = itertools.count(1, ROWS_MAX)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]

    def __enter__(self) -> "Crowd":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join(timeout=40)
        assert not any(one.is_alive() for one in self._threads), "somebody hangs"

    def _run(self, number: int) -> None:
        chance = random.Random(f"{SEED} {number}")
        more = {"application_name": f"crowd {number}"} if self._names else {}
        while not self._over.is_set():
            try:
                with ScriptedClient.login(self._target, timeout_s=30, **more) as client:
                    self._writes(client, chance)
            except (LoginRefusedError, ConnectionEndedError, OSError):
                self._over.wait(0.02)  # nothing was begun: what it heard is no row's matter

    def _writes(self, client: ScriptedClient, chance: random.Random) -> None:
        while not self._over.is_set():
            if chance.random() < 0.2:
                self._over.wait(chance.random() / 50)
            if client.has_unread():
                self.disturbed.append(repr(client.read_to_end()))
                return
            with self._lock:
                row = next(self._rows)
            heard = Ledger()
            write(client, chance.choice(self._shapes)(row), row, heard)
            with self._lock:
                self._take(heard)
            if heard.told:
                return

    def _take(self, heard: Ledger) -> None:
        self.ledger.committed |= heard.committed
        self.ledger.refused.update(heard.refused)
        self.ledger.in_doubt.update(heard.in_doubt)
        self.ledger.told += heard.told


def terminates(cluster: PostgresCluster, chance: random.Random) -> None:
    """A good part of what runs is hit in one statement or between two."""
    with psycopg.connect(cluster.target(user="postgres").uri(), autocommit=True) as admin:
        for _ in range(20):
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE {OURS} ORDER BY random() LIMIT 1".encode()
            )
            PAUSE.wait(chance.random() / 20)


def kills(cluster: PostgresCluster, chance: random.Random) -> None:
    PAUSE.wait(0.3)
    pids = [row[0] for row in cluster.activity(OURS)]
    if pids:
        cluster.kill_backend(chance.choice(pids))
    eventually(lambda: _lets_in(cluster), within_s=60)


def _lets_in(cluster: PostgresCluster) -> bool:
    try:
        return bool(cluster.admin("SELECT 1"))
    except psycopg.OperationalError:
        return False


def stops(cluster: PostgresCluster, chance: random.Random) -> None:
    PAUSE.wait(0.3)
    cluster.restart(chance.choice(("fast", "immediate")))


Ending = Callable[[PostgresCluster, random.Random], None]


@pytest.fixture
def served(fragile_cluster: PostgresCluster) -> Iterator[Gateway]:
    fragile_cluster.admin(SCHEMA, database="app")
    one = Gateway(fragile_cluster, ("--budget", "4"), {"clients": {"wait_ms_max": 20000}})
    try:
        yield one.start()
        assert "Traceback" not in one.log(), one.log()
    finally:
        one.destroy()
        fragile_cluster.ensure_running().admin(
            "DROP TABLE written; DROP PROCEDURE writes_two; DROP FUNCTION writes", "app"
        )


def _ends_some(crowd: Crowd, cluster: PostgresCluster, ends: Ending) -> None:
    chance = random.Random(SEED)
    with crowd:
        eventually(lambda: len(crowd.ledger.committed) > 20)
        until = time.monotonic() + LASTS_S
        while time.monotonic() < until:
            ends(cluster, chance)
    eventually(lambda: not cluster.activity("state = 'active'"), what="nothing runs")
    rows = {row[0] for row in cluster.admin("SELECT id FROM written", database="app")}
    ledger = crowd.ledger
    silent = [row for row, state in ledger.refused.items() if state == SILENT]
    told = f"seed {SEED}: {len(ledger.committed)} committed, {len(ledger.in_doubt)} in doubt"
    print(told, dict(ledger.told), f"{len(crowd.disturbed)} disturbed")
    assert not ledger.lies(rows), told
    assert not silent, told


@pytest.mark.gateway
@pytest.mark.parametrize("door", ["transaction", "session"])
@pytest.mark.parametrize("ends", [terminates, kills, stops])
def test_whoever_is_ended_is_told_the_truth(
    served: Gateway, fragile_cluster: PostgresCluster, door: str, ends: Ending
) -> None:
    crowd = Crowd(served.target(door), SHAPES, names=False)
    _ends_some(crowd, fragile_cluster, ends)
    assert crowd.ledger.told


@pytest.mark.gateway
def test_whoever_has_nothing_there_hears_nothing(
    served: Gateway, fragile_cluster: PostgresCluster
) -> None:
    """Each has another name, so that server connections are made ready for each lease.

    The monitor stays: without what it reads sessions are looked at before their lease ends, and
    what a client has there is not known until then.
    """
    target = served.target("transaction")
    eventually(lambda: _is_proved(served), what="the catalogs are read")
    crowd = Crowd(target, (simple, unnamed, units_in_one_packet), names=True)
    _ends_some(crowd, fragile_cluster, terminates)
    assert crowd.disturbed == []
    assert set(crowd.ledger.told) <= {"08007"}, "of what was not sent nothing is told"


def _is_proved(served: Gateway) -> bool:
    """Whether a write is known to leave nothing: no session is looked at behind it."""
    with ScriptedClient.login(served.target("transaction")) as client:
        client.query("SELECT 1")
        before = _probes(served)
        client.query("INSERT INTO written VALUES (-1, 'x') ON CONFLICT DO NOTHING")
        client.query("SELECT 1")
    return _probes(served) == before


def _probes(served: Gateway) -> int:
    return sum(row["probes"] for row in served.show("MONITORS"))
