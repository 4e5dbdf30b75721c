"""A role whose password PostgreSQL hashes a million times: nobody else waits for its login."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scram import verifier
from tests.support.scripted_client import ScriptedClient
from tests.support.target import Target
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

ITERATIONS = 1_000_000
LOGINS = 3
"""Server connections of the role that are opened at once."""


@pytest.fixture
def gateway(cluster: PostgresCluster) -> Iterator[Gateway]:
    cluster.admin(f"CREATE ROLE patient LOGIN PASSWORD '{verifier('pw', ITERATIONS)}'")
    settings = {
        "users.patient": {"verifier": verifier("pw"), "password": "pw"},
        "server": {"monitor_ms": 50, "monitor_user": "patient"},
    }
    one = Gateway(cluster, ("--budget", "8"), settings)
    try:
        yield one.start()
    finally:
        one.destroy()
        cluster.admin("DROP ROLE patient")


class Asking(threading.Thread):
    """A client that asks all the time, and when it was answered."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
        self.answered: list[float] = []
        self.begun = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        with ScriptedClient.login(self.target) as client:
            while not self.over.is_set():
                assert client.value("SELECT 1") == "1"
                self.answered.append(time.monotonic())
                self.begun.set()


def test_others_are_served_meanwhile(gateway: Gateway) -> None:
    patient = replace(gateway.target("session"), user="patient", passwords={"patient": "pw"})
    asking = Asking(gateway.target("transaction"))
    asking.start()
    assert asking.begun.wait(10)
    began = time.monotonic()
    logins = [threading.Thread(target=log_in, args=(patient,)) for _ in range(LOGINS)]
    for each in logins:
        each.start()
    for each in logins:
        each.join()
    ended = time.monotonic()
    asking.over.set()
    asking.join()
    moments = [began, *(at for at in asking.answered if began < at < ended), ended]
    longest_s = max(later - earlier for earlier, later in itertools.pairwise(moments))
    assert longest_s < (ended - began) / 2


def test_the_monitor_logs_in_so_too(gateway: Gateway) -> None:
    with ScriptedClient.login(gateway.target("transaction")) as client:
        client.query("SELECT 1")
        eventually(lambda: [row["state"] for row in gateway.show("MONITORS")] == ["watching"])


def log_in(target: Target) -> None:
    with ScriptedClient.login(target) as client:
        assert client.value("SELECT current_user") == "patient"
