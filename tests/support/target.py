"""Where a test connects to: a door of the gateway, a pooler to compare with, or the server."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

PASSWORDS = {
    "app": "app-secret",
    "second": "second-secret",
    "third": "third-secret",
    "replicator": "replicator-secret",
    "postgres": "super-secret",
}
"""The roles of every test cluster. `app` owns the database `app`; `postgres` is the superuser."""


@dataclass(frozen=True)
class Target:
    """One place to connect to.

    Attributes:
        door: "server", "pgbouncer-transaction", "transaction", "session" or "direct".
        server_version: "18" or "15", the version behind it.
    """

    door: str
    host: str
    port: int
    server_version: str
    user: str = "app"
    database: str = "app"
    passwords: dict[str, str] = field(default_factory=lambda: dict(PASSWORDS))

    @property
    def password(self) -> str:
        return self.passwords[self.user]

    @property
    def keeps_session(self) -> bool:
        """Whether session state lasts until the client disconnects."""
        return self.door in {"server", "session", "direct"}

    @property
    def own_connection(self) -> bool:
        """Whether the client has a server connection of its own, fresh and closed at the end."""
        return self.door in {"server", "direct"}

    def as_user(self, user: str) -> "Target":
        return replace(self, user=user)

    def at_database(self, database: str) -> "Target":
        return replace(self, database=database)

    def keywords(self, database_key: str = "dbname") -> dict[str, Any]:
        """Arguments as psycopg, psycopg2 (`dbname`), asyncpg and pg8000 (`database`) take them."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            database_key: self.database,
        }

    def uri(self, scheme: str = "postgresql", **options: str) -> str:
        """A connection string with the password in it."""
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        secret = quote(self.password, safe="")
        return f"{scheme}://{self.user}:{secret}@{self.host}:{self.port}/{self.database}{query}"

    def environment(self) -> dict[str, str]:
        """The variables that libpq programs read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
            "PGCONNECT_TIMEOUT": "20",
        }
