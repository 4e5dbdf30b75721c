"""What breaks during a soak. Each fault is a method of `Breaker`; a seed chooses."""

import contextlib
import os
import random
import signal
from collections.abc import Callable, Sequence

import psutil
import psycopg

from tests.soak.load import Load
from tests.support.fault_proxy import BEFORE, BEHIND, TO_CLIENT, TO_SERVER, WITHIN, Cut, FaultProxy
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.waiting import eventually

STARTED_AGAIN_S = 30

WEIGHTS = {
    "answer_lost": 8,
    "cut": 5,
    "backend_ended": 5,
    "client_killed": 3,
    "client_stopped": 2,
    "reload": 2,
    "network_broken": 1,
    "backend_killed": 1,
    "postgresql_fast": 1,
    "postgresql_immediate": 1,
}
"""How often each happens beside the others. `worker_killed` has a timetable of its own."""


COMMITS = (b"C\0\0\0\x0bCOMMIT\0", b"INSERT 0 1\0", b"COPY ")
"""What answers to writing statements look like."""


class Breaker:
    """Breaks one thing at a time.

    Attributes:
        happened: (seconds, what) of each fault so far.
    """

    def __init__(
        self,
        cluster: PostgresCluster,
        proxy: FaultProxy,
        gateway: Gateway,
        load: Load,
        seed: int,
    ) -> None:
        self.happened: list[tuple[float, str]] = []
        self._cluster = cluster
        self._proxy = proxy
        self._gateway = gateway
        self._load = load
        self._random = random.Random(seed)

    def random_fault(self, now_s: float) -> None:
        (name,) = self._random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))
        self.fault(name, now_s)

    def fault(self, name: str, now_s: float) -> None:
        doing: Callable[[], str | None] = getattr(self, name)
        said = doing()
        self.happened.append((round(now_s, 1), f"{name} {said or ''}".strip()))

    # -------------------------------------------------------------- the network

    def cut(self) -> str:
        """At a message to come, of whichever connection to PostgreSQL."""
        one = Cut(
            self._random.choice((TO_SERVER, TO_CLIENT)),
            self._random.randrange(60),
            self._random.choice((BEFORE, WITHIN, BEHIND)),
            self._random.random() < 0.5,
        )
        self._proxy.arm(one)
        return str(one)

    def answer_lost(self) -> str:
        """The next answer to something that was committed does not get through whole."""
        one = Cut(
            TO_CLIENT,
            0,
            self._random.choice((BEFORE, WITHIN)),
            self._random.random() < 0.5,
            self._random.choice(COMMITS),
        )
        self._proxy.arm(one)
        return str(one)

    def network_broken(self) -> None:
        self._proxy.break_all()

    # ------------------------------------------------------------ the processes

    def _backends(self) -> Sequence[int]:
        rows = self._cluster.activity(
            "usename IN ('app', 'second') AND backend_type = 'client backend'"
        )
        return [row[0] for row in rows]

    def backend_ended(self) -> str:
        pids = self._backends()
        if not pids:
            return "nobody"
        pid = self._random.choice(pids)
        self._cluster.admin(f"SELECT pg_terminate_backend({pid})")
        return ""

    def backend_killed(self) -> str:
        """PostgreSQL ends all others and recovers."""
        pids = self._backends()
        if not pids:
            return "nobody"
        with contextlib.suppress(AssertionError, ProcessLookupError):
            self._cluster.kill_backend(self._random.choice(pids))
        eventually(self._lets_in, within_s=60, what="PostgreSQL has recovered")
        return ""

    def _lets_in(self) -> bool:
        try:
            return bool(self._cluster.admin("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def client_killed(self) -> str:
        return self._load.kill_one(self._random)

    def client_stopped(self) -> str:
        """It reads nothing for a while."""
        return self._load.stop_one(self._random)

    def worker_killed(self) -> None:
        """Everything that the worker held is lost; the supervisor starts another."""
        before = self._gateway.worker_pid
        os.kill(before, signal.SIGKILL)
        supervisor = psutil.Process(self._gateway.supervisor_pid)

        def another() -> bool:
            pids = [child.pid for child in supervisor.children() if child.is_running()]
            return bool(pids) and before not in pids

        eventually(another, within_s=STARTED_AGAIN_S, what="another worker")

    # --------------------------------------------------------------- the servers

    def postgresql_fast(self) -> None:
        self._cluster.restart("fast")

    def postgresql_immediate(self) -> None:
        self._cluster.restart("immediate")

    def reload(self) -> str:
        """Other limits than before."""
        budget = self._random.choice((7, 8, 9))
        self._gateway.reload_with({"server": {"budget": budget}})
        return f"budget {budget}"
