"""What a session's state is, for clients and for server connections.

A client of a pooled door has a *vector*: the settings it asked for (startup packet, `options`)
or made since (SET), by lower-case name, and the statements it prepared by SQL. A server
connection has one too: the settings it was opened with (its *base*) and what was made true on it
since. When a lease begins the two are compared; as vectors are interned, equal ones are the same
object and the comparison of the hot path is one pointer comparison.

Settings are applied by `set_config(name, value, false)` as one SELECT, so that a value is data
and never text of a statement. PostgreSQL manual: "Config Setting Functions"; facts A4, A10 and
A11 of the protocol research decide what is done here:

* values that a server connection never accepted before are confirmed before the client's request
  is sent;
* a prepared statement is shared only between clients whose `parse_key` is the same.
"""

from collections.abc import Iterable, Mapping

from pglane.connection.sql_statements import NONE, SqlStatement, SqlStatements
from pglane.connection.weight import Note, Weight
from pglane.wire.statement_words import READING_SETTINGS

PARSE_SETTINGS = (
    *sorted(name.decode() for name in READING_SETTINGS),
    *("role", "search_path", "session_authorization"),
)
"""Settings that decide what a text means when it is parsed (A4). When the latter are others than
they were then, PostgreSQL looks at the text once more."""

RIGHTS = ("session_authorization", "role")
"""Settings that decide what else may be set: given up last, taken back first."""

VECTORS_MAX = 10_000
"""Interned vectors; beyond it the table starts anew (one in use stays valid, unshared)."""
VECTORS_CHARACTERS_MAX = 32 * 1024 * 1024
"""Their names, values and texts taken together; likewise."""
ITEM_CHARACTERS = 200
"""What a setting costs beside its characters: its places in two tables, and objects' heads."""


class Vector:
    """The state of a session, as far as it travels. Equal vectors of one `Vectors` are one object.

    Attributes:
        items: settings by lower-case name.
        prepared: statements prepared by SQL.
        parse_key: the settings that decide what a text means.
        weight: its bytes are counted.
    """

    __slots__ = ("items", "parse_key", "prepared", "weight")

    def __init__(self, items: dict[str, str], prepared: SqlStatements = NONE) -> None:
        self.items = items
        self.prepared = prepared
        self.parse_key = tuple(items.get(name) for name in PARSE_SETTINGS)
        self.weight: Weight | None = None


class Vectors:
    """The table of interned vectors of one worker.

    Attributes:
        generation: how often it started anew.
    """

    def __init__(
        self,
        vectors_max: int = VECTORS_MAX,
        characters_max: int = VECTORS_CHARACTERS_MAX,
        note: Note | None = None,
    ) -> None:
        self._note = note
        self._table: dict[tuple[frozenset[tuple[str, str]], SqlStatements], Vector] = {}
        self._parse_keys: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}
        self._statements: dict[frozenset[SqlStatement], SqlStatements] = {}
        self._vectors_max = vectors_max
        self._characters_max = characters_max
        self._characters = 0
        self.generation = 0
        self.empty = self.of({})

    def of(self, items: Mapping[str, str], prepared: SqlStatements = NONE) -> Vector:
        """The one vector with these settings and statements."""
        key = (frozenset(items.items()), prepared)
        vector = self._table.get(key)
        if vector is None:
            size = sum(map(len, items)) + sum(map(len, items.values()))
            characters = prepared.characters + size + ITEM_CHARACTERS * len(items)
            self._make_room(characters)
            vector = Vector(dict(items), prepared)
            if self._note is not None:
                vector.weight = Weight(self._note, characters)
            vector.parse_key = self._parse_keys.setdefault(vector.parse_key, vector.parse_key)
            self._table[key] = vector
        return vector

    def _make_room(self, characters: int) -> None:
        self._characters += characters
        if len(self._table) >= self._vectors_max or self._characters > self._characters_max:
            self.generation += 1
            self._table.clear()
            self._parse_keys.clear()
            self._statements.clear()
            self._characters = characters

    def statements(self, members: frozenset[SqlStatement]) -> SqlStatements:
        """The one set of these statements."""
        if not members:
            return NONE
        known = self._statements.get(members)
        if known is None:
            known = self._statements[members] = SqlStatements(members)
        return known


def quoted(text: str, *, escapes: bool = False) -> str:
    """An SQL string literal that means `text` whatever standard_conforming_strings is.

    With `escapes` it means the same under every client_encoding, too.
    """
    doubled = text.replace("'", "''")
    if escapes and not text.isascii():
        slashed = doubled.replace("\\", "\\\\")
        return " E'" + "".join([_escaped(character) for character in slashed]) + "'"
    if "\\" in doubled:
        return " E'" + doubled.replace("\\", "\\\\") + "'"
    return "'" + doubled + "'"


def _escaped(character: str) -> str:
    """A character beyond ASCII by its number; a byte that is no character as it is."""
    number = ord(character)
    if number < 128 or 0xD800 <= number < 0xE000:
        return character
    return f"\\U{number:08x}"


def differences(server: Vector, base: Vector, client: Vector) -> list[tuple[str, str | None]]:
    """What must be set on a server connection before `client` may use it, in this order.

    None as a value means: back to what the server connection was opened with. Rights are taken
    back before anything else, for a setting may need those of the login role, and given up last.
    """
    had, wanted = server.items, client.items
    changes: list[tuple[str, str | None]] = [
        (name, value)
        for name, value in wanted.items()
        if had.get(name) != value and name not in RIGHTS
    ]
    changes += [
        (name, None)
        for name in had
        if name not in wanted and name not in base.items and name not in RIGHTS
    ]
    if not changes and all(had.get(name) == wanted.get(name) for name in RIGHTS):
        return changes
    rights = [(n, wanted[n]) for n in RIGHTS if n in wanted and wanted[n] != base.items.get(n)]
    held = any(name in had and had[name] != base.items.get(name) for name in RIGHTS)
    taken_back = [(name, None) for name in RIGHTS] if held else []
    return [*taken_back, *changes, *rights]


def fits_without_reset(base: Vector, client: Vector) -> bool:
    """False if the server connection was opened with a setting the client did not ask for.

    Such a setting cannot be taken back: RESET returns to the value of the startup packet.
    """
    return all(name in client.items for name in base.items)


def apply_statement(changes: Iterable[tuple[str, str | None]], *, escapes: bool = False) -> str:
    """The text that makes `changes` true, all of them or none; NULL is what RESET does.

    No value is returned: it may have characters that the client_encoding does not have.
    """
    calls = (
        f"pg_catalog.set_config({quoted(name)}, {quoted(value, escapes=escapes)}, false) IS NULL"
        if value is not None
        else f"pg_catalog.set_config({quoted(name)}, NULL, false) IS NULL"
        for name, value in changes
    )
    return "SELECT " + ", ".join(calls)
