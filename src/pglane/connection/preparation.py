"""The steps that bring a server connection from its state to a client's.

Statements that are not the client's are dropped. What is missing is prepared under the settings it
was prepared under, one set of settings after the other, and the client's own come last: with most
clients there is one set and one step. Each step is a query of its own, so that
`pg_prepared_statements` tells the text that the client sent, and one that fails (its table may be
gone) leaves the others alone.
"""

from enum import Enum, auto
from typing import NamedTuple

from pglane.connection.settings import PARSE_SETTINGS, Vector, apply_statement, differences
from pglane.connection.sql_statements import SqlStatement, dropping


class Purpose(Enum):
    """What a step is for."""

    DROP = auto()
    APPLY = auto()
    PREPARE = auto()


class Step(NamedTuple):
    """One query.

    Attributes:
        purpose: what it is for.
        text: of the query.
        statement: what it prepares.
    """

    purpose: Purpose
    text: str
    statement: SqlStatement | None = None


def preparation(server: Vector, base: Vector, client: Vector, *, escapes: bool) -> list[Step]:
    """The steps from `server`, on a connection that was opened with `base`, to `client`."""
    if server.prepared is client.prepared:
        return _applying(server, base, client, escapes=escapes)
    had, wanted = server.prepared.by_name, client.prepared.by_name
    missing = [one for name, one in wanted.items() if had.get(name) != one]
    dropped = [name for name, one in had.items() if wanted.get(name) != one]
    steps = [Step(Purpose.DROP, dropping(dropped))] if dropped else []
    now = server
    others = dict.fromkeys(one.parse_key for one in missing if one.parse_key != client.parse_key)
    for parse_key in others:
        under = with_parse_key(client, parse_key)
        steps += _applying(now, base, under, escapes=escapes)
        steps += _preparing(missing, parse_key)
        now = under
    steps += _applying(now, base, client, escapes=escapes)
    return steps + _preparing(missing, client.parse_key)


def with_parse_key(client: Vector, parse_key: tuple[str | None, ...]) -> Vector:
    """The client's settings, but for those that decide what a text means."""
    items = {n: value for n, value in client.items.items() if n not in PARSE_SETTINGS}
    told = zip(PARSE_SETTINGS, parse_key, strict=True)
    return Vector(items | {name: value for name, value in told if value is not None})


def _applying(now: Vector, base: Vector, wanted: Vector, *, escapes: bool) -> list[Step]:
    changes = differences(now, base, wanted)
    return [Step(Purpose.APPLY, apply_statement(changes, escapes=escapes))] if changes else []


def _preparing(missing: list[SqlStatement], parse_key: tuple[str | None, ...]) -> list[Step]:
    return [Step(Purpose.PREPARE, one.text, one) for one in missing if one.parse_key == parse_key]
