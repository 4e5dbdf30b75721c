"""Which kind of server is wanted where several are named: libpq's target_session_attrs.

From PostgreSQL 14 on a server tells at the login whether it is a standby and whether sessions
begin read-only, and tells it again when that changes. Older ones are asked. A client that begins
read-only by its own wish says nothing about the server, so that wish is left out of account.

prefer-standby goes through all servers twice: for a standby, then for any.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.server_messages import DataRow

STANDBY = "in_hot_standby"
READ_ONLY = "default_transaction_read_only"
QUESTION = (
    "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'on' ELSE 'off' END, "
    f"pg_catalog.current_setting('{READ_ONLY}')"
)
ANSWER_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class SessionTarget:
    """What is wanted of the server of one connection.

    Attributes:
        wanted: one of libpq's words.
        asked_read_only: the session begins read-only by its own wish.
    """

    wanted: str = "any"
    asked_read_only: bool = False


def passes(wanted: str) -> tuple[str, ...]:
    """What is wanted of each server, in the rounds in which they are tried."""
    return ("standby", "any") if wanted == "prefer-standby" else (wanted,)


def is_told(wanted: str, reported: Mapping[str, str]) -> bool:
    """Whether what the server reported is enough to judge it."""
    return wanted == "any" or (STANDBY in reported and READ_ONLY in reported)


def misfit(wanted: str, reported: Mapping[str, str], *, asked_read_only: bool = False) -> str:
    """Why a server is not what is wanted, in words; empty: it is.

    Args:
        wanted: one of libpq's words; prefer-standby takes every server.
        reported: settings as the server told them.
        asked_read_only: the session was begun read-only by its own wish.
    """
    standby = reported.get(STANDBY) == "on"
    read_only = reported.get(READ_ONLY) == "on" and not asked_read_only
    if wanted == "primary" and standby:
        return "it is a standby, and a primary is wanted"
    if wanted == "standby" and not standby:
        return "it is a primary, and a standby is wanted"
    if wanted == "read-write" and (standby or read_only):
        return "it is read-only, and a server for writing is wanted"
    if wanted == "read-only" and not (standby or read_only):
        return "it takes writes, and a read-only server is wanted"
    return ""


class TargetQuestion:
    """The question to a server that does not report what it is.

    Attributes:
        reported: its answer, by the names that newer servers use.
        over: it has answered.
    """

    def __init__(self) -> None:
        self._reader = MessageReader(ANSWER_BYTES_MAX)
        self.reported: dict[str, str] = {}
        self.over = False

    def begin(self) -> bytes:
        """The Query message."""
        body = QUESTION.encode() + b"\x00"
        return b"Q" + (len(body) + 4).to_bytes(4, "big") + body

    def receive(self, data: bytes) -> None:
        """Takes what the server sent; what makes no sense is no answer."""
        reader = self._reader
        reader.feed(data)
        try:
            while not self.over and reader.next():
                if reader.kind == 0x44:
                    values = [value or b"" for value in DataRow.decode(reader.body()).values]
                    told = [value.decode("ascii", "replace") for value in values]
                    self.reported = dict(zip((STANDBY, READ_ONLY), told, strict=False))
                self.over = reader.kind == 0x5A
        except (MalformedStream, MalformedMessage):
            self.over = True
