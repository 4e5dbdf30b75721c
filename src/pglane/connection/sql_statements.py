"""Statements that a client prepared by SQL: part of its session's state, as its settings are.

PREPARE, EXECUTE and DEALLOCATE name statements in the session. When the client comes to another
server connection its statements are prepared there, by the text it sent, under the settings that
decide what a text means (fact A4 of the protocol research); what others have prepared is
dropped. Equal sets are one object, so the usual comparison is one of pointers.

`pg_prepared_statements` tells the whole text that a statement came in, with everything else that
was in it. A statement whose text holds nothing else can be prepared anew. Any other, one that was
prepared while such settings changed, or too many of them, keep their client where it is.
"""

import json
from typing import NamedTuple

from pglane.wire.statements import Kind, scan

STATEMENTS_MAX = 256
"""Statements of one client that travel."""
CHARACTERS_MAX = 262_144
"""Their texts taken together."""
COLUMN = (
    "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(p.name, p.statement)) "
    "FROM pg_catalog.pg_prepared_statements AS p WHERE p.from_sql)::pg_catalog.text"
)
"""Asks for all of them."""


class SqlStatement(NamedTuple):
    """One prepared statement.

    Attributes:
        name: as the server keeps it.
        text: the statement PREPARE as it came.
        parse_key: the settings it was prepared under (`connection.settings.Vector`).
    """

    name: str
    text: str
    parse_key: tuple[str | None, ...]


class SqlStatements:
    """A set of them by name. Immutable; interned by `connection.settings.Vectors`.

    Attributes:
        characters: length of all texts.
    """

    __slots__ = ("by_name", "characters")

    def __init__(self, statements: frozenset[SqlStatement]) -> None:
        self.by_name = {statement.name: statement for statement in sorted(statements, key=_name)}
        self.characters = sum(len(statement.text) for statement in statements)


def _name(statement: SqlStatement) -> str:
    return statement.name


NONE = SqlStatements(frozenset())


def told_statements(
    column: str | None,
    known: SqlStatements,
    parse_key: tuple[str | None, ...],
    *,
    in_doubt: bool,
    remade: bool,
) -> frozenset[SqlStatement] | None:
    """What is prepared, by the answer to `COLUMN`; None if it cannot be prepared anew elsewhere.

    What the client has and could not be prepared where it is asked is not in the answer; see
    `with_lacking`.

    Args:
        column: the answer.
        known: what the client had prepared before.
        parse_key: the settings that were in force.
        in_doubt: they may have been others for a while.
        remade: a known one may have been dropped and prepared again.
    """
    found = []
    for name, text in json.loads(column or "[]"):
        statement = known.by_name.get(name)
        if statement is None or statement.text != text:
            if in_doubt or not _stands_alone(text):
                return None
            statement = SqlStatement(name, text, parse_key)
        elif remade and (in_doubt or statement.parse_key != parse_key):
            return None
        found.append(statement)
    return _if_few(found)


def with_lacking(
    there: frozenset[SqlStatement], known: SqlStatements, held: SqlStatements
) -> frozenset[SqlStatement] | None:
    """What a client has prepared whose statements were not all taken by its server connection.

    A table may be gone for a while; what reads it is the client's still. None: too many.

    Args:
        there: what is prepared on the server connection.
        known: what the client had prepared when it came there.
        held: which of that the server connection took.
    """
    names = known.by_name.keys() - held.by_name.keys() - {one.name for one in there}
    return _if_few([*there, *(known.by_name[name] for name in names)])


def _if_few(found: list[SqlStatement]) -> frozenset[SqlStatement] | None:
    if len(found) > STATEMENTS_MAX or sum(len(one.text) for one in found) > CHARACTERS_MAX:
        return None
    return frozenset(found)


def _stands_alone(text: str) -> bool:
    """Whether the text holds one PREPARE and nothing else, however its strings are read."""
    octets = text.encode()
    readings = [scan(octets, "UTF8", strings).single for strings in (True, False)]
    return readings == [Kind.PREPARE, Kind.PREPARE]


def dropping(names: list[str]) -> str:
    """The text that drops these."""
    return "; ".join('DEALLOCATE "' + name.replace('"', '""') + '"' for name in names)
