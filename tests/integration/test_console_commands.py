"""PAUSE, RESUME, KILL and the rest on a gateway with load, by who may and who may not."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]


@pytest.fixture(scope="module")
def shared(cluster: PostgresCluster) -> Iterator[Gateway]:
    gateway = Gateway(
        cluster, ("--budget", "3"), {"clients": {"stats_users": ["second"], "wait_ms_max": 20_000}}
    )
    try:
        yield gateway.start()
    finally:
        gateway.destroy()


@pytest.fixture
def one(shared: Gateway) -> Iterator[Gateway]:
    """The module's gateway; whatever a test told it is undone."""
    worker = shared.worker_pid
    yield shared
    command(shared, "RESUME")
    command(shared, "ENABLE app")
    assert shared.worker_pid == worker, shared.log()
    assert "Traceback" not in shared.log()
    assert "internal_error" not in shared.log()


def command(gateway: Gateway, text: str, user: str = "app") -> str:
    """Runs a command of the console; its tag."""
    uri = gateway.target("transaction", user, "pglane").uri()
    with psycopg.connect(uri, autocommit=True) as console:
        return str(console.execute(text.encode()).statusmessage)


def database(gateway: Gateway) -> dict[str, object]:
    return next(row for row in gateway.show("DATABASES") if row["name"] == "app")


class Load:
    """Clients of the transaction door that count without a pause, one statement a transaction."""

    def __init__(self, gateway: Gateway, clients: int = 6) -> None:
        self.turns = 0
        self.errors: list[str] = []
        self._over = False
        self._lock = threading.Lock()
        uri = gateway.uri("transaction")
        self._threads = [
            threading.Thread(target=self._run, args=(uri,), daemon=True) for _ in range(clients)
        ]

    def _run(self, uri: str) -> None:
        try:
            with psycopg.connect(uri, autocommit=True) as client:
                while not self._over:
                    client.execute("SELECT 1")
                    with self._lock:
                        self.turns += 1
        except psycopg.Error as error:
            self.errors.append(str(error))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        for thread in self._threads:
            thread.join(30)

    def goes_on(self) -> None:
        seen = self.turns
        eventually(lambda: self.turns > seen + 20, what="the load goes on")


def test_a_pause_stops_the_load_and_a_resume_lets_it_go_on(one: Gateway) -> None:
    with Load(one) as load:
        assert command(one, "PAUSE app") == "PAUSE"
        assert database(one)["paused"] == 1
        assert database(one)["current_connections"] == 0
        eventually(
            lambda: [row["wait_reason"] for row in one.show("CLIENTS")].count("paused") == 6,
            what="all wait for the same reason",
        )
        held = load.turns  # all wait now: what was answered before is counted
        assert database(one)["current_connections"] == 0
        assert load.turns == held
        assert one.server_connections() == [] or _only_listening(one)
        assert command(one, "RESUME app") == "RESUME"
        load.goes_on()
    assert load.errors == []


def _only_listening(gateway: Gateway) -> bool:
    return all(row[4] == "pglane listening" for row in gateway.server_connections())


def test_a_pause_of_everything_waits_for_a_transaction(one: Gateway) -> None:
    done = threading.Event()

    def pause() -> None:
        command(one, "PAUSE")
        done.set()

    with psycopg.connect(one.uri("transaction")) as client:
        client.execute("SELECT 1")
        waiting = threading.Thread(target=pause, daemon=True)
        waiting.start()
        eventually(lambda: database(one)["paused"] == 1, what="it is paused")
        states = {row["key"]: row["value"] for row in one.show("STATE")}
        assert states == {"active": "no", "paused": "yes", "suspended": "no"}
        assert not done.is_set()
        client.execute("SELECT 2")
        client.commit()
        assert done.wait(20)
        waiting.join(20)
    assert command(one, "RESUME") == "RESUME"


def test_who_waits_too_long_for_a_paused_database_is_told_why(one: Gateway) -> None:
    with psycopg.connect(one.uri("transaction"), autocommit=True) as client:
        client.execute("SELECT 1")
        command(one, "PAUSE app")
        command(one, "SET clients.wait_ms_max = 200")
        with pytest.raises(psycopg.errors.CannotConnectNow, match="paused"):
            client.execute("SELECT 1")
        command(one, "SET clients.wait_ms_max = 20000")
        command(one, "RESUME app")
        assert client.execute("SELECT 7").fetchone() == (7,)


def test_a_reconnect_replaces_every_server_connection_under_load(one: Gateway) -> None:
    with Load(one) as load:
        before = {row["remote_pid"] for row in one.show("SERVERS")}
        assert command(one, "RECONNECT app") == "RECONNECT"
        assert command(one, "WAIT_CLOSE app") == "WAIT_CLOSE"
        load.goes_on()
        after = {row["remote_pid"] for row in one.show("SERVERS") if row["remote_pid"]}
        assert after
        assert not after & before
    assert load.errors == []


def test_a_kill_ends_everybody_and_who_comes_waits(one: Gateway) -> None:
    sleeper = psycopg.connect(one.uri("session"), autocommit=True)
    failed = threading.Event()

    def sleep() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            sleeper.execute("SELECT pg_sleep(60)")
            return
        failed.set()

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    eventually(lambda: "active" in [row["state"] for row in one.show("CLIENTS")], what="it sleeps")
    assert command(one, "KILL app") == "KILL"
    assert failed.wait(20)
    thread.join(20)
    sleeper.close()
    eventually(lambda: database(one)["current_connections"] == 0, what="its backend is gone")
    assert database(one)["paused"] == 1
    assert command(one, "RESUME app") == "RESUME"
    with psycopg.connect(one.uri("transaction")) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_disabled_database_lets_no_new_client_in(one: Gateway) -> None:
    with psycopg.connect(one.uri("transaction"), autocommit=True) as client:
        assert command(one, "DISABLE app") == "DISABLE"
        assert database(one)["disabled"] == 1
        with pytest.raises(psycopg.OperationalError, match="disabled"):
            psycopg.connect(one.uri("session"))
        assert client.execute("SELECT 1").fetchone() == (1,)
        assert command(one, "ENABLE app") == "ENABLE"
    psycopg.connect(one.uri("session")).close()


def test_settings_change_while_clients_are_connected(one: Gateway) -> None:
    with Load(one) as load:
        assert command(one, "SET server.budget = 1") == "SET"
        values = {row["key"]: row["value"] for row in one.show("CONFIG")}
        assert values["server.budget"] == values["default_pool_size"] == "1"
        eventually(lambda: int(str(database(one)["current_connections"])) <= 1, what="one is left")
        load.goes_on()
        assert command(one, "RELOAD") == "RELOAD"
        assert database(one)["pool_size"] == 3, "a reload is what the configuration says"
    assert load.errors == []


@pytest.mark.parametrize(
    "text",
    ["PAUSE", "RESUME", "KILL app", "RELOAD", "SET server.budget = 1", "DISABLE app", "SHUTDOWN"],
)
def test_who_may_only_look_changes_nothing(one: Gateway, text: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="second"):
        command(one, text, "second")
    assert command(one, "SHOW STATS", "second") == "SHOW"
    assert command(one, "SHOW CONFIG", "second") == "SHOW"
    assert (database(one)["paused"], database(one)["disabled"]) == (0, 0)


def test_others_do_not_come_in(one: Gateway) -> None:
    with pytest.raises(psycopg.OperationalError, match="may not use the console"):
        command(one, "SHOW VERSION", "third")


def test_mistakes_are_told_and_cost_nothing(one: Gateway) -> None:
    for text, kind in (
        ("PAUSE nowhere", psycopg.errors.InvalidCatalogName),
        ("SET server.budgt = 1", psycopg.errors.UndefinedObject),
        ("SET listen.transaction_port = 1", psycopg.errors.CantChangeRuntimeParam),
        ("PAUSE a b c", psycopg.errors.SyntaxError),
    ):
        with pytest.raises(kind):
            command(one, text)


def test_a_new_worker_knows_what_the_last_one_was_told(cluster: PostgresCluster) -> None:
    gateway = Gateway(cluster)
    try:
        gateway.start()
        psycopg.connect(gateway.uri("transaction")).close()
        command(gateway, "PAUSE app")
        before = gateway.worker_pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: _served_again(gateway), what="another worker serves")
        assert database(gateway)["paused"] == 1
        assert gateway.worker_pid != before
    finally:
        gateway.destroy()


def _served_again(gateway: Gateway) -> bool:
    _, crashed, later = gateway.log().partition("worker_crashed")
    return bool(crashed) and "worker_ready" in later


@pytest.mark.parametrize("word", ["", " WAIT_FOR_SERVERS", " WAIT_FOR_CLIENTS"])
def test_a_shutdown_ends_the_gateway_as_it_says(cluster: PostgresCluster, word: str) -> None:
    gateway = Gateway(cluster)
    try:
        gateway.start()
        client = psycopg.connect(gateway.uri("transaction"))
        client.execute("SELECT 1")
        assert command(gateway, f"SHUTDOWN{word}") == "SHUTDOWN"
        assert gateway.process is not None
        if word:
            assert client.execute("SELECT 2").fetchone() == (2,), "it may end what it began"
            client.commit()
        if word == " WAIT_FOR_CLIENTS":
            assert client.execute("SELECT 3").fetchone() == (3,)
            client.commit()
            assert gateway.process.poll() is None
        client.close()
        assert gateway.process.wait(20) == 0, gateway.log()
    finally:
        gateway.destroy()
