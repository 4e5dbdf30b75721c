"""The lab's own PostgreSQL: real, thrown away, with few connections and a role for each kind.

It is the embedded one, or the one whose programs are named. Durability is off: what is compared
lies in front of PostgreSQL, not under it. `max_connections` is small, for that is the point.
"""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pglane.lab.connection import AskedInVain, Connection, connect
from pglane.lab.place import Place
from pglane.lab.processes import uninterrupted
from pglane.postgres.binaries import find_binaries
from pglane.postgres.cluster import SUPERUSER, Cluster

DATABASE = "shop"
CONNECTIONS_MAX = 60
SETTINGS = {
    "max_connections": str(CONNECTIONS_MAX),
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
}
DUPLICATE_OBJECT = "42710"
SETTLE_S_MAX = 60.0
SETTLE_EVERY_S = 0.02
OTHERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
WALKED_THROUGH = 0o711


@dataclass(slots=True)
class Database:
    """A running one.

    Attributes:
        verifiers: each role's stored SCRAM secret, by name.
    """

    port: int
    folder: Path
    superuser_password: str = field(repr=False)
    password: str = field(repr=False)
    version: str = ""
    verifiers: dict[str, str] = field(default_factory=dict, repr=False)

    def place(self, role: str, application: str = "") -> Place:
        """PostgreSQL itself, as one of its roles."""
        return Place(self.port, role, DATABASE, self.password, application)

    async def make(self) -> None:
        """The database, and who owns it."""
        async with self._superuser("postgres") as server:
            (self.version,) = [str(row[0]) for row in await server.ask("SHOW server_version")]
            await server.ask(f"CREATE DATABASE {DATABASE}")

    async def admit(self, roles: tuple[str, ...]) -> None:
        """Makes the roles that there are not yet."""
        missing = [role for role in roles if role not in self.verifiers]
        if not missing:
            return
        async with self._superuser(DATABASE) as server:
            for role in missing:
                try:
                    await server.ask(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{self.password}'")
                except AskedInVain as error:
                    if error.sqlstate != DUPLICATE_OBJECT:
                        raise
                rows = await server.ask(
                    f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"  # noqa: S608
                )
                self.verifiers[role] = str(rows[0][0])

    async def settled(self) -> None:
        """Returns when nobody else is connected: what a run left behind would count in the next.

        Raises:
            TimeoutError: somebody stayed.
        """
        async with asyncio.timeout(SETTLE_S_MAX), self._superuser("postgres") as server:
            while (await server.ask(OTHERS))[0][0] != "0":
                await server.ask(f"SELECT pg_sleep({SETTLE_EVERY_S})")

    def _superuser(self, database: str) -> "_Asking":
        return _Asking(Place(self.port, SUPERUSER, database, self.superuser_password))


class _Asking:
    """A connection for the length of a block."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._made: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._made = await connect(self._place)
        return self._made

    async def __aexit__(self, *_raised: object) -> None:
        assert self._made is not None
        self._made.close()


@contextmanager
def running(programs: Path | None = None) -> Iterator[Database]:
    """A new one in a temporary folder, gone at the end; `make` it next.

    Raises:
        RefusedError: it could not be made or started.
    """
    folder = Path(tempfile.mkdtemp(prefix="pglane-lab-"))
    folder.chmod(WALKED_THROUGH)
    try:
        cluster = Cluster(folder / "postgres", find_binaries(programs), more=SETTINGS)
        cluster.start()
        try:
            yield Database(
                cluster.port, folder, cluster.state.password(), secrets.token_urlsafe(18)
            )
        finally:
            with uninterrupted():
                cluster.stop()
    finally:
        with uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)
