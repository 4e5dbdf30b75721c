"""A gateway of a test's own: `python -m pglane up` in a process, its doors, its log."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg.rows import dict_row

from tests.support.postgres_cluster import PostgresCluster
from tests.support.scram import verifier
from tests.support.target import PASSWORDS, Target
from tests.support.waiting import eventually

DOORS = ("transaction", "session", "direct")
START_S = 30.0
PROGRAM = "tests.support.late_monitor" if "PGLANE_TEST_MONITOR_LATE_S" in os.environ else "pglane"


class Gateway:
    """One running `pglane up` in front of a cluster.

    Args:
        cluster: the PostgreSQL behind it.
        options: further words of the command line, such as ("--budget", "4").
        settings: tables of pglane.toml, such as {"clients": {"login_ms_max": 500}}.
        users: roles that may come in beside the URI's own.
        uri: another URI than the cluster's TCP one.
    """

    def __init__(
        self,
        cluster: PostgresCluster,
        options: Sequence[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        users: Sequence[str] = ("second", "third", "postgres", "replicator"),
        uri: str | None = None,
        password: str = PASSWORDS["app"],
    ) -> None:
        self.cluster = cluster
        self.folder = Path(tempfile.mkdtemp(prefix="pglane-test-gateway-"))
        self.ports: dict[str, int] = {}
        self.lines: list[str] = []
        self._lines_read: queue.Queue[str | None] = queue.Queue()
        self._users = tuple(users)
        self._config = self._write_config(settings or {}, users)
        self._command = [
            *(sys.executable, "-m", PROGRAM, "up", uri or cluster.uri_without_secret()),
            *("--config", str(self._config)),
            *("--transaction-port", "0", "--session-port", "0", "--direct-port", "0"),
            *options,
        ]
        self._password = password
        self.process: subprocess.Popen[str] | None = None

    def _write_config(
        self, settings: Mapping[str, Mapping[str, Any]], users: Sequence[str]
    ) -> Path:
        secrets = {
            f"users.{user}": {
                "verifier": verifier(PASSWORDS[user]),
                "password": PASSWORDS[user],
            }
            for user in users
        }
        lines = []
        for table in [*settings, *(name for name in secrets if name not in settings)]:
            values = {**secrets.get(table, {}), **settings.get(table, {})}
            lines.append(f"[{table}]")
            lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
        path = self.folder / "pglane.toml"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return path

    # ------------------------------------------------------------------ life

    def start(self) -> "Gateway":
        """Starts it and reads the doors' lines.

        Raises:
            AssertionError: it ended, or printed no doors in time; with its log.
        """
        environment = {**os.environ, "PGPASSWORD": self._password, "NO_COLOR": "1"}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        self._reader.start()
        while len(self.ports) < len(DOORS):
            self._take_line()
        return self

    def _read_lines(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines_read.put(line)
        self._lines_read.put(None)

    def _take_line(self) -> None:
        """Waits for one line of the output; a line `door  URI  text` tells a door's port."""
        try:
            line = self._lines_read.get(timeout=START_S)
        except queue.Empty:
            raise AssertionError(f"no doors in {START_S} s: {self.lines}\n{self.log()}") from None
        if line is None:
            raise AssertionError(f"pglane up ended: {self.lines}\n{self.log()}")
        self.lines.append(line)
        words = line.split()
        if len(words) > 1 and words[0] in DOORS and "://" in words[1]:
            self.ports[words[0]] = urlsplit(words[1]).port or 0

    def stop(self, how: int = signal.SIGINT, within_s: float = 20.0) -> int:
        """Stops it with a signal; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            for one in self.processes():
                one.kill()
            self.process.wait(timeout=5)
            raise AssertionError(f"pglane did not stop in {within_s} s\n{self.log()}") from None
        finally:
            self._reader.join(timeout=5)
            assert self.process.stdout is not None
            self.process.stdout.close()

    def hang_up(self) -> None:
        """Lets it read its configuration again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def reload_with(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Lets it read other settings; the users stay."""
        self._write_config(settings, self._users)
        self.hang_up()

    def destroy(self) -> None:
        try:
            if self.process is not None:
                self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --------------------------------------------------------------- looking

    @property
    def log_path(self) -> Path:
        return self.folder / "stderr"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def supervisor_pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def worker_pid(self) -> int:
        """Process id of the only worker."""
        workers = psutil.Process(self.supervisor_pid).children()
        assert len(workers) == 1, workers
        return workers[0].pid

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all below it that still run."""
        top = psutil.Process(self.supervisor_pid)
        return [top, *top.children(recursive=True)]

    def worker_memory_bytes(self) -> int:
        """Resident memory of the worker."""
        return int(psutil.Process(self.worker_pid).memory_info().rss)

    def target(self, door: str, user: str = "app", database: str = "app") -> Target:
        port = self.ports[door]
        return Target(door, "127.0.0.1", port, self.cluster.version, user, database)

    def uri(self, door: str, user: str = "app", **options: str) -> str:
        return self.target(door, user).uri(**options)

    def show(self, what: str, door: str = "transaction") -> list[dict[str, Any]]:
        """Rows of `SHOW what` from the console, by column name."""
        uri = self.target(door, database="pglane").uri()
        with psycopg.connect(uri, autocommit=True, row_factory=dict_row) as console:
            return console.execute(f"SHOW {what}".encode(), prepare=False).fetchall()

    def wait_for_catalogs(self, database: str = "app") -> None:
        """Until its catalogs are read: before that, a look behind each statement is one turn more.

        Somebody's server connection must have been opened: without one nobody watches.
        """

        def are_read() -> bool:
            return bool(self.monitor(database)["catalog_epoch"])

        eventually(are_read, what=f"the catalogs of {database} are read")

    def monitor(self, database: str = "app") -> dict[str, Any]:
        """The row of SHOW MONITORS; all is empty in it if nobody watches over that database."""
        rows = [row for row in self.show("MONITORS") if row["database"] == database]
        return rows[0] if rows else defaultdict(str)

    def server_connections(self) -> list[tuple[Any, ...]]:
        """What the database sees of this gateway's budget (and of nobody else)."""
        return self.cluster.activity(
            f"client_port IN ({self.local_ports()}) AND application_name <> 'pglane monitor'"
        )

    def local_ports(self) -> str:
        """Of its connections to the server, for SQL; never empty."""
        ports = {-1}
        for one in self.processes():
            for line in one.net_connections(kind="tcp"):
                if line.raddr and line.raddr.port == self.cluster.port:
                    ports.add(line.laddr.port)
        return ",".join(str(port) for port in ports)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
