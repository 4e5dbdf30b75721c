"""The processes that make the load: driver clients and pgbench, started again when they end."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.soak.told import Account, Tail
from tests.support.gateway import Gateway
from tests.support.postgres_cluster import PostgresCluster

CLIENTS = (
    ("psycopg", "transaction", "app"),
    ("psycopg", "session", "app"),
    ("psycopg", "direct", "app"),
    ("psycopg-async", "transaction", "app"),
    ("asyncpg", "transaction", "second"),
    ("asyncpg", "session", "app"),
    ("sqlalchemy", "transaction", "app"),
    ("pg8000", "transaction", "second"),
    ("pg8000", "session", "app"),
)
PGBENCH_MODES = (["-Msimple"], ["-Mextended"], ["-Mprepared"], ["-C"])
PGBENCH_S = 15
STOPPED_S = 3.0
ENDS_S_MAX = 120
"""A client that was told to end ends so soon, whatever it waits for."""
SILENT_S_MAX = 150
"""A client that has not noted anything for so long hangs."""


@dataclass
class Running:
    """One client process."""

    place: int
    number: int
    process: subprocess.Popen[bytes]
    tail: Tail
    heard_s: float
    stopped_s: float | None = None


class Load:
    """Clients of every kind and one pgbench after another.

    Args:
        folder: for their notes.
        rate: units of work a second and client; pgbench gets as many transactions.

    Attributes:
        account: what all of them were told.
        complaints: what is wrong with a client process itself.
    """

    def __init__(
        self, cluster: PostgresCluster, gateway: Gateway, folder: Path, rate: float, seed: int
    ) -> None:
        self.account = Account()
        self.complaints: list[str] = []
        self.pgbench_runs: dict[str, int] = {}
        self._cluster = cluster
        self._gateway = gateway
        self._folder = folder
        self._rate = rate
        self._random = random.Random(seed)
        self._started = 0
        self._running: list[Running] = []
        self._pgbench: tuple[str, subprocess.Popen[bytes]] | None = None
        self._over = False

    # ------------------------------------------------------------------- life

    def tend(self) -> None:
        """Starts who is missing, reads what was noted; to be called all the time."""
        now_s = time.monotonic()
        if not self._running:
            self._running = [self._start(place) for place in range(len(CLIENTS))]
        for at, one in enumerate(self._running):
            self._read(one)
            if one.stopped_s is not None and now_s > one.stopped_s + STOPPED_S:
                one.process.send_signal(signal.SIGCONT)
                one.stopped_s = None
            if one.process.poll() is not None:
                self._ended(one)
                self._running[at] = self._start(one.place)
            elif now_s - one.heard_s > SILENT_S_MAX:
                self._hangs(one)
        self._tend_pgbench()

    def _start(self, place: int) -> Running:
        kind, door, user = CLIENTS[place]
        self._started += 1
        told = self._folder / f"told-{self._started}"
        words = [kind, str(told), str(self._started), str(self._rate)]
        target = json.dumps(asdict(self._gateway.target(door, user)))
        with (self._folder / f"stderr-{self._started}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.kinds", *words],
                env={**os.environ, "PGLANE_SOAK_TARGET": target},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return Running(place, self._started, process, Tail(told), time.monotonic())

    def _read(self, one: Running) -> None:
        kind, door, _ = CLIENTS[one.place]
        lines = one.tail.lines()
        if lines:
            one.heard_s = time.monotonic()
        for line in lines:
            self.account.take(f"{kind} {door}", line)

    def _ended(self, one: Running) -> None:
        """Reads its last words; only a fault or `finish` may end a client."""
        self._read(one)
        code = one.process.returncode
        # TERM ends one that has only just been started, and not yet read what it means.
        expected = {-signal.SIGKILL, -signal.SIGTERM, 0} if self._over else {-signal.SIGKILL}
        if code not in expected:
            said = (self._folder / f"stderr-{one.number}").read_text()[-2000:]
            self.complaints.append(f"{CLIENTS[one.place]} ended with {code}: {said}")

    def _hangs(self, one: Running) -> None:
        self.complaints.append(f"{CLIENTS[one.place]} (soak-{one.number}) hangs")
        one.process.kill()
        one.process.wait()

    def finish(self) -> None:
        """Lets all end by themselves and reads what they say."""
        self._over = True
        for one in self._running:
            one.process.send_signal(signal.SIGCONT)
            one.process.terminate()
        deadline = time.monotonic() + ENDS_S_MAX
        for one in self._running:
            try:
                one.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                self._hangs(one)
            self._ended(one)
        if self._pgbench is not None:
            self._pgbench[1].terminate()
            self._pgbench[1].wait(ENDS_S_MAX)

    def kill(self) -> None:
        """Leaves nothing behind."""
        for one in self._running:
            one.process.kill()
            one.process.wait()
        if self._pgbench is not None:
            self._pgbench[1].kill()
            self._pgbench[1].wait()

    # ---------------------------------------------------------------- pgbench

    def _tend_pgbench(self) -> None:
        """Runs of some seconds in each mode in turn; a fault may end one."""
        if self._pgbench is not None:
            mode, process = self._pgbench
            if process.poll() is None:
                return
            self.pgbench_runs[mode] = self.pgbench_runs.get(mode, 0) + 1
        mode = PGBENCH_MODES[sum(self.pgbench_runs.values()) % len(PGBENCH_MODES)]
        words = [*mode, "-n", "-c2", f"-R{self._rate}", f"-T{PGBENCH_S}"]
        with (self._folder / "pgbench").open("ab") as log:
            process = subprocess.Popen(
                [str(self._cluster.program("pgbench")), *words],
                env={**os.environ, **self._gateway.target("transaction").environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._pgbench = (" ".join(mode), process)

    # ----------------------------------------------------------------- faults

    def kill_one(self, chance: random.Random) -> str:
        one = chance.choice(self._running)
        one.process.kill()
        return " ".join(CLIENTS[one.place])

    def stop_one(self, chance: random.Random) -> str:
        one = chance.choice(self._running)
        if one.stopped_s is None and one.process.poll() is None:
            one.process.send_signal(signal.SIGSTOP)
            one.stopped_s = time.monotonic()
        return " ".join(CLIENTS[one.place])
