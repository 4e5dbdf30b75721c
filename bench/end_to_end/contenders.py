"""Who is compared: PostgreSQL itself, PgBouncer, pglane; each started, awaited, stopped.

PgBouncer gets what is best for it: the role's SCRAM secret in its user list (no key derivation per
login, the client's proof is passed on to the server), no logging of connections, no statistics.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.end_to_end.cluster import Cluster, Endpoint, client_environment
from pglane.lab import gateway, pgbouncer as pgbouncer_program, processes, procfs

CLIENTS_MAX = 20_000


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
    number = pgbouncer_program.version_of(program)
    tracks = pgbouncer_program.tracks_prepared(number)
    server = cluster.endpoint
    settings = {
        "auth_type": "trust" if trust else "scram-sha-256",
        "pool_mode": "transaction",
        "default_pool_size": str(size),
        "max_client_conn": str(CLIENTS_MAX),
    }
    if tracks:
        settings["max_prepared_statements"] = "200"
    if tls is not None:
        settings["client_tls_sslmode"] = "require"
        settings["client_tls_cert_file"] = str(tls.certificate)
        settings["client_tls_key_file"] = str(tls.key)
    configuration = pgbouncer_program.Configuration(
        databases={server.database: f"host={server.host} port={server.port}"},
        users={server.user: cluster.psql.password if trust else cluster.verifier},
        settings=settings,
        limits={},
    )
    with pgbouncer_program.running(program, folder, configuration) as one:
        end = Endpoint(one.port, database=server.database)
        yield Contender("pgbouncer", number, size, end, one.pid, tracks, tls is not None)


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
    uri = f"postgresql://{server.user}@{server.host}:{server.port}/{server.database}"
    options = [uri, "--budget", str(size)]
    options += ["--auth", "trust"] if trust else []
    if tls is not None:
        config = folder / f"pglane-{size}.toml"
        config.write_text(
            f'[clients]\ntls_sslmode = "require"\n'
            f'tls_cert_file = "{tls.certificate}"\ntls_key_file = "{tls.key}"\n'
        )
        options += ["--config", str(config)]
    environment = {
        "PGPASSWORD": cluster.psql.password,
        **({"PYTHONPATH": str(sources)} if sources else {}),
    }
    with gateway.running(folder, name, options, environment) as one:
        endpoint = Endpoint(one.ports["transaction"], database=server.database)
        number = gateway.version_told()
        yield Contender("pglane", number, size, endpoint, one.pid, True, tls is not None)


def refuses_wrong_password(cluster: Cluster, contender: Contender) -> bool:
    """Whether this contender checks passwords at all; otherwise logins would not compare.

    The right one comes first: a PgBouncer 1.25.2 that sees a wrong one before it knows the keys of
    the role cannot log in to the server any more ("wrong password type").
    """
    password = cluster.psql.password
    return _is_let_in(cluster, contender, password) and not _is_let_in(
        cluster, contender, "not-" + password
    )


def _is_let_in(cluster: Cluster, contender: Contender, password: str) -> bool:
    end = contender.endpoint
    argv: list[str | Path] = [
        cluster.psql.program,
        "-Xqc",
        "SELECT 1",
        f"-h{end.host}",
        f"-p{end.port}",
    ]
    environment = {**os.environ, **client_environment(password, tls=contender.tls)}
    done = subprocess.run(
        [*argv, f"-U{end.user}", end.database],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
