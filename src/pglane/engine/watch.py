"""What the monitor says of one database, and what follows from it here.

When the defaults epoch changes (ALTER ROLE/DATABASE .. SET, a reload of the configuration), server
connections that were opened before are not what new ones are (fact A11), and clients are told.
None of them is leased again: those that are idle are closed now, those in use when their lease
ends. One whose login began before the news counts as opened before. The first epoch that is heard
is taken for the one that all began with, unless the monitor took longer to come than passes
between two looks: then what had been opened meanwhile is replaced as well.

After DDL, whoever made it, statements that are prepared from then on are looked at anew (fact A8).
From such an answer to a client until the monitor has read what it did, no text of this database
proves anything: each session is looked at before its lease ends, and its settings are reset. DDL
that makes nothing which can run code (`wire.passive_ddl`) has no part in that.
When what is known of names changes, texts are judged anew: the cache of verdicts starts afresh,
and those of prepared statements are renewed, some clients at a time, so that nobody waits for it.
"""

from typing import TYPE_CHECKING, Any

from pglane.connection.catalog import names_of
from pglane.engine.dismissal import replace_roleless
from pglane.engine.doubted import doubt
from pglane.engine.server_link import ServerLink
from pglane.pool.ledger import SlotState
from pglane.wire.mentions import UNREAD
from pglane.wire.passive_ddl import OWN_NAMES
from pglane.wire.statements import VerdictCache
from pglane.wire.unseen import Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database

WATCHING = "watching"
VERDICT_BYTES_MAX = 32 * 1024 * 1024
CLIENTS_PER_TURN = 100
SETTINGS_UNREAD = (
    "DateStyle IntervalStyle TimeZone bytea_output client_encoding client_min_messages "
    "default_transaction_isolation default_transaction_read_only extra_float_digits "
    "idle_in_transaction_session_timeout lc_monetary lc_numeric lc_time lock_timeout "
    "row_security search_path session_replication_role standard_conforming_strings "
    "statement_timeout synchronous_commit work_mem"
).split()
"""Looked at as long as it is not known which settings the server has."""


class Watch:
    """The worker's side of one monitor connection.

    Attributes:
        state: `watching`, or why not.
        defaults_epoch: the last one heard; "" before the first.
        generation: how often the defaults changed, or may have changed unseen.
        roleless: process ids of backends whose role was not there any more at the last look.
        catalog_epoch: the last one heard; "" before the first.
        unprovable: why nothing can be proved in this database; "" if things can be.
        unprinted: how many texts of its catalogs PostgreSQL could not print.
        sight: what texts do not show.
        verdicts: of the texts of this database's clients.
        computes: code may set custom settings whose names are not known.
        probes: how often a session was looked at.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._wanted = False
        self._settings: list[str] = SETTINGS_UNREAD
        self._renewals = 0
        self._hides_own = False
        self._looks = 0
        self._looked = 0
        self._began = 0.0
        self.state = "not watched"
        self.defaults_epoch = ""
        self.generation = 0
        self.roleless: frozenset[int] = frozenset()
        self.catalog_epoch = ""
        self.unprovable = ""
        self.unprinted = 0
        self.computes = True
        self.probes = 0
        self.sight = Sight()
        entries_max = database.worker.settings.verdict_cache_entries
        self.verdicts: VerdictCache = VerdictCache(entries_max, VERDICT_BYTES_MAX)
        self.verdicts.sight = self.sight

    def look(self) -> None:
        """DDL of a client has taken effect: the monitor need not wait for its next turn."""
        if self._wanted:
            self._looks += 1
            self._note_unread()
            self._ask()

    def _ask(self) -> None:
        message = {"type": "look", "database": self._database.name, "look": self._looks}
        self._database.worker.tell_supervisor(message)

    def _note_unread(self) -> None:
        """Where no catalogs were read, names count as unread; who does not watch answers not."""
        self._database.unread = self._looked != self._looks and bool(self.catalog_epoch)

    def begin(self, user: str) -> None:
        """The server has let in a role: the database is to be watched, as that role if need be."""
        worker = self._database.worker
        if self._wanted:
            if self.state != WATCHING:
                worker.tell_monitor("lend", self._database, user)
        else:
            self._wanted = True
            self._began = self._database.loop.now
            worker.tell_monitor("watch", self._database, user)
            if self._looked != self._looks:
                self._ask()  # whom it asked last was let go before the answer

    def keep_house(self) -> None:
        """Nothing is left to be watched over: the monitor may go."""
        if self._wanted and not self._database.desk.ledger.used:
            self._wanted = False
            self.state = "not watched"
            doubt(self._database)
            message = {"type": "unwatch", "database": self._database.name}
            self._database.worker.tell_supervisor(message)

    def heard(self, message: dict[str, Any]) -> None:
        """One message of the monitor."""
        match message["type"]:
            case "defaults":
                self._defaults_are(message["epoch"])
            case "roleless":
                self.roleless = frozenset(message["pids"])
                replace_roleless(self._database, self.roleless)
            case "ddl":
                self._database.worker.shapes.renew()
            case "catalog":
                self._catalog_is(message)
            case "unprinted":
                self.unprinted = message["texts"]
            case "looked":
                self._looked = message["look"]
                self._note_unread()
            case _:
                self._state_is(message["state"])

    # Defaults ------------------------------------------------------------------------------

    def _defaults_are(self, epoch: str) -> None:
        known, self.defaults_epoch = self.defaults_epoch, epoch
        if known == epoch or (not known and self._began_just_now()):
            return
        self.generation += 1
        database = self._database
        doubt(database)
        database.accepted.clear()
        links = [slot.link for slot in database.desk.ledger]
        stale = [link for link in links if isinstance(link, ServerLink) and not link.raw]
        for link in stale:
            link.suspect = True
        for slot in database.desk.ledger.in_state(SlotState.IDLE):
            database.close(slot.link)  # type: ignore[arg-type]
        self._tell_replaced(len(stale), seen=bool(known))

    def _tell_replaced(self, connections: int, *, seen: bool) -> None:
        """Why: a change was seen, or nobody knows what there was before the first look."""
        name = self._database.name
        what = f"role or database defaults, or the configuration, of database {name}"
        if seen:
            event, why = "defaults_changed", "have changed, or PostgreSQL was restarted"
        else:
            event = "defaults_known_late"
            why = "may have changed unseen, as the first look came later than server.monitor_ms"
        text = f"{what} {why}: server connections opened before are replaced"
        self._database.worker.log("info", event, text, database=name, connections=connections)

    def _began_just_now(self) -> bool:
        look_s = self._database.worker.settings.monitor_ms / 1000
        return self._database.loop.now - self._began <= look_s

    # Catalogs ------------------------------------------------------------------------------

    def _state_is(self, state: str) -> None:
        """Catalogs that nobody watches may have changed."""
        self.state = state
        if state != WATCHING:
            self._lend_again()
        if state != WATCHING and self.catalog_epoch:
            self.catalog_epoch = ""
            self._note_unread()
            self.sight.learn(UNREAD)
            self.computes = True
            self._database.note_sequences()
            self.renew()

    def _lend_again(self) -> None:
        """It is told a role that is let in; for hours none may be that opens a connection."""
        for slot in self._database.desk.ledger:
            if isinstance(slot.link, ServerLink) and not slot.link.raw:
                self._database.worker.tell_monitor("lend_again", self._database, slot.user)
                return

    def _catalog_is(self, message: dict[str, Any]) -> None:
        if message["epoch"] == self.catalog_epoch:
            return
        self.catalog_epoch = message["epoch"]
        self._note_unread()
        self._database.note_custom_names(message["custom"])
        self._settings = message["settings"]
        names = names_of(message)
        self._hides_own = not OWN_NAMES.isdisjoint(names.reads | names.writes)
        self.sight.learn(names)
        noted = self._database.custom_names.keys() >= set(message["custom"])
        self.computes = self.sight.names.computes or not noted
        self._database.note_sequences()
        if message["everything"] != self.unprovable:
            self._tell_unprovable(message["everything"])
        self.renew()

    def _tell_unprovable(self, reason: str) -> None:
        self.unprovable = reason
        if reason:
            self._database.worker.log(
                "warning",
                "nothing_proved",
                f"in database {self._database.name} no statement can be proved to leave nothing "
                f"in the session: {reason}. The session is looked at after each",
                database=self._database.name,
            )

    def renew(self) -> None:
        """What is known of names or statements changed: all verdicts are made anew."""
        self.verdicts.forget()
        self._renewals += 1
        clients = list(self._database.worker.clients.values())
        self._renew_some(iter(clients), self._renewals)

    def _renew_some(self, clients: "Iterator[ClientLink]", renewal: int) -> None:
        """The prepared statements of some clients; the others have their turn later."""
        if renewal != self._renewals:
            return
        for _ in range(CLIENTS_PER_TURN):
            client = next(clients, None)
            if client is None:
                return
            if client.database is self._database:
                if self._hides_own:
                    client.requests.names_changed()
                for statement in list(client.requests.statements.values()):
                    statement.verdict = self.sight.renewed(statement.text, statement.verdict)  # type: ignore[arg-type]
        self._database.loop.call_later(0.0, lambda: self._renew_some(clients, renewal))

    def looked_at(self, *more: "Iterable[str]") -> list[str]:
        """Names of the settings that a probe looks at."""
        known = self._database.custom_names
        return [*self._settings, *known, *(name for names in more for name in names)]
