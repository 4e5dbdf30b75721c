"""From a text to the console's commands.

The grammar is words and semicolons: no literals, no expressions. BEGIN, COMMIT and ROLLBACK are
there because most drivers open a transaction without being asked; they change the status that
ReadyForQuery tells and nothing else, and an error does not end such a transaction, since there is
nothing to undo. Names of databases are taken as they are typed, in double quotes or not.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from pglane.config.settings import descriptions
from pglane.control.actions import DATABASE_VERBS, SHUTDOWNS, VERBS, Action
from pglane.control.settings_rows import PGBOUNCER_NAMES
from pglane.control.shows import SHOWS, Show
from pglane.errors.console import ConsoleDatabaseNeeded
from pglane.errors.processes import ConsoleRunsNoSql, ConsoleUnknownCommand
from pglane.errors.refused import RefusedError

SEEN_CHARACTERS_MAX = 60
"""How much of an unknown text its error repeats."""

COMMANDS = ", ".join([*(f"SHOW {name}" for name in SHOWS), *(verb.name for verb in VERBS)])
"""All of them as a hint tells them."""
THERE_IS = f"There is: {COMMANDS}"
ALIKE_MIN = 0.7
"""How alike a word must be to what was meant by it, 1 being the same."""
SETTING_ALIKE_MIN = 0.85
"""The same of settings, for drivers set many that are PostgreSQL's."""

_VERBS = ["SHOW", *(verb.name for verb in VERBS)]
_DATABASE_VERBS = {verb.name: verb for verb in DATABASE_VERBS}
_SET = re.compile(r"SET\s+([\w.]+)\s*(?:=|\sTO\s)\s*(.*)", re.DOTALL | re.IGNORECASE)
_NAME = re.compile(r'"(?:[^"]|"")+"|[^\s"]+')
_COMMENT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
"""One that has no end goes to the end: to look for it behind each beginning could take minutes."""
_BEGINNINGS = {"BEGIN", "START"}
_ENDINGS = {"COMMIT": "COMMIT", "END": "COMMIT", "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}
_SQL_VERBS = (
    "SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE EXPLAIN CREATE ALTER DROP TRUNCATE COPY "
    "SET RESET DISCARD PREPARE EXECUTE DEALLOCATE DECLARE FETCH MOVE CLOSE LISTEN UNLISTEN NOTIFY "
    "LOCK SAVEPOINT RELEASE ANALYZE VACUUM CLUSTER REINDEX CHECKPOINT GRANT REVOKE CALL DO "
    "COMMENT REFRESH LOAD SECURITY IMPORT REASSIGN"
)


@dataclass(frozen=True, slots=True)
class Command:
    """One statement.

    Attributes:
        tag: what CommandComplete says.
        show: what answers it; None: it has no rows.
        status: the transaction status from then on; None: as it was.
        action: what it changes; None: nothing.
    """

    tag: bytes
    show: Show | None = None
    status: bytes | None = None
    action: Action | None = None


def read_commands(text: str) -> list[Command]:
    """The commands of a text, in order; empty for blanks and comments.

    Raises:
        RefusedError: one of them is none of the console's.
    """
    statements = _COMMENT.sub(" ", text).split(";")
    return [_read(statement.strip()) for statement in statements if statement.strip()]


def _read(statement: str) -> Command:
    words = statement.upper().split()
    first = words[0]
    action = _action(first, statement)
    if action is not None:
        return Command(first.encode(), action=action)
    if first == "SHOW" and len(words) == 2 and words[1] in SHOWS:
        return Command(b"SHOW", show=SHOWS[words[1]])
    if first in _BEGINNINGS:
        return Command(b"START TRANSACTION" if first == "START" else b"BEGIN", status=b"T")
    if first in _ENDINGS and "PREPARED" not in words and "TO" not in words:
        return Command(_ENDINGS[first].encode(), status=b"I")
    if first in _SQL_VERBS.split():
        seen = statement.split(maxsplit=1)[0]
        raise RefusedError(ConsoleRunsNoSql(seen=seen, commands=COMMANDS))
    seen = " ".join(statement.split())
    if len(seen) > SEEN_CHARACTERS_MAX:
        seen = seen[:SEEN_CHARACTERS_MAX] + "..."
    raise RefusedError(ConsoleUnknownCommand(seen=seen, remedy=_remedy(words)))


def _remedy(words: list[str]) -> str:
    """What may have been meant, or all that there is."""
    near: list[str] = []
    if words[0] == "SHOW" and len(words) == 2:
        near = [f"SHOW {name}" for name in get_close_matches(words[1], SHOWS, 1, ALIKE_MIN)]
    elif words[0] not in _VERBS:
        near = get_close_matches(words[0], _VERBS, 1, ALIKE_MIN)
    return f"Did you mean {near[0]}? SHOW HELP lists all commands" if near else THERE_IS


def _action(first: str, statement: str) -> Action | None:
    """The action of a statement that begins with this word; None: it has none."""
    rest = statement[len(first) :].strip()
    if first in _DATABASE_VERBS:
        return _for_database(first, rest)
    if first == "RELOAD" and not rest:
        return Action(first)
    if first == "SHUTDOWN" and rest.upper() in SHUTDOWNS:
        return Action(first, rest.upper())
    assignment = _SET.fullmatch(statement) if first == "SET" else None
    if assignment is None:
        return None
    key, value = assignment[1], assignment[2].strip()
    if "." not in key and not _may_be_ours(key.lower()):
        return None  # what drivers set at a server, such as extra_float_digits
    quoted = len(value) > 1 and value[0] == value[-1] == "'"
    return Action(first, key.lower(), value[1:-1] if quoted else value)


def _may_be_ours(key: str) -> bool:
    """Whether a name without a table is one of our settings, or looks like one."""
    known = {name for each in descriptions() for name in (each.key, each.name)}
    alike = get_close_matches(key, [*known, *PGBOUNCER_NAMES], 1, SETTING_ALIKE_MIN)
    return bool(alike)


def _for_database(verb: str, rest: str) -> Action | None:
    if not rest and _DATABASE_VERBS[verb].needs_database:
        raise RefusedError(ConsoleDatabaseNeeded(verb=verb))
    if not rest:
        return Action(verb)
    if _NAME.fullmatch(rest) is None:
        return None
    name = rest[1:-1].replace('""', '"') if rest.startswith('"') else rest
    return Action(verb, name)
