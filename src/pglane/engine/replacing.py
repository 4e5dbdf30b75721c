"""The server connections of one database, and how they are given up or replaced.

Asked for by an operator, by a server that is not the one that is meant any more, and where memory
runs short.
"""

from typing import TYPE_CHECKING

from pglane.engine.server_link import ServerLink
from pglane.pool.ledger import SlotState

if TYPE_CHECKING:
    from pglane.engine.database import Database


def reconnect(database: "Database") -> None:
    """Each server connection is replaced: the free ones now, the others when released."""
    database.reconnects += 1
    for link in links(database):
        link.suspect = True
    close_idle(database)


def close_idle(database: "Database", *, suspect_only: bool = False) -> None:
    """What nobody uses is closed, or what of it must not be used again."""
    for slot in database.desk.ledger.in_state(SlotState.IDLE):
        link: ServerLink = slot.link  # type: ignore[assignment]
        if link.suspect or not suspect_only:
            database.close(link)


def links(database: "Database") -> list[ServerLink]:
    """Its server connections that are logged in."""
    return [slot.link for slot in database.desk.ledger if isinstance(slot.link, ServerLink)]
