"""A real PostgreSQL server for tests: its own data, its own port, gone at the end."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from tests.support.target import PASSWORDS, Target
from tests.support.unprivileged import (
    free_port,
    give_away,
    owned_directory,
    postgres_programs,
    process_owner,
)
from tests.support.waiting import eventually

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "jit": "off",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
    "max_prepared_transactions": "4",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

ACCESS = """\
local   all          all         scram-sha-256
host    all          md5_user    127.0.0.1/32  md5
host    all          clear_user  127.0.0.1/32  password
host    all          all         127.0.0.1/32  scram-sha-256
host    replication  all         127.0.0.1/32  scram-sha-256
"""

ROLES = """\
CREATE ROLE app LOGIN PASSWORD '{app}';
CREATE ROLE second LOGIN PASSWORD '{second}';
CREATE ROLE third LOGIN PASSWORD '{third}';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{replicator}';
CREATE ROLE clear_user LOGIN PASSWORD 'clear-secret';
SET password_encryption = 'md5';
CREATE ROLE md5_user LOGIN PASSWORD 'md5-secret';
"""


class PostgresCluster:
    """One throw-away server.

    Args:
        version: "18" or "15".
        max_connections: the server's own limit.
        settings: further lines of postgresql.conf.
    """

    def __init__(
        self,
        version: str,
        max_connections: int = 100,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.version = version
        self.programs = postgres_programs(version)
        self.port = free_port()
        self.folder = owned_directory(f"pglane-test-{version}-")
        self.data = self.folder / "data"
        self._log_path = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {
            **SETTINGS,
            "max_connections": str(max_connections),
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            **(settings or {}),
        }

    def configure(self, **settings: str) -> None:
        """More lines of postgresql.conf; before `create`."""
        self._settings.update(settings)

    # ------------------------------------------------------------------ life

    def create(self) -> "PostgresCluster":
        """Makes the data, starts, adds the roles and the databases."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORDS["postgres"])
        give_away(secret)
        self._run(
            "initdb", "--pgdata", str(self.data), "--username", "postgres", "--pwfile",
            str(secret), "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8",
            "--locale", "C",
        )  # fmt: skip
        self.take_configuration()
        self.start()
        self.admin(ROLES.format(**PASSWORDS))
        self.admin("CREATE DATABASE app OWNER app")
        self.admin("CREATE DATABASE other OWNER second")
        self.admin("GRANT ALL ON SCHEMA public TO second, third", database="app")
        return self

    def take_configuration(self) -> None:
        """Writes the configuration into the data, which may be a copy of another server's."""
        lines = [f"{name} = '{value}'" for name, value in self._settings.items()]
        (self.data / "postgresql.conf").write_text("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text(ACCESS)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **process_owner(),
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Starts the postmaster and waits until it lets the superuser in."""
        assert self._process is None, "it runs already"
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data)],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **process_owner(),
            )
        eventually(self._lets_us_in, within_s=60, what=f"PostgreSQL {self.version} is ready")

    def _lets_us_in(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"postgres ended:\n{self.log()}"
        try:
            self.admin("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, mode: str = "fast") -> None:
        """Stops the server.

        Args:
            mode: "smart", "fast" or "immediate", as pg_ctl names them.
        """
        if self._process is None:
            return
        how = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        self._process.send_signal(how[mode])
        self._process.wait(timeout=60)
        self._process = None

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def ensure_running(self) -> "PostgresCluster":
        if self._process is None:
            self.start()
        eventually(self._lets_us_in, within_s=60)
        return self

    def destroy(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_backend(self, pid: int, how: int = signal.SIGKILL) -> None:
        """Sends a signal to one of this server's processes, as an out-of-memory killer would."""
        assert self._process is not None
        family = {child.pid for child in _children(self._process.pid)}
        assert pid in family, f"{pid} is no process of this server: {family}"
        os.kill(pid, how)

    # --------------------------------------------------------------- looking

    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """A superuser's connection of a test's own, around every gateway; autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=PASSWORDS["postgres"],
            dbname=database,
            application_name="test-observer",
            autocommit=True,
            **options,
        )

    def admin(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs statements as the superuser; the rows of the last one, if it has some."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def activity(self, where: str = "true") -> list[tuple[Any, ...]]:
        """(pid, usename, state, query, application_name) of client backends other than ours."""
        return self.admin(
            "SELECT pid, usename, state, query, application_name FROM pg_stat_activity "
            "WHERE backend_type IN ('client backend', 'walsender') "
            f"AND application_name <> 'test-observer' AND ({where})"
        )

    def target(self, user: str = "app", database: str = "app") -> Target:
        """The server itself, around every gateway."""
        return Target("server", "127.0.0.1", self.port, self.version, user, database)

    def uri_without_secret(self, user: str = "app", database: str = "app") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def socket_uri(self, user: str = "app", database: str = "app") -> str:
        """Over the Unix socket, without the password."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def program(self, name: str) -> Path:
        """A client program of this version; Debian's when the wheel lacks it (psql has it)."""
        return self.programs / name


def _children(pid: int) -> list[Any]:
    import psutil  # noqa: PLC0415  -- only the killing tests need it

    return psutil.Process(pid).children()
