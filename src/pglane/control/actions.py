"""The commands of the console that change something: their words, and who carries them out.

PgBouncer's words with PgBouncer's meaning. Who is among `stats_users` only may run none of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One command.

    Attributes:
        name: its word, in capitals.
        syntax: what may stand behind it.
        meaning: one line for people.
    """

    name: str
    syntax: str
    meaning: str

    @property
    def needs_database(self) -> bool:
        """Whether it says nothing without one."""
        return self.syntax == "db"


DATABASE_VERBS = (
    Verb(
        "PAUSE",
        "[db]",
        "gives nobody a server connection any more and answers when all are closed; clients wait "
        "within their limits, those of the session and direct doors are waited for",
    ),
    Verb("RESUME", "[db]", "ends PAUSE and KILL"),
    Verb("RECONNECT", "[db]", "replaces each server connection when its lease ends"),
    Verb("WAIT_CLOSE", "[db]", "answers when RECONNECT has replaced the last one"),
    Verb("KILL", "[db]", "ends all clients and server connections at once; who comes waits"),
    Verb("DISABLE", "db", "lets no new clients in"),
    Verb("ENABLE", "db", "ends DISABLE"),
)
OTHER_VERBS = (
    Verb("RELOAD", "", "reads the configuration again"),
    Verb("SET", "key = value", "changes a setting (a key of SHOW CONFIG) until the next RELOAD"),
    Verb(
        "SHUTDOWN",
        "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]",
        "ends the gateway: at once, when leases have ended (at most drain_ms_max), or when the "
        "last client has left",
    ),
)
VERBS = DATABASE_VERBS + OTHER_VERBS
SHUTDOWNS = ("", "WAIT_FOR_SERVERS", "WAIT_FOR_CLIENTS")


@dataclass(frozen=True, slots=True)
class Action:
    """One command as it was typed.

    Attributes:
        verb: its word, in capitals.
        name: database, setting or kind of shutdown; empty: none was given.
        value: of a setting.
    """

    verb: str
    name: str = ""
    value: str = ""


Act = Callable[[Action], Awaitable[None]]
"""Carries an action out; raises RefusedError when it cannot."""


def markdown() -> str:
    """The section of docs/reference/console.md."""
    lines = [
        "## Commands",
        "",
        "For `admin_users` only. Without a database they are for all, those to come too.",
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    for verb in VERBS:
        words = f"{verb.name} {verb.syntax}".strip().replace("|", "\\|")
        lines.append(f"| `{words}` | {verb.meaning} |")
    return "\n".join([*lines, ""])
