"""Pool self-deadlock: the fault on a plain pool and on a pooler; then its absence, or its name.

As many threads as there are server connections; each has a transaction on one connection and asks
for a second one. What is asserted is who came first, an answer or a time limit; never how long it
took.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import psycopg_pool
import pytest

from tests.support.gateway import Gateway
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

PLACES = 4
PATIENT_S = 60
TOO_LONG_S = 2
"""Time limits that end the fault where nothing else does."""


class Crowd:
    """Works, each in a thread: a transaction, and within it a second connection."""

    def __init__(self, begin: Callable[[int], psycopg.Connection], end: Callable[..., None]):
        self._begin = begin
        self._end = end
        self._all_have_one = threading.Barrier(PLACES)
        self._threads = [
            threading.Thread(target=self._work, args=(number,)) for number in range(PLACES)
        ]
        self.events: list[str] = []

    def run(self) -> list[str]:
        """What happened, in order: "done", or what a work was told."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(PATIENT_S)
        assert not any(thread.is_alive() for thread in self._threads)
        return self.events

    def _work(self, number: int) -> None:
        waited = False
        while True:
            one = self._begin(number)
            other = None
            try:
                one.execute(marked(number, "SELECT 1"))
                if not waited:
                    self._all_have_one.wait(PATIENT_S)
                    waited = True
                other = self._begin(number)
                other.execute(marked(number, "SELECT 2"))
            except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
                self.events.append(told(error))
                if not isinstance(error, psycopg.Error) or error.sqlstate != "53300":
                    return  # as often as not the next try is stuck as well
            else:
                self.events.append("done")
                return
            finally:
                self._end(other)
                self._end(one)


def marked(number: int, text: str) -> str:
    """The name of the work as a tag; a pooler that knows no works takes it for a comment."""
    return f"/*work='w{number}'*/ {text}"


def told(error: Exception) -> str:
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return f"{error.sqlstate} {error.diag.message_primary}; {error.diag.message_detail}"
    return type(error).__name__


def closed(connection: psycopg.Connection | None) -> None:
    if connection is not None:
        connection.close()


def at(target: Target) -> Callable[[int], psycopg.Connection]:
    """Connects; the driver begins a transaction of its own before the first statement."""
    return lambda number: psycopg.connect(
        **target.keywords(), application_name=f"thread-{number}", prepare_threshold=None
    )


@pytest.fixture(scope="module")
def api(cluster: PostgresCluster) -> Iterator[Gateway]:
    """One lane in which works may need two, and one that says nothing of it."""
    lanes: dict[str, dict[str, Any]] = {
        "lanes.twice": {"nested": 2, "match": [{"user": "second"}]},
        "lanes.once": {"match": [{"user": "app"}]},
    }
    gateway = Gateway(cluster, ("--budget", str(PLACES + 1)), lanes)
    try:
        yield gateway.start()
    finally:
        gateway.destroy()


def test_in_a_plain_pool_nobody_finishes_until_a_time_limit(cluster: PostgresCluster) -> None:
    with psycopg_pool.ConnectionPool(
        kwargs=cluster.target().keywords(),
        min_size=PLACES,
        max_size=PLACES,
        timeout=TOO_LONG_S,
    ) as pool:

        def end(connection: psycopg.Connection | None) -> None:
            if connection is not None:
                pool.putconn(connection)

        pool.wait(PATIENT_S)
        events = Crowd(lambda _number: pool.getconn(), end).run()
    assert events[0] == "PoolTimeout"


@pytest.mark.skipif(not PROGRAM.exists(), reason="no PgBouncer on this machine")
def test_in_a_pooler_nobody_finishes_until_a_time_limit(cluster: PostgresCluster) -> None:
    pooler = PgBouncer(cluster, pool_size=PLACES, settings={"query_wait_timeout": str(TOO_LONG_S)})
    try:
        pooler.start()
        events = Crowd(at(pooler.target()), closed).run()
    finally:
        pooler.stop()
    assert "query_wait_timeout" in events[0] or events[0] == "OperationalError"


def test_with_a_golden_ticket_all_finish(api: Gateway) -> None:
    """Five places, one of them the ticket: four works with two each, none is refused."""
    events = Crowd(at(api.target("transaction", "second")), closed).run()
    assert events == ["done"] * PLACES


def test_the_console_tells_what_of_a_ticket_is_in_use(api: Gateway) -> None:
    """All places but the ticket's are held; the work of one of them begins a second time."""

    columns = ("busy", "tickets", "tickets_busy", "continuing")

    def tells(*expected: int) -> bool:
        rows = [row for row in api.show("LANES") if row["lane"] == "twice"]
        return [tuple(row[name] for name in columns) for row in rows] == [expected]

    begin = at(api.target("transaction", "second"))
    with ExitStack() as clients:
        for number in (*range(PLACES), 0):
            client = clients.enter_context(closing(begin(number)))
            client.execute(marked(number, "SELECT 1"))
        assert eventually(lambda: tells(PLACES + 1, 1, 1, 0))
    assert eventually(lambda: tells(0, 1, 0, 0))


def test_without_one_it_is_named_and_ends_at_once(api: Gateway) -> None:
    """All places but the other lane's ticket are held; the newest is refused, others finish."""
    events = Crowd(at(api.target("transaction", "app")), closed).run()
    first = events[0]
    assert first.startswith("53300 POOL DEADLOCK")
    assert f"{PLACES} of {PLACES + 1} server connections of database app are held" in first
    assert f"by {PLACES} works that each wait for one more" in first
    assert 'others: "w' in first
    assert 'has 1 ("thread-' in first
    assert "(PGL0314)" in first
    assert all(each == "done" or "POOL DEADLOCK" in each for each in events)
    assert events.count("done") == PLACES
    counted = eventually(
        lambda: [row["lane"] for row in api.show("WAITS") if row["reason"] == "pool_deadlock"]
    )
    assert counted == ["once"]
