"""One soak: servers, load and faults together, and the verdict."""

import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.soak.faults import Breaker
from tests.soak.load import Load
from tests.soak.rest import SERVER_CONNECTIONS, come_to_rest, left_open
from tests.soak.samples import Curves, sample
from tests.support.fault_proxy import FaultProxy
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster
from tests.support.waiting import eventually

SCHEMA = """
SET ROLE app;
CREATE TABLE written (id bigint PRIMARY KEY, note text);
GRANT ALL ON written TO second;
"""
SETTINGS = {"server": {"budget": 8}}
TEND_EVERY_S = 0.5
COMPARE_EVERY_S = 60.0
HISTORY = """
SELECT (SELECT coalesce(sum(delta), 0) FROM pgbench_history),
       (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
       (SELECT sum(bbalance) FROM pgbench_branches)
"""


def _fill_pgbench(cluster: PostgresCluster) -> None:
    subprocess.run(
        [str(cluster.program("pgbench")), "-i", "-q", "-s1"],
        env={**os.environ, **cluster.target().environment()},
        capture_output=True,
        check=True,
    )


class Soak:
    """A context manager that leaves nothing behind.

    Args:
        cluster: a server of its own; it is stopped and started.
        rate: units of work a second and client.
        seed: chooses faults.
    """

    def __init__(self, cluster: PostgresCluster, rate: float, seed: int) -> None:
        self.curves = Curves()
        self.lies: list[str] = []
        self.at_rest: list[dict[str, int]] = []
        self.cluster = cluster
        self.seed = seed
        self._folder = tempfile.TemporaryDirectory(prefix="pglane-soak-")
        cluster.admin(SCHEMA, database="app")
        _fill_pgbench(cluster)
        self.proxy = FaultProxy(cluster.port)
        uri = f"postgresql://app@127.0.0.1:{self.proxy.port}/app"
        self.gateway = Gateway(cluster, (), SETTINGS, uri=uri)
        folder = Path(self._folder.name)
        self.load = Load(cluster, self.gateway, folder, rate, seed)
        self.breaker = Breaker(cluster, self.proxy, self.gateway, self.load, seed)
        self._begun_s = time.monotonic()
        self._compared: set[int] = set()

    def __enter__(self) -> "Soak":
        self.gateway.start()
        self.at_rest.append(self._descriptors())
        self._begun_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.load.kill()
        self.cluster.ensure_running()
        self.gateway.destroy()
        self.proxy.close()
        self._folder.cleanup()

    @property
    def now_s(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._begun_s

    def run(
        self,
        timetable: Sequence[tuple[float, str]],
        mean_s: float,
        sample_every_s: float,
        over: Callable[[], bool],
    ) -> None:
        """Load and faults until `over`; behind it everybody ends and the table is compared.

        Args:
            timetable: (seconds, fault) of those that do not happen by chance; in order.
            mean_s: the mean time between two faults by chance; 0: there are none.
        """
        chance = random.Random(self.seed)
        fixed = list(timetable)
        at_s = sample_s = 0.0
        compare_s = COMPARE_EVERY_S
        fault_s = chance.expovariate(1 / mean_s) if mean_s else float("inf")
        never = threading.Event()
        while not over():
            self.load.tend()
            at_s = self.now_s
            if at_s >= sample_s:
                self.curves.add(sample(at_s, self.gateway.supervisor_pid))
                sample_s = at_s + sample_every_s
            if fixed and at_s >= fixed[0][0]:
                self.breaker.fault(fixed.pop(0)[1], at_s)
            elif at_s >= fault_s:
                self.breaker.random_fault(at_s)
                fault_s = self.now_s + chance.expovariate(1 / mean_s)
            if at_s >= compare_s:
                self._compare(set(self.load.account.ledger.committed) - self._compared)
                compare_s = at_s + COMPARE_EVERY_S
            never.wait(TEND_EVERY_S)
        self._finish()

    # ---------------------------------------------------------------- verdict

    def _compare(self, rows: set[int]) -> None:
        """Rows that were told as committed are there by now."""
        found = self.cluster.admin(
            f"SELECT id FROM written WHERE id = ANY('{{{','.join(map(str, rows))}}}')", "app"
        )
        lost = rows - {row[0] for row in found}
        self.lies += [f"row {row} was told as committed and is lost" for row in sorted(lost)]
        self._compared |= rows

    def _finish(self) -> None:
        self.proxy.arm(None)
        self.load.finish()
        eventually(
            lambda: not self.cluster.activity("state <> 'idle'"), 60, "nothing runs any more"
        )
        there = {row[0] for row in self.cluster.admin("SELECT id FROM written", "app")}
        ledger = self.load.account.ledger
        self.lies += [one for one in ledger.lies(there) if one not in self.lies]
        known = {*ledger.committed, *ledger.in_doubt, *ledger.refused, *self.load.account.open}
        self.lies += [f"row {row} is there and nobody wrote it" for row in sorted(there - known)]
        sums = self.cluster.admin(HISTORY, "app")[0]
        if len({int(one) for one in sums}) != 1:
            self.lies.append(f"pgbench: halves of transactions are there: {sums}")
        self.at_rest.append(come_to_rest(self._descriptors, self.at_rest[0]))

    def _descriptors(self) -> dict[str, int]:
        """Of each process when no client is there."""
        eventually(self._nobody_there, 60, "all clients are gone")
        found = sample(self.now_s, self.gateway.supervisor_pid)
        counts = {one.role: one.descriptors for one in found}
        return {**counts, SERVER_CONNECTIONS: self._server_connections()}

    def _server_connections(self) -> int:
        """Those that all processes of the gateway have."""
        return sum(
            bool(line.raddr) and line.raddr.port == self.proxy.port
            for process in self.gateway.processes()
            for line in process.net_connections(kind="tcp")
        )

    def _nobody_there(self) -> bool:
        """Beside the console's own client."""
        return len(self.gateway.show("CLIENTS")) <= 1

    def leaks(self) -> list[str]:
        """What grew that should not."""
        found = [
            f"{role} {pid}: {value} grew by {moves.growth:.0f} in {moves.judged_s:.0f} s "
            f"({moves.rising:.0%} of the pairs rise)"
            for role, pid, value, moves, leaks in self.curves.trends()
            if leaks
        ]
        return found + left_open(self.at_rest[0], self.at_rest[-1])

    def failures(self) -> list[str]:
        """Everything that must not be."""
        account = self.load.account
        traces = ["a traceback in the gateway's log"] if "Traceback" in self.gateway.log() else []
        return [
            *self.lies, *account.wrong, *account.strange, *self.load.complaints, *traces,
            *self.leaks(),
        ]  # fmt: skip
