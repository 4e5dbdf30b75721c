"""A name that nobody has is asked for a proof as one that somebody has: they look the same."""

import base64
import os
import signal
from collections.abc import Iterator

import psycopg
import pytest

from pglane.wire.client_messages import SASLInitialResponse
from pglane.wire.scram import Verifier
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

ITERATIONS = 8192


@pytest.fixture(scope="module")
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    """Most of its users have verifiers with another number of iterations than PostgreSQL's."""
    users = {
        f"users.{name}": {
            "verifier": Verifier.of_password(b"x", b"salt" * 4, ITERATIONS).format().decode()
        }
        for name in ("ann", "bob")
    }
    one = Gateway(cluster, (), users, users=())
    try:
        yield one.start()
    finally:
        one.destroy()


def challenge(gateway: Gateway, user: str) -> dict[str, str]:
    """What the user is asked: nonce, salt, iterations."""
    with ScriptedClient(gateway.target("transaction")) as client:
        client.send_startup(user=user, database="app")
        client.read_message()
        client.send(SASLInitialResponse(b"SCRAM-SHA-256", b"n,,n=,r=clientnonce").encode())
        text = client.read_message().body[4:].decode()
    return dict(part.split("=", 1) for part in text.split(","))


def told(gateway: Gateway, user: str) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(gateway.uri("transaction", "app"), user=user, password="wrong")
    return str(caught.value).replace(user, "USER")


def test_what_is_asked_for_looks_the_same(gateway: Gateway) -> None:
    known, nobody = challenge(gateway, "ann"), challenge(gateway, "nobody")
    assert known["i"] == nobody["i"] == str(ITERATIONS)
    assert len(base64.b64decode(known["s"])) == len(base64.b64decode(nobody["s"]))
    assert challenge(gateway, "nobody")["s"] == nobody["s"]
    assert challenge(gateway, "nobody else")["s"] != nobody["s"]


NAMES = ("ann", "app", "nobody")
"""Known by a verifier, by a password, and not at all."""


def salts(gateway: Gateway) -> dict[str, tuple[str, str]]:
    asked = {name: challenge(gateway, name) for name in NAMES}
    return {name: (parts["s"], parts["i"]) for name, parts in asked.items()}


def test_salts_outlive_a_reload(gateway: Gateway) -> None:
    """One that changes where others stay would tell who exists."""
    before = salts(gateway)
    reloads = gateway.log().count("reloaded")
    gateway.hang_up()
    eventually(lambda: gateway.log().count("reloaded") > reloads)
    assert salts(gateway) == before


def test_salts_outlive_a_worker(gateway: Gateway) -> None:
    before = salts(gateway)
    ready = gateway.log().count("worker_ready")
    os.kill(gateway.worker_pid, signal.SIGKILL)
    eventually(lambda: gateway.log().count("worker_ready") > ready, within_s=30)
    assert salts(gateway) == before


def test_the_refusal_is_the_same(gateway: Gateway) -> None:
    assert told(gateway, "ann") == told(gateway, "nobody")
