"""A gateway that rotates: each transaction is on another server connection than the last."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.protocol import rows
from tests.support.scripted_client import ScriptedClient

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]
TURNS = 20


@pytest.fixture(scope="module")
def rotating(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, options=("--budget", "6", "--rotate", "3"))
    try:
        yield one.start()
    finally:
        one.destroy()


def _backend(client: ScriptedClient) -> str | None:
    return rows(client.query("SELECT pg_backend_pid()"))[0][0]


def test_each_transaction_is_on_another_server_connection(rotating: Gateway) -> None:
    clients = [ScriptedClient.login(rotating.target("transaction")) for _ in range(2)]
    try:
        seen = [[_backend(client) for client in clients] for _ in range(TURNS)]
    finally:
        for client in clients:
            client.close()
    for number, _ in enumerate(clients):
        mine = [turn[number] for turn in seen]
        assert all(a != b for a, b in itertools.pairwise(mine)), mine
        assert len(set(mine)) >= 3


def test_inside_a_transaction_nothing_moves(rotating: Gateway) -> None:
    client = ScriptedClient.login(rotating.target("transaction"))
    try:
        client.query("BEGIN")
        inside = {_backend(client) for _ in range(5)}
        client.query("COMMIT")
        assert len(inside) == 1
        assert _backend(client) not in inside
    finally:
        client.close()
