"""A cancel stops what its client runs, and nothing else, ever."""

import concurrent.futures
import random
import threading

import pytest

from tests.support import protocol as p
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import errors, rows
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

CANCELS = 2000
CANCELLING_CLIENTS = 5
QUIET_CLIENTS = 3


def test_cancels_its_own_statement(crowded_target: Target, cluster: PostgresCluster) -> None:
    with ScriptedClient.login(crowded_target) as client:
        for number in range(3):
            client.send(p.query(f"SELECT pg_sleep(20), 'cancel {number}'"))
            eventually(lambda n=number: cluster.activity(f"query LIKE '%''cancel {n}%'"))
            client.cancel()
            assert errors(client.read_until()) == ["57014"]
            assert client.value("SELECT 1") == "1"


def test_cancels_in_the_extended_protocol_and_in_blocks(
    crowded_target: Target, cluster: PostgresCluster
) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.query("BEGIN")
        sleep = p.parse("SELECT pg_sleep(20) AS extended_cancel") + p.bind() + p.execute()
        client.send(sleep + p.sync())
        eventually(lambda: cluster.activity("state = 'active' AND query LIKE '%extended_c%'"))
        client.cancel()
        assert errors(client.read_until()) == ["57014"]
        assert client.status == "E"
        client.query("ROLLBACK")
        assert client.value("SELECT 1") == "1"


def test_cancels_a_copy(crowded_target: Target, cluster: PostgresCluster) -> None:
    with ScriptedClient.login(crowded_target) as client:
        client.send(p.query("COPY (SELECT 1, pg_sleep(20)) TO STDOUT /* copy_cancel */"))
        eventually(lambda: cluster.activity("state = 'active' AND query LIKE '%copy_cancel%'"))
        client.cancel()
        assert errors(client.read_until()) == ["57014"]
        assert client.value("SELECT 1") == "1"


@pytest.mark.parametrize("wrong", ["key", "pid", "short", "long", "empty"])
def test_a_wrong_key_cancels_nothing(crowded_target: Target, wrong: str) -> None:
    with ScriptedClient.login(crowded_target) as client:
        right = client.cancel_key
        pid = client.backend_pid
        key = {
            "key": bytes(byte ^ 0x55 for byte in right),
            "pid": right,
            "short": right[:-1],
            "long": right + b"\0" * 28,
            "empty": b"",
        }[wrong]
        client.send(p.query("SELECT pg_sleep(0.4)"))
        client.cancel(pid ^ 1 if wrong == "pid" else pid, key)
        answer = client.read_until()
        assert not errors(answer)
        assert len(rows(answer)) == 1


def test_a_cancel_request_is_answered_by_closing_only(crowded_target: Target) -> None:
    with ScriptedClient.login(crowded_target) as client:
        assert client.cancel() == b""
        assert client.cancel(key=b"\1\2\3\4") == b""
        assert client.value("SELECT 1") == "1"


def test_a_cancel_of_an_idle_client_hits_nothing_later(crowded_target: Target) -> None:
    with (
        ScriptedClient.login(crowded_target) as one,
        ScriptedClient.login(crowded_target) as other,
    ):
        for _ in range(20):
            one.query("SELECT 1")
            one.cancel()
            assert not errors(other.query("SELECT pg_sleep(0.002)"))
            assert not errors(one.query("SELECT pg_sleep(0.002)"))


@pytest.mark.gateway
def test_keys_are_unlike_and_secret(target: Target, cluster: PostgresCluster) -> None:
    """Four bytes for protocol 3.0, thirty-two for 3.2; no process id of a real backend."""
    clients = []
    for number in range(10):
        version = p.PROTOCOL_3_2 if number % 2 else p.PROTOCOL_3_0
        client = ScriptedClient.login(target, version)
        client.query("SELECT 1")
        assert client.negotiated is None
        assert len(client.cancel_key) == (32 if number % 2 else 4)
        clients.append(client)
    backends = {row[0] for row in cluster.activity()}
    assert len({client.cancel_key for client in clients}) == len(clients)
    assert len({client.backend_pid for client in clients}) == len(clients)
    assert not {client.backend_pid for client in clients} & backends
    shared = set(zip(*(client.cancel_key[:4] for client in clients), strict=True))
    assert all(len(set(column)) > 1 for column in shared), "a byte of the keys never changes"
    for client in clients:
        client.close()


def test_long_keys_cancel_too(target: Target, cluster: PostgresCluster) -> None:
    with ScriptedClient.login(target, p.PROTOCOL_3_2) as client:
        client.send(p.query("SELECT pg_sleep(20) AS long_key_cancel"))
        eventually(lambda: cluster.activity("state = 'active' AND query LIKE '%long_key_c%'"))
        client.cancel()
        assert errors(client.read_until()) == ["57014"]
        assert client.value("SELECT 1") == "1"


@pytest.mark.gateway
def test_a_waiting_client_can_be_cancelled(single_transaction_door: Target) -> None:
    with (
        ScriptedClient.login(single_transaction_door) as holder,
        ScriptedClient.login(single_transaction_door) as waiter,
    ):
        holder.query("BEGIN")
        for unit in (p.query("SELECT 1"), p.parse("SELECT 1") + p.bind() + p.execute() + p.sync()):
            waiter.send(unit)
            assert not waiter.has_unread(within_s=0.1)
            waiter.cancel()
            answer = waiter.read_until()
            assert errors(answer) == ["57014"]
            assert waiter.status == "I"
        holder.query("COMMIT")
        assert waiter.value("SELECT 1") == "1"


@pytest.mark.gateway
def test_a_cancelled_waiter_was_not_started(
    single_transaction_door: Target, cluster: PostgresCluster, table: str
) -> None:
    with (
        ScriptedClient.login(single_transaction_door) as holder,
        ScriptedClient.login(single_transaction_door) as waiter,
    ):
        holder.query("BEGIN")
        waiter.send(p.query(f"INSERT INTO {table} VALUES (1, 'never')"))
        waiter.cancel()
        assert errors(waiter.read_until()) == ["57014"]
        holder.query("COMMIT")
        holder.query("SELECT 1")
        assert not cluster.admin(f"SELECT * FROM {table}", database="app")


class _Traffic:
    """Clients that cancel themselves at every moment, among clients that never do."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.over = threading.Event()
        self.hits = 0
        self.foreign: list[str] = []
        self.served = 0

    def cancelling(self, seed: int, cancels: int) -> None:
        """Only the query that is out when the cancel is sent may be hit."""
        chance = random.Random(seed)
        with ScriptedClient.login(self.target) as client:
            for _ in range(cancels):
                sleep_s = chance.choice([0, 0, 0.001, 0.005])
                client.send(self._unit(chance, f"SELECT pg_sleep({sleep_s})"))
                client.cancel()
                self.hits += errors(client.read_until()) == ["57014"]
                for _ in range(chance.choice([0, 1, 2])):
                    self._expect_peace(client, chance, "the next query of the canceller")

    def quiet(self, seed: int) -> None:
        chance = random.Random(seed)
        with ScriptedClient.login(self.target) as client:
            while not self.over.is_set():
                self._expect_peace(client, chance, "a client that never cancels")

    def _expect_peace(self, client: ScriptedClient, chance: random.Random, who: str) -> None:
        sleep_s = chance.choice([0, 0, 0.001])
        client.send(self._unit(chance, f"SELECT {client.backend_pid}, pg_sleep({sleep_s})"))
        answer = client.read_until()
        if errors(answer):
            self.foreign.append(f"{who}: {answer[0]}")
        else:
            assert rows(answer)[0][0] == str(client.backend_pid)
            self.served += 1

    def _unit(self, chance: random.Random, sql: str) -> bytes:
        if chance.random() < 0.5:
            return p.query(sql)
        return p.parse(sql) + p.bind() + p.execute() + p.sync()


def test_thousands_of_cancels_hit_nobody_else(narrow_target: Target) -> None:
    if narrow_target.door in {"session", "direct"}:
        cancelling, quiet, cancels = 2, 2, 200
    else:
        cancelling, quiet, cancels = CANCELLING_CLIENTS, QUIET_CLIENTS, CANCELS
    traffic = _Traffic(narrow_target)
    with concurrent.futures.ThreadPoolExecutor(cancelling + quiet) as threads:
        calm = [threads.submit(traffic.quiet, 1000 + seed) for seed in range(quiet)]
        hasty = [
            threads.submit(traffic.cancelling, seed, cancels // cancelling)
            for seed in range(cancelling)
        ]
        try:
            for one in hasty:
                one.result(timeout=120)
        finally:
            traffic.over.set()
        for one in calm:
            one.result(timeout=30)
    assert traffic.foreign == []
    assert traffic.hits > 0, "no cancel ever hit: the test tested nothing"
    assert traffic.served > cancels
