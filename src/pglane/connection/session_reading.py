"""What a client's settings are after it changed some: what is asked, and what the answer means.

The text of a statement says which settings it touched, not what became of them: it may have
failed, been rolled back, or been RESET. So the server is asked. Two forms:

* A few names that were set before: `current_setting` of each (25 us).
* Everything: what in `pg_settings` has the source "session" (350 us), with the settings that are
  not in that view: the rights, and custom ones by the names that are known.

A setting whose source is not the session is not the client's own: it follows what the server
connection was opened with, as it does on a private connection.

Some answers cannot be carried to another server connection (`told_session` gives None): a
value that is no text, one that only the rights of a moment allowed, one that is hidden, too much.
Then the client stays where its settings are.

Names are qualified throughout, operators too: the query runs under the client's search_path.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pglane.connection.settings import RIGHTS, quoted
from pglane.connection.sql_statements import COLUMN as STATEMENTS_COLUMN

HIDDEN = frozenset(
    {
        "dynamic_library_path",
        "extension_control_path",
        "extension_destdir",
        "output_plugin_libraries",
        "session_preload_libraries",
    }
)
"""May be set by a superuser, and are not shown to others."""
NOT_OF_THE_SESSION = (
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "seed",
)
"""Last for a transaction whatever `pg_settings` says, or cannot be read."""
NAMES_MAX = 200
"""Custom settings of one session; who has more stays on its server connection."""
VALUES_CHARACTERS_MAX = 65_536
"""All values of one session taken together."""
DEFAULT_RIGHTS = (
    "BEGIN; RESET SESSION AUTHORIZATION; RESET ROLE; SELECT "
    "pg_catalog.current_setting('session_authorization'), pg_catalog.current_setting('role'); "
    "ROLLBACK"
)
"""Asks for the rights that RESET gives back, and changes nothing."""
_EVERYTHING = (
    "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array("
    "s.name, pg_catalog.current_setting(s.name), "
    "s.context OPERATOR(pg_catalog.=) 'superuser', s.source OPERATOR(pg_catalog.=) 'session')) "
    "FROM pg_catalog.pg_settings AS s WHERE (s.source OPERATOR(pg_catalog.=) 'session' "
    "OR pg_catalog.strpos(s.name, '.') OPERATOR(pg_catalog.>) 0) "
    "AND s.name OPERATOR(pg_catalog.<>) ALL (ARRAY["
    + ", ".join(quoted(name) for name in NOT_OF_THE_SESSION)
    + "]::pg_catalog.text[]))::pg_catalog.text"
)


class Question:
    """What is asked of a server connection.

    Attributes:
        names: settings asked for by name, in lower case.
        everything: whether `pg_settings` is asked too.
        rights: whether the rights are asked too.
        statements: whether what is prepared is asked too.
        hopeless: no answer would do.
    """

    __slots__ = ("everything", "hopeless", "names", "rights", "statements")

    def __init__(
        self,
        touched: Iterable[str],
        known: Iterable[str],
        *,
        everything: bool,
        rights: bool,
        statements: bool,
    ) -> None:
        touched = set(touched)
        asked = {name for name in known if "." in name} | touched if everything else touched
        asked.difference_update(RIGHTS, NOT_OF_THE_SESSION)
        if everything:
            asked = {name for name in asked if "." in name}
        self.names = sorted(name for name in asked if name.isascii())
        self.everything = everything
        self.rights = rights or everything
        self.statements = statements
        self.hopeless = len(self.names) > NAMES_MAX or not HIDDEN.isdisjoint(touched)

    def text(self, *, hexadecimal: bool) -> str:
        """The query; one row. `hexadecimal`: of UTF-8, whatever the client_encoding is."""
        columns = [f"pg_catalog.current_setting({quoted(n)}, true)" for n in self.names]
        if self.rights:
            columns += [f"pg_catalog.current_setting({quoted(name)})" for name in RIGHTS]
        if self.everything:
            columns.append(_EVERYTHING)
        if self.statements:
            columns.append(STATEMENTS_COLUMN)
        if hexadecimal:
            columns = [
                f"pg_catalog.encode(pg_catalog.convert_to({c}, 'UTF8'), 'hex')" for c in columns
            ]
        return "SELECT " + ", ".join(columns)

    def columns(self) -> int:
        """How many columns the row has."""
        return len(self.names) + len(RIGHTS) * self.rights + self.everything + self.statements


class Told(NamedTuple):
    """What the answer says.

    Attributes:
        settings: those that are the session's own.
        statements: the column about what is prepared.
    """

    settings: dict[str, str]
    statements: str | None


def told_session(
    question: Question,
    row: Sequence[bytes | None],
    default_rights: tuple[str, str],
    *,
    hexadecimal: bool,
    superuser: bool,
) -> Told | None:
    """What the session's own is; None if its settings cannot be known or carried.

    Args:
        question: what was asked.
        row: the answer.
        default_rights: what RESET gives back, in the order of `RIGHTS`.
        hexadecimal: how it was asked.
        superuser: the login role is one.
    """
    if len(row) != question.columns():
        return None
    try:
        told = [None if value is None else _text(value, hexadecimal) for value in row]
    except ValueError:
        return None
    at = len(question.names)
    found: dict[str, str] = {}
    real: set[str] = set()
    if question.everything:
        for name, value, is_superusers, is_ours in json.loads(told[at + len(RIGHTS)] or "[]"):
            real.add(name.lower())
            if is_ours and is_superusers and not superuser:
                return None
            if is_ours:
                found[name.lower()] = value
    named = zip(question.names, told[:at], strict=True)
    found |= {name: text for name, text in named if text is not None and name not in real}
    if question.rights:
        found |= _rights(told[at] or "", told[at + 1] or "", default_rights)
    too_much = sum(map(len, found.values())) > VALUES_CHARACTERS_MAX
    return None if too_much else Told(found, told[-1] if question.statements else None)


def _rights(authorization: str, role: str, default_rights: tuple[str, str]) -> dict[str, str]:
    """The rights that are not those of the login; SET SESSION AUTHORIZATION gives up the role."""
    default_authorization, default_role = default_rights
    found: dict[str, str] = {}
    if authorization != default_authorization:
        found["session_authorization"] = authorization
        default_role = "none"
    if role != default_role:
        found["role"] = role
    return found


def _text(value: bytes, hexadecimal: bool) -> str:
    """Raises: ValueError: it is not UTF-8 (in a database without an encoding)."""
    return (bytes.fromhex(value.decode("ascii")) if hexadecimal else value).decode()
