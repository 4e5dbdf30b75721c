"""From a text to the console's commands.

The grammar is words and semicolons: no literals, no expressions. BEGIN, COMMIT and ROLLBACK are
there because most drivers open a transaction without being asked; they change the status that
ReadyForQuery tells and nothing else, and an error does not end such a transaction, since there is
nothing to undo.
"""

import re
from dataclasses import dataclass

from pglane.control.shows import COMMANDS, SHOWS, Show
from pglane.errors.processes import ConsoleRunsNoSql, ConsoleUnknownCommand
from pglane.errors.refused import RefusedError

SEEN_CHARACTERS_MAX = 60
"""How much of an unknown text its error repeats."""

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
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
    """

    tag: bytes
    show: Show | None = None
    status: bytes | None = None


def read_commands(text: str) -> list[Command]:
    """The commands of a text, in order; empty for blanks and comments.

    Raises:
        RefusedError: one of them is none of the console's.
    """
    statements = _COMMENT.sub(" ", text).split(";")
    return [_read(words) for statement in statements if (words := statement.upper().split())]


def _read(words: list[str]) -> Command:
    first = words[0]
    if first == "SHOW" and len(words) == 2 and words[1] in SHOWS:
        return Command(b"SHOW", show=SHOWS[words[1]])
    if first in _BEGINNINGS:
        return Command(b"START TRANSACTION" if first == "START" else b"BEGIN", status=b"T")
    if first in _ENDINGS and "PREPARED" not in words and "TO" not in words:
        return Command(_ENDINGS[first].encode(), status=b"I")
    if first in _SQL_VERBS.split():
        raise RefusedError(ConsoleRunsNoSql(seen=first, commands=COMMANDS))
    seen = " ".join(words)
    if len(seen) > SEEN_CHARACTERS_MAX:
        seen = seen[:SEEN_CHARACTERS_MAX] + "..."
    raise RefusedError(ConsoleUnknownCommand(seen=seen, commands=COMMANDS))
