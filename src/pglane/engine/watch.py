"""What the monitor says of one database, and what follows from it here.

When the defaults epoch changes (ALTER ROLE/DATABASE .. SET, a reload of the configuration), server
connections that were opened before are not what new ones are (fact A11). None of them is leased
again: those that are idle are closed now, those in use when their lease ends. One whose login
began before the news counts as opened before.

The first epoch that is heard is taken for the one that all began with.
"""

from typing import TYPE_CHECKING, Any

from pglane.engine.server_link import ServerLink
from pglane.pool.ledger import SlotState

if TYPE_CHECKING:
    from pglane.engine.database import Database


class Watch:
    """The worker's side of one monitor connection.

    Attributes:
        state: `watching`, or why not.
        defaults_epoch: the last one heard; "" before the first.
        generation: how often the defaults changed.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._wanted = False
        self.state = "not watched"
        self.defaults_epoch = ""
        self.generation = 0

    def begin(self) -> None:
        """A server connection was opened: from now on the database is to be watched."""
        if not self._wanted:
            self._wanted = True
            self._database.worker.watch(self._database, wanted=True)

    def keep_house(self) -> None:
        """Nothing is left to be watched over: the monitor may go."""
        if self._wanted and not self._database.desk.ledger.used:
            self._wanted = False
            self.state = "not watched"
            self._database.worker.watch(self._database, wanted=False)

    def heard(self, message: dict[str, Any]) -> None:
        """One message of the monitor."""
        if message["type"] == "defaults":
            self._defaults_are(message["epoch"])
        else:
            self.state = message["state"]

    def _defaults_are(self, epoch: str) -> None:
        known, self.defaults_epoch = self.defaults_epoch, epoch
        if known in ("", epoch):
            return
        self.generation += 1
        database = self._database
        database.welcomes.clear()
        links = [slot.link for slot in database.desk.ledger]
        stale = [link for link in links if isinstance(link, ServerLink) and not link.raw]
        for link in stale:
            link.suspect = True
        for slot in database.desk.ledger.in_state(SlotState.IDLE):
            database.close(slot.link)  # type: ignore[arg-type]
        database.worker.log(
            "info",
            "defaults_changed",
            f"role or database defaults, or the configuration, of database {database.name} have "
            "changed: server connections opened before are replaced",
            database=database.name,
            connections=len(stale),
        )
