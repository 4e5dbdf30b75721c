"""`python -m bench.end_to_end.idle_clients`: memory of a gateway with thousands of idle clients.

Clients log in without a password (`trust`, on this side only): what is asked is what a connected
client costs, not what its login costs. Each contender is started afresh, its memory is read before
anybody is there, with all clients logged in, and again after all of them have asked one query at
once, when buffers have been used. Memory of the kernel (socket buffers) is not counted.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_STREAM, socket

from bench.end_to_end import cluster, contenders, report
from bench.end_to_end.cluster import Cluster, Endpoint
from bench.end_to_end.contenders import CLIENTS_MAX, Contender
from pglane.lab import pgbouncer, processes, procfs

SIZE = 20
# Linux: leave the choice of the source port to connect(), which then only avoids used pairs.
IP_BIND_ADDRESS_NO_PORT = 24
CLIENTS_PER_ADDRESS = 20_000
FILES_SPARE = 1_000
RECV_S_MAX = 30
IDLE_S = 3.0
PROTOCOL_3_0 = 196608
HEAD = (
    "contender",
    "clients",
    "empty MiB",
    "RSS/client KiB",
    "PSS/client KiB",
    "RSS/client after a burst KiB",
    "PSS/client after a burst KiB",
    "idle CPU ms/s",
    "logins/s",
)


class LoginRefusedError(Exception):
    """An ErrorResponse came, or the connection ended; the message is the server's."""


class Client:
    """A PostgreSQL client that can log in without a password and run a query, nothing else."""

    def __init__(self, endpoint: Endpoint, number: int) -> None:
        self._socket = socket(type=SOCK_STREAM)
        self._socket.settimeout(RECV_S_MAX)
        self._socket.setsockopt(0, IP_BIND_ADDRESS_NO_PORT, 1)
        self._socket.bind((f"127.0.0.{2 + number // CLIENTS_PER_ADDRESS}", 0))
        self._socket.connect((endpoint.host, endpoint.port))
        names = {"user": endpoint.user, "database": endpoint.database, "application_name": "idle"}
        text = b"".join(f"{name}\0{value}\0".encode() for name, value in names.items()) + b"\0"
        body = PROTOCOL_3_0.to_bytes(4) + text
        self._socket.sendall((len(body) + 4).to_bytes(4) + body)
        self.await_ready()

    def ask(self, sql: bytes) -> None:
        """Sends a query; `await_ready` takes the answer."""
        self._socket.sendall(b"Q" + (len(sql) + 5).to_bytes(4) + sql + b"\0")

    def await_ready(self) -> None:
        """Reads up to ReadyForQuery and throws it away."""
        held = b""
        while True:
            part = self._socket.recv(65536)
            if not part:
                raise LoginRefusedError("the connection was closed")
            held += part
            while len(held) >= 5 and len(held) > (length := int.from_bytes(held[1:5])):
                if held[:1] == b"E":
                    raise LoginRefusedError(
                        held[5:length].replace(b"\0", b" ").decode(errors="replace")
                    )
                if held[:1] == b"Z":
                    return
                held = held[length + 1 :]

    def close(self) -> None:
        """Without a Terminate message; the gateway has to cope."""
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one contender's idle clients cost; bytes are differences to the empty gateway."""

    name: str
    clients: int
    empty_bytes: int
    resident_bytes: float
    proportional_bytes: float
    used_resident_bytes: float
    used_proportional_bytes: float
    idle_cpu_part: float
    logins_per_s: float

    def cells(self) -> list[str]:
        """For the table."""
        kib = [
            value / 1024
            for value in (
                self.resident_bytes,
                self.proportional_bytes,
                self.used_resident_bytes,
                self.used_proportional_bytes,
            )
        ]
        return [
            self.name,
            str(self.clients),
            f"{self.empty_bytes / 2**20:.1f}",
            *(f"{value:.2f}" for value in kib),
            f"{self.idle_cpu_part * 1000:.1f}",
            f"{self.logins_per_s:.0f}",
        ]


@contextmanager
def logged_in(endpoint: Endpoint, count: int) -> Iterator[list[Client]]:
    """That many clients; all are closed at the end."""
    with ExitStack() as stack:
        clients: list[Client] = []
        for number in range(count):
            clients.append(Client(endpoint, number))
            stack.callback(clients[-1].close)
        yield clients


def ask_all(clients: list[Client]) -> None:
    """All ask before anybody reads: the gateway has to hold what it cannot pass on yet."""
    for client in clients:
        client.ask(b"SELECT 1")
    for client in clients:
        client.await_ready()


def footprint(contender: Contender, count: int) -> Footprint:
    """Opens the clients and reads the gateway's memory around it."""
    with logged_in(contender.endpoint, 1) as first:
        # The first client makes the gateway open a server connection and load what it needs.
        ask_all(first)
    empty = procfs.memory(contender.pid)
    begin = time.monotonic()
    with logged_in(contender.endpoint, count) as clients:
        login_s = time.monotonic() - begin
        fresh = procfs.memory(contender.pid)
        cpu_s = contender.cpu_s()
        time.sleep(IDLE_S)
        idle_s = contender.cpu_s() - cpu_s
        ask_all(clients)
        used = procfs.memory(contender.pid)
    return Footprint(
        contender.name,
        count,
        empty.proportional_bytes,
        (fresh.resident_bytes - empty.resident_bytes) / count,
        (fresh.proportional_bytes - empty.proportional_bytes) / count,
        (used.resident_bytes - empty.resident_bytes) / count,
        (used.proportional_bytes - empty.proportional_bytes) / count,
        idle_s / IDLE_S,
        count / login_s,
    )


def gateways(running: Cluster, folder: Path) -> list[AbstractContextManager[Contender]]:
    """All that are compared; none is started yet."""
    bouncers = [
        contenders.pgbouncer(running, folder, program, SIZE, trust=True)
        for program in pgbouncer.programs()
    ]
    return [*bouncers, contenders.pglane(running, folder, SIZE, trust=True)]


def markdown(where: report.Circumstances, found: list[Footprint], missing: list[str]) -> str:
    """The report."""
    cells = [one.cells() for one in found]
    head = f"# Idle clients, {where.date}\n\n{report.facts(where, missing)}"
    return f"{head}\n\n{report.table(HEAD, cells)}\n"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=10_000, help=f"up to {CLIENTS_MAX}")
    parser.add_argument("--no-files", action="store_true", help="leave bench/results alone")
    chosen = parser.parse_args()
    if not 1 <= chosen.clients < CLIENTS_MAX:
        parser.error(f"--clients is {chosen.clients}; it must lie between 1 and {CLIENTS_MAX - 1}")
    return chosen


def main() -> int:
    """Runs it; 0 when everybody was measured."""
    chosen = options()
    processes.end_on_sigterm()
    wanted = chosen.clients + FILES_SPARE
    if (files := processes.raise_file_limit(wanted)) < wanted:
        print(f"{wanted} open files needed, {files} allowed: raise `ulimit -n`", file=sys.stderr)
        return 1
    bin_ = cluster.default_bin()
    found: list[Footprint] = []
    missing: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pglane-idle-")))
        processes.give_away(folder)
        pgbench = cluster.find_pgbench(bin_)
        running = stack.enter_context(cluster.running(folder, bin_, pgbench, scale=1))
        for gateway in gateways(running, folder):
            try:
                with gateway as contender:
                    found.append(footprint(contender, chosen.clients))
            except (processes.CannotStartError, LoginRefusedError, OSError) as reason:
                missing.append(f"{type(reason).__name__}: {reason}")
        where = report.circumstances("bench.end_to_end.idle_clients", running.version)
    text = markdown(where, found, missing)
    if not chosen.no_files:
        report.RESULTS.mkdir(exist_ok=True)
        stem = f"{datetime.now(UTC):%Y-%m-%d}-{where.commit}-idle"
        (report.RESULTS / f"{stem}.md").write_text(text)
    print(text)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
