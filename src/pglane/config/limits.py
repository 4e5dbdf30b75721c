"""Limits in time and number: for everybody, for a door, for a database, for a user.

A limit in time holds once for a client: the most specific one that is set, in the order user,
database, door, everybody; 0 lifts what a wider one says. Limits in number hold side by side: a
user may use up its own one while its database still has room. Each knows whose it is and where it
was set, for the error that names it is read by somebody who did not write the file.

A `Limits` is changed in place when settings change, so that clients who are connected have the
new ones at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pglane.config.settings import Settings

TIMES = (
    "query_ms_max",
    "transaction_ms_max",
    "idle_transaction_ms_max",
    "client_idle_ms_max",
    "wait_ms_max",
)
"""Limits in time that may be a user's, a database's or a door's own."""
SERVER_TIMES = ("server_idle_ms_max", "server_lifetime_ms_max")
KEYS = {
    "client_idle_ms_max": "idle_ms_max",
    "clients_max": "connections_max",
    "server_connections_max": "server_connections_max",
}
"""What a setting is called in the tables, where that is not its name."""
OWN = {
    "door": (*TIMES, "clients_max"),
    "database": (*TIMES, *SERVER_TIMES, "clients_max", "budget"),
    "user": (*TIMES, "clients_max", "allow_from"),
}
"""What may be set for one door, one database, one user."""
UNREAD = ("query_ms_max", "transaction_ms_max", "idle_transaction_ms_max")
"""Limits that hold at the direct door for nobody: what passes there is not read."""
SCOPES = ("user", "database", "door")
"""The most specific first."""
EVERYBODY = "everybody"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Override:
    """A limit of one door, database or user.

    Attributes:
        scope: "door", "database" or "user".
        name: whose.
        key: field of `Settings`.
        value: of the limit; a number, or words.
        where: file and line.
    """

    scope: str
    name: str
    key: str
    value: Any
    where: str


def table_key(name: str) -> str:
    """What a setting is called in the table of a door, database or user."""
    return KEYS.get(name, name)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as it holds for somebody.

    Attributes:
        key: field of `Settings`.
        value: a number, 0: there is none; or words.
        whose: whom it is for, in words.
        where: where it was set.
    """

    key: str
    value: Any
    whose: str
    where: str

    @property
    def seconds(self) -> float:
        """A limit in milliseconds, in seconds."""
        return float(self.value / 1000)

    def __str__(self) -> str:
        unit = " ms" if self.key.endswith("_ms_max") else ""
        return f"{table_key(self.key)} is {self.value}{unit} for {self.whose} ({self.where})"


def limit_of(settings: "Settings", key: str, **names: str) -> Limit:
    """The most specific limit for whom `names` tells, by user, database and door."""
    for scope in SCOPES:
        for one in settings.overrides:
            if one.key == key and one.scope == scope and one.name == names.get(scope):
                return Limit(key, one.value, _whose(one), one.where)
    return everybody(settings, key)


def everybody(settings: "Settings", key: str) -> Limit:
    """The limit without regard to who it is for."""
    return Limit(key, getattr(settings, key), EVERYBODY, dict(settings.places).get(key, DEFAULT))


def own_limits(settings: "Settings", key: str) -> Iterator[tuple[tuple[str, str], Limit]]:
    """Those of single doors, databases and users, by scope and name; 0 is none."""
    for one in settings.overrides:
        if one.key == key and one.value:
            yield (one.scope, one.name), Limit(key, one.value, _whose(one), one.where)


def _whose(one: Override) -> str:
    return f"the {one.name} door" if one.scope == "door" else f"{one.scope} {one.name}"


class Limits:
    """The limits in time of one user in one database at one door; seconds, 0: none.

    Attributes:
        query_s: of a statement.
        transaction_s: of a transaction.
        idle_transaction_s: of a pause within one.
        idle_s: of a client that asks for nothing.
        wait_s: of a wait for a server connection.
    """

    __slots__ = (
        "_names",
        "_settings",
        "idle_s",
        "idle_transaction_s",
        "query_s",
        "transaction_s",
        "wait_s",
    )

    def __init__(self, settings: "Settings", *, user: str, database: str, door: str) -> None:
        self._names = {"user": user, "database": database, "door": door}
        self.apply(settings)

    def apply(self, settings: "Settings") -> None:
        """The settings are others."""
        self._settings = settings
        reads = self._names["door"] != "direct"
        self.query_s = self.told("query_ms_max").seconds if reads else 0.0
        self.transaction_s = self.told("transaction_ms_max").seconds if reads else 0.0
        self.idle_transaction_s = self.told("idle_transaction_ms_max").seconds if reads else 0.0
        self.idle_s = self.told("client_idle_ms_max").seconds
        self.wait_s = self.told("wait_ms_max").seconds

    def told(self, key: str) -> Limit:
        """One of them, with whose it is and where it was set."""
        return limit_of(self._settings, key, **self._names)


def shortest_s(settings: "Settings") -> float:
    """The shortest limit in time that somebody has to look after; 0: there is none."""
    looked_after = [key for key in TIMES if key != "wait_ms_max"]
    values = [getattr(settings, key) for key in looked_after]
    values += [one.value for one in settings.overrides if one.key in looked_after]
    return float(min((value for value in values if value), default=0) / 1000)
