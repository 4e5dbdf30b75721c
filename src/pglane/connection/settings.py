"""What a session's settings are, for clients and for server connections.

A client of a pooled door has a *vector*: the settings it asked for (startup packet, `options`)
or made since (SET), by lower-case name. A server connection has one too: those it was opened
with (its *base*) and those applied to it since. When a lease begins the two are compared; as
vectors are interned, equal ones are the same object and the comparison of the hot path is one
pointer comparison.

Settings are applied by `set_config(name, value, false)` as one SELECT, so that a value is data
and never text of a statement. PostgreSQL manual: "Config Setting Functions"; facts A4, A10 and
A11 of the protocol research decide what is done here:

* values that a server connection never accepted before are confirmed before the client's request
  is sent;
* a prepared statement is shared only between clients whose `parse_key` is the same.
"""

from collections.abc import Iterable, Mapping

PARSE_SETTINGS = (
    "array_nulls",
    "backslash_quote",
    "client_encoding",
    "datestyle",
    "intervalstyle",
    "lc_monetary",
    "role",
    "search_path",
    "session_authorization",
    "standard_conforming_strings",
    "timezone",
    "transform_null_equals",
    "xmloption",
)
"""Settings that decide what a text means when it is parsed (A4)."""

REPORT_ONLY = frozenset(
    {
        "in_hot_standby",
        "integer_datetimes",
        "is_superuser",
        "server_encoding",
        "server_version",
        "session_authorization",
    }
)
"""Reported by the server but not set by a client."""

VECTORS_MAX = 10_000
"""Interned vectors; beyond it the table starts anew (one in use stays valid, unshared)."""


class Vector:
    """Settings by lower-case name. Immutable; equal vectors of one `Vectors` are one object."""

    __slots__ = ("items", "parse_key")

    def __init__(self, items: dict[str, str]) -> None:
        self.items = items
        self.parse_key = tuple(items.get(name) for name in PARSE_SETTINGS)


class Vectors:
    """The table of interned vectors of one worker."""

    def __init__(self, vectors_max: int = VECTORS_MAX) -> None:
        self._table: dict[frozenset[tuple[str, str]], Vector] = {}
        self._parse_keys: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}
        self._vectors_max = vectors_max
        self.empty = self.of({})

    def of(self, items: Mapping[str, str]) -> Vector:
        """The one vector with these settings."""
        key = frozenset(items.items())
        vector = self._table.get(key)
        if vector is None:
            if len(self._table) >= self._vectors_max:
                self._table.clear()
                self._parse_keys.clear()
            vector = Vector(dict(items))
            vector.parse_key = self._parse_keys.setdefault(vector.parse_key, vector.parse_key)
            self._table[key] = vector
        return vector

    def changed(self, vector: Vector, changes: Mapping[str, str]) -> Vector:
        """`vector` with some settings replaced."""
        return self.of({**vector.items, **changes})


def quoted(text: str) -> str:
    """An SQL string literal that means `text` whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    if "\\" in doubled:
        return " E'" + doubled.replace("\\", "\\\\") + "'"
    return "'" + doubled + "'"


def differences(server: Vector, base: Vector, client: Vector) -> dict[str, str | None]:
    """What must be set on a server connection before `client` may use it.

    None as a value means: back to what the server connection was opened with, by RESET.
    """
    wanted: dict[str, str | None] = {
        name: value for name, value in client.items.items() if server.items.get(name) != value
    }
    for name in server.items:
        if name not in client.items and name not in base.items:
            wanted[name] = None
    return wanted


def fits_without_reset(base: Vector, client: Vector) -> bool:
    """False if the server connection was opened with a setting the client did not ask for.

    Such a setting cannot be taken back: RESET returns to the value of the startup packet.
    """
    return all(name in client.items for name in base.items)


def apply_statement(wanted: Mapping[str, str | None]) -> str:
    """The text that makes `wanted` true; role and authorization last, for they take rights away.

    RESET needs statements of its own, so a text with resets holds several statements; all of them
    run in one implicit transaction and none of it holds if one fails.
    """
    late = [name for name in ("session_authorization", "role") if name in wanted]
    names = [name for name in wanted if name not in late] + late
    statements: list[str] = [f"RESET {identifier(name)}" for name in names if wanted[name] is None]
    calls = [
        f"pg_catalog.set_config({quoted(name)}, {quoted(value)}, false)"
        for name in names
        if (value := wanted[name]) is not None
    ]
    if calls:
        statements.append("SELECT " + ", ".join(calls))
    return "; ".join(statements)


def identifier(name: str) -> str:
    """A setting's name as an identifier; the parts of a custom name (`app.tenant`) apart."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def read_back_statement(names: Iterable[str]) -> str:
    """The text that asks what `names` are now; one row, NULL for what does not exist."""
    calls = (f"pg_catalog.current_setting({quoted(name)}, true)" for name in names)
    return "SELECT " + ", ".join(calls)
