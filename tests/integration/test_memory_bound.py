"""The bound on a worker's memory, under attack; what counts is what the kernel says it used.

Many clients at once make the gateway hold as much as they can. The peak of the worker's resident
memory (VmHWM) stays below `memory_bytes_max`, and somebody who wants little is served meanwhile.
Without the bound each of these takes 1.3 to 4.7 times as much as it.
"""

import contextlib
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import protocol as p
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.scripted_client import ConnectionEndedError, LoginRefusedError, ScriptedClient
from tests.support.waiting import eventually

pytestmark = [pytest.mark.gateway, pytest.mark.one_server]

MEGABYTE = 1 << 20
BOUND_BYTES = 128 * MEGABYTE
WITHIN_S = 60.0

SETTINGS = {
    "gateway": {"memory_bytes_max": BOUND_BYTES},
    "clients": {
        "unread_bytes_max": 32 * MEGABYTE,
        "unauthenticated_max": 4000,
        "wait_ms_max": 120_000,
    },
}


@pytest.fixture
def bounded(cluster: PostgresCluster) -> Iterator[Gateway]:
    one = Gateway(cluster, ("--budget", "12"), SETTINGS)
    try:
        yield one.start()
    finally:
        one.destroy()


def peak_bytes(gateway: Gateway) -> int:
    """The most that the worker ever had in memory."""
    status = Path(f"/proc/{gateway.worker_pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def counted_bytes(gateway: Gateway) -> int:
    """What the worker itself says that it holds."""
    (row,) = (row for row in gateway.show("MEM") if row["name"] == "counted")
    return int(row["memtotal"])


class Attacker:
    """Sends what it has as fast as it is taken, and reads nothing until it is ended."""

    def __init__(self, client: ScriptedClient, data: list[bytes]) -> None:
        self.client = client
        self.left = [memoryview(part) for part in data]
        self.ended = False
        client.socket.setblocking(False)

    def push(self) -> bool:
        """Whether all is sent, or its connection is over."""
        while self.left and not self.ended:
            try:
                sent = self.client.socket.send(self.left[0])
            except BlockingIOError:
                return False
            except OSError:
                self.ended = True
                break
            self.left[0] = self.left[0][sent:]
            if not self.left[0]:
                self.left.pop(0)
        return True


def attack(attackers: list[Attacker]) -> None:
    """Until each has sent all it has, or was ended."""
    with selectors.DefaultSelector() as ready:
        for one in attackers:
            if not one.push():
                ready.register(one.client.socket, selectors.EVENT_WRITE, one)
        until = time.monotonic() + WITHIN_S
        while ready.get_map():
            assert time.monotonic() < until, f"{len(ready.get_map())} neither sent nor ended"
            for key, _ in ready.select(1.0):
                if key.data.push():
                    ready.unregister(key.fileobj)


class Bystander:
    """Somebody with a server connection of its own who asks for little, all the time."""

    def __init__(self, gateway: Gateway) -> None:
        self.client = ScriptedClient.login(gateway.target("session"), timeout_s=30)
        self.served = 0
        self.failure: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                assert self.client.value("SELECT 1") == "1"
                self.served += 1
        except (AssertionError, ConnectionEndedError, OSError) as failure:
            self.failure = failure

    def __enter__(self) -> "Bystander":
        self.client.value("SELECT 1")
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        self.client.close()
        assert self.failure is None, self.failure
        assert self.served > 0


def enter(gateway: Gateway, count: int, door: str = "transaction") -> list[ScriptedClient]:
    """So many clients; later ones may not be let in any more."""
    clients = []
    for _ in range(count):
        with contextlib.suppress(LoginRefusedError, ConnectionEndedError):
            clients.append(ScriptedClient.login(gateway.target(door), timeout_s=30))
    return clients


def half_sent_messages(gateway: Gateway) -> list[Attacker]:
    part = bytes(MEGABYTE)
    begun = [p.header(b"QPB"[n % 3 : n % 3 + 1], 60 * MEGABYTE) for n in range(60)]
    clients = enter(gateway, len(begun))
    return [Attacker(one, [head, *[part] * 5]) for one, head in zip(clients, begun, strict=True)]


def waiting_queries(gateway: Gateway) -> list[Attacker]:
    """Nobody is given a server connection; each waits with a statement of 3 MB."""
    with ScriptedClient.login(gateway.target("transaction", database="pglane")) as console:
        console.send(p.query("PAUSE"))
        text = p.query("SELECT '" + "x" * (3 * MEGABYTE) + "'")
        eventually(lambda: any(row["paused"] for row in gateway.show("DATABASES")))
    return [Attacker(one, [text]) for one in enter(gateway, 120)]


def prepared_texts(gateway: Gateway) -> list[Attacker]:
    attackers = []
    for number, client in enumerate(enter(gateway, 25)):
        texts = [p.parse(f"SELECT {number}, {n}, '{'x' * 20_000}'", f"s{n}") for n in range(600)]
        attackers.append(Attacker(client, [*texts, p.sync()]))
    return attackers


def slow_readers(gateway: Gateway) -> list[Attacker]:
    text = p.query("SELECT repeat('x', 1000) FROM generate_series(1, 60000)")
    return [Attacker(one, [text]) for one in enter(gateway, 11, "session")]


def half_logins(gateway: Gateway) -> list[Attacker]:
    attackers = []
    for _ in range(3000):
        with contextlib.suppress(ConnectionError):
            client = ScriptedClient(gateway.target("transaction"))
            startup = p.startup({"user": "app", "database": "app"})
            attackers.append(Attacker(client, [startup, p.header(b"p", 65_000), bytes(64_000)]))
    return attackers


ATTACKS: dict[str, Callable[[Gateway], list[Attacker]]] = {
    "half-sent messages": half_sent_messages,
    "waiting queries": waiting_queries,
    "prepared texts": prepared_texts,
    "slow readers": slow_readers,
    "half logins": half_logins,
}


@pytest.mark.parametrize("server_version", ["18"], indirect=True)
@pytest.mark.parametrize("kind", ATTACKS)
def test_the_bound_holds(bounded: Gateway, kind: str) -> None:
    with Bystander(bounded) as bystander:
        attackers = ATTACKS[kind](bounded)
        attack(attackers)
        if kind == "slow readers":
            eventually(lambda: counted_bytes(bounded) > BOUND_BYTES * 0.7, WITHIN_S)
        before = bystander.served
        eventually(lambda: bystander.served > before + 20 or bystander.failure)
        for one in attackers:
            one.client.close()
    assert peak_bytes(bounded) < BOUND_BYTES
