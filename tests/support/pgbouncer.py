"""PgBouncer from Debian, for tests that show what it does in the same place."""

import shutil
import subprocess
from pathlib import Path

import psycopg

from tests.support.postgres_cluster import PostgresCluster
from tests.support.target import PASSWORDS, Target
from tests.support.unprivileged import free_port, give_away, owned_directory, process_owner
from tests.support.waiting import eventually

PROGRAM = Path("/usr/sbin/pgbouncer")


class PgBouncer:
    """One PgBouncer in front of a cluster.

    Args:
        cluster: the server behind it.
        mode: "transaction" or "session".
        pool_size: server connections per (database, user).
        settings: further settings of the section [pgbouncer].
        program: another PgBouncer than Debian's.
    """

    def __init__(
        self,
        cluster: PostgresCluster,
        mode: str = "transaction",
        pool_size: int = 10,
        settings: dict[str, str] | None = None,
        program: Path = PROGRAM,
    ) -> None:
        self._program = program
        self.cluster = cluster
        self.mode = mode
        self.port = free_port()
        self.folder = owned_directory("pglane-test-pgbouncer-")
        self._process: subprocess.Popen[bytes] | None = None
        self._write(pool_size, settings or {})

    def _write(self, pool_size: int, settings: dict[str, str]) -> None:
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{n}" "{s}"\n' for n, s in PASSWORDS.items()))
        chosen = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": str(self.folder),
            "auth_type": "scram-sha-256",
            "auth_file": str(users),
            "pool_mode": self.mode,
            "default_pool_size": str(pool_size),
            "max_client_conn": "500",
            "ignore_startup_parameters": "extra_float_digits,options",
            "admin_users": "app",
            **settings,
        }
        text = f"[databases]\n* = host=127.0.0.1 port={self.cluster.port}\n[pgbouncer]\n"
        text += "".join(f"{name} = {value}\n" for name, value in chosen.items())
        (self.folder / "pgbouncer.ini").write_text(text)
        give_away(users)
        give_away(self.folder / "pgbouncer.ini")

    def start(self) -> "PgBouncer":
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), str(self.folder / "pgbouncer.ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **process_owner(),
            )
        eventually(self._answers, within_s=20, what="PgBouncer is ready")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.target().uri()).close()
        except psycopg.OperationalError:
            return False
        return True

    def target(self, user: str = "app", database: str = "app") -> Target:
        door = f"pgbouncer-{self.mode}"
        return Target(door, "127.0.0.1", self.port, self.cluster.version, user, database)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=20)
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)
