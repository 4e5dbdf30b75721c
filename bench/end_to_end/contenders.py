"""Who is compared: PostgreSQL itself, PgBouncer, pglane; each started, awaited, stopped.

PgBouncer gets what is best for it: the role's SCRAM secret in its user list (no key derivation per
login, the client's proof is passed on to the server), no logging of connections, no statistics.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.end_to_end import processes, procfs
from bench.end_to_end.cluster import Cluster, Endpoint, client_environment
from pglane import version

NEWER_PGBOUNCER = "PGLANE_BENCH_PGBOUNCER"
SYSTEM_PGBOUNCER = Path("/usr/sbin/pgbouncer")
CLIENTS_MAX = 20_000
# The first version that follows prepared statements of the protocol in transaction mode.
PREPARED_SINCE = (1, 21)


@dataclass(frozen=True, slots=True)
class Contender:
    """One that runs.

    Attributes:
        family: `direct`, `pgbouncer` or `pglane`.
        version: as it names itself.
        size: how many server connections it may open; 0: as many as there are clients.
        pid: root of its tree of processes; 0: it has none of its own.
        prepared: whether protocol-level prepared statements work.
        tls: clients connect to it by TLS.
    """

    family: str
    version: str
    size: int
    endpoint: Endpoint
    pid: int
    prepared: bool
    tls: bool = False

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.family} {self.version}" + (f", {self.size} conns" if self.size else "")

    def cpu_s(self) -> float:
        """CPU seconds of all its processes so far."""
        return procfs.cpu_s(self.pid) if self.pid else 0.0


def direct(cluster: Cluster) -> Contender:
    """PostgreSQL without anything in front of it."""
    return Contender("direct", cluster.version.split()[0], 0, cluster.endpoint, 0, prepared=True)


def pgbouncer_version(program: Path) -> str:
    """`1.18.0`; CannotStartError when it is not there."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise processes.CannotStartError(f"PgBouncer {program.name}: {error}") from error
    found = re.search(r"PgBouncer (\d+\.\d+(\.\d+)?)", said.stdout)
    if not found:
        raise processes.CannotStartError(
            f"this is not PgBouncer: it calls itself {said.stdout[:40]!r}"
        )
    return found[1]


def pgbouncer_programs() -> list[Path]:
    """The system's and, when the environment names one, a newer one."""
    newer = os.environ.get(NEWER_PGBOUNCER)
    return [SYSTEM_PGBOUNCER, *([Path(newer)] if newer else [])]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What clients are shown; two files."""

    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """One that signed itself, on the curve that everybody uses."""
    made = Certificate(folder / "door.crt", folder / "door.key")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    argv = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=localhost", *curve]
    files = ["-out", str(made.certificate), "-keyout", str(made.key)]
    try:
        subprocess.run([*argv, *files], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise processes.CannotStartError(f"no certificate: {error}") from error
    for path in (made.certificate, made.key):
        processes.give_away(path)
    return made


@contextmanager
def pgbouncer(
    cluster: Cluster,
    folder: Path,
    program: Path,
    size: int,
    *,
    trust: bool = False,
    tls: Certificate | None = None,
) -> Iterator[Contender]:
    """PgBouncer in transaction mode; `trust`: clients need no password."""
    number = pgbouncer_version(program)
    tracks = tuple(int(part) for part in number.split(".")[:2]) >= PREPARED_SINCE
    port = processes.free_port()
    config = folder / f"pgbouncer-{port}.ini"
    users, log = config.with_suffix(".users"), config.with_suffix(".log")
    secret = cluster.psql.password if trust else cluster.verifier
    users.touch(mode=0o600)
    users.write_text(f'"{cluster.endpoint.user}" "{secret}"\n')
    more = {"max_prepared_statements": "200"} if tracks else {}
    if tls is not None:
        more["client_tls_sslmode"] = "require"
        more["client_tls_cert_file"] = str(tls.certificate)
        more["client_tls_key_file"] = str(tls.key)
    config.write_text(_pgbouncer_settings(cluster, port, size, users, more, trust=trust))
    processes.give_away(users)
    argv: list[str | Path] = [program, "--quiet", config]
    process = processes.spawn(argv, log=log, environment={}, demoted=True)
    try:
        processes.await_start(process, lambda: processes.accepts(port), log, f"PgBouncer {number}")
        end = Endpoint(port)
        yield Contender("pgbouncer", number, size, end, process.pid, tracks, tls is not None)
    finally:
        processes.stop(process)


def _pgbouncer_settings(
    cluster: Cluster, port: int, size: int, users: Path, more: dict[str, str], *, trust: bool
) -> str:
    server = cluster.endpoint
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "trust" if trust else "scram-sha-256",
        "auth_file": str(users),
        "pool_mode": "transaction",
        "default_pool_size": str(size),
        "max_client_conn": str(CLIENTS_MAX),
        "log_connections": "0",
        "log_disconnections": "0",
        "log_stats": "0",
        **more,
    }
    database = f"{server.database} = host={server.host} port={server.port}"
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""])


@contextmanager
def pglane(
    cluster: Cluster,
    folder: Path,
    size: int,
    *,
    trust: bool = False,
    tls: Certificate | None = None,
    sources: Path | None = None,
) -> Iterator[Contender]:
    """The transaction door of pglane, as its own command line starts it.

    `sources`: where another package `pglane` lies that runs instead of the installed one.
    """
    server = cluster.endpoint
    name = f"pglane-{size}" + (f"-{sources.parent.name}" if sources else "")
    log = folder / f"{name}.log"
    log.write_text("")
    uri = f"postgresql://{server.user}@{server.host}:{server.port}/{server.database}"
    argv = [sys.executable, "-m", "pglane", "up", uri, "--budget", str(size)]
    for door in ("transaction", "session", "direct"):
        argv += [f"--{door}-port", str(processes.free_port())]
    argv += ["--auth", "trust"] if trust else []
    if tls is not None:
        config = folder / f"pglane-{size}.toml"
        config.write_text(
            f'[clients]\ntls_sslmode = "require"\n'
            f'tls_cert_file = "{tls.certificate}"\ntls_key_file = "{tls.key}"\n'
        )
        argv += ["--config", str(config)]
    environment = {
        "PGPASSWORD": cluster.psql.password,
        "XDG_STATE_HOME": str(folder / f"{name}-state"),
        **({"PYTHONPATH": str(sources)} if sources else {}),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    process = processes.spawn(argv, log=log, environment=environment, demoted=False)
    try:
        processes.await_start(process, lambda: _transaction_port(log) > 0, log, "pglane")
        endpoint = Endpoint(_transaction_port(log))
        number = pglane_version()
        yield Contender("pglane", number, size, endpoint, process.pid, True, tls is not None)
    finally:
        processes.stop(process)


def _transaction_port(log: Path) -> int:
    """The port in the line `transaction  postgresql://…  what it is for`; 0: not there yet."""
    for line in log.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "transaction" and words[1].startswith("postgres"):
            return urlsplit(words[1]).port or 0
    return 0


def pglane_version() -> str:
    """Its number, and whether the compiled modules are what runs."""
    return f"{version.VERSION} ({'compiled' if version.compiled() else 'pure Python'})"


def refuses_wrong_password(cluster: Cluster, contender: Contender) -> bool:
    """Whether this contender checks passwords at all; otherwise logins would not compare."""
    end = contender.endpoint
    argv: list[str | Path] = [
        cluster.psql.program,
        "-Xqc",
        "SELECT 1",
        f"-h{end.host}",
        f"-p{end.port}",
    ]
    wrong = client_environment("not-" + cluster.psql.password, tls=contender.tls)
    environment = {**os.environ, **wrong}
    done = subprocess.run(
        [*argv, f"-U{end.user}", end.database],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode != 0
