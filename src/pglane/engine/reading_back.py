"""After a client has changed its session: what is it now, so that it can be made true elsewhere?

The text says that something may have changed, the server connection says what became of it. If it
does not, or what it says cannot be carried elsewhere, the client stays where its session is.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.session_reading import DEFAULT_RIGHTS, Question, Told, told_session
from pglane.connection.settings import PARSE_SETTINGS, RIGHTS
from pglane.connection.sql_statements import NONE, SqlStatements, told_statements, with_lacking
from pglane.engine.handover import abandoned, clean_for, keep_sum
from pglane.engine.server_link import ServerLink
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pglane.connection.settings import Vector
    from pglane.engine.client_link import ClientLink

UNSEEN = int(
    Effect.RESET_ALL
    | Effect.RESET_SOME
    | Effect.SETTING_LISTED
    | Effect.SETTING_UNKNOWN
    | Effect.DISCARD_ALL
    | Effect.OPAQUE
    | Effect.DBLINK
)
"""After these the names in the text do not tell which settings are the session's own."""
DROPPING = int(Effect.DEALLOCATE | Effect.DEALLOCATE_ALL)
PREPARING = int(Effect.PREPARED | Effect.OPAQUE)
"""After these there may be statements that were not there."""
PARSING_IN_DOUBT = UNSEEN | int(Effect.ROLE | Effect.LOCAL_SETTING)
"""With these a text may have been read under other settings than those before and after."""


def read_back(
    client: "ClientLink", server: ServerLink, *, everything: bool = False, cleans: bool = False
) -> None:
    """Asks, then ends the lease.

    Args:
        client: whose session it is.
        server: where it is.
        everything: more may have changed than the texts show.
        cleans: what else there may be is cleaned away.
    """
    Reading(client, server, everything, cleans).begin()


class Reading:
    """One client's session being read from its server connection."""

    __slots__ = ("_cleans", "_client", "_dropped", "_in_doubt", "_question", "_remade", "_server")

    def __init__(
        self, client: "ClientLink", server: ServerLink, everything: bool, cleans: bool
    ) -> None:
        requests = client.requests
        effects = requests.effects
        vector = client.vector
        unseen = (
            everything
            or bool(effects & UNSEEN)
            or bool(server.exchange.changed and not requests.settings)
        )
        self._client = client
        self._server = server
        self._cleans = cleans
        self._question = Question(
            requests.settings,
            [
                *vector.items,
                *server.vector.items,
                *server.database.custom_names,
                *requests.named,
            ],
            everything=unseen or not requests.settings <= vector.items.keys(),
            rights=bool(effects & Effect.ROLE),
            statements=everything
            or bool(effects & PREPARING)
            or (vector.prepared is not NONE and bool(effects & DROPPING)),
        )
        touched = not requests.settings.isdisjoint(PARSE_SETTINGS)
        self._in_doubt = touched or bool(effects & PARSING_IN_DOUBT)
        self._remade = bool(effects & DROPPING)
        self._dropped = bool(effects & Effect.DEALLOCATE_ALL)

    def begin(self) -> None:
        """The first question."""
        server = self._server
        server.exchange.changed.clear()
        if self._question.hopeless:
            self._pin()
        elif not self._question.columns():
            self._end(self._client.vector)
        elif self._question.rights and server.default_rights is None:
            server.run(DEFAULT_RIGHTS.encode(), self._learned_rights)
        else:
            self._ask()

    def _learned_rights(self, succeeded: bool) -> None:
        """The server has said which rights its connections begin with."""
        rights = [value.decode() for value in self._server.exchange.own.row if value is not None]
        if succeeded and len(rights) == len(RIGHTS):
            self._server.default_rights = (rights[0], rights[1])
            self._ask()
        elif self._server.exchange.status != IDLE_STATUS:
            self._server.roll_back(self._rolled_back)
        else:
            self._pin()

    def _rolled_back(self, succeeded: bool) -> None:
        """Our question failed, and left its block: the client must not find itself in it."""
        if succeeded:
            self._pin()
        else:
            self._server.database.lost(self._server, "a failed block could not be rolled back")

    def _ask(self) -> None:
        text = self._question.text(hexadecimal=not self._server.reads_utf8())
        self._server.run(text.encode(), self._answered)

    def _answered(self, succeeded: bool) -> None:
        server = self._server
        told = None
        if succeeded:
            told = told_session(
                self._question,
                server.exchange.own.row,
                server.default_rights or ("", ""),
                hexadecimal=not server.reads_utf8(),
                superuser=server.superuser,
            )
        if told is None:
            self._pin()
        else:
            self._settle(told)

    def _settle(self, told: Told) -> None:
        """What the client has is its own from now on, wherever it goes."""
        client, server, question = self._client, self._server, self._question
        mine: Mapping[str, str] = client.vector.items
        theirs: Mapping[str, str] = server.vector.items
        if question.everything:
            mine, theirs = client.startup.items, server.base.items
        if question.rights:
            mine, theirs = rights_of_login(mine, server.base), rights_of_login(theirs, server.base)
        mine, theirs = {**mine, **told.settings}, {**theirs, **told.settings}
        statements = self._statements(told, mine)
        if statements is None:
            self._pin()
            return
        database = server.database
        database.note_custom_names(told.settings)
        vectors = database.worker.vectors
        there, own = statements
        held = vectors.of(theirs, there)
        server.now_holds(held)
        if self._cleans and server.sum:
            keep_sum(server)
        database.accepted.add(server.slot.user, held)
        self._end(vectors.of(mine, own))

    def _statements(
        self, told: Told, mine: "Mapping[str, str]"
    ) -> tuple[SqlStatements, SqlStatements] | None:
        """What is prepared there and what the client has; None if it cannot be prepared anew."""
        before, held = self._client.vector, self._server.vector.prepared
        if not self._question.statements:
            return held, before.prepared
        read_alike = all(mine.get(name) == before.items.get(name) for name in PARSE_SETTINGS)
        members = told_statements(
            told.statements,
            before.prepared,
            before.parse_key,
            in_doubt=self._in_doubt or not read_alike,
            remade=self._remade,
        )
        if members is None:
            return None
        own = members if self._dropped else with_lacking(members, before.prepared, held)
        vectors = self._server.database.worker.vectors
        return None if own is None else (vectors.statements(members), vectors.statements(own))

    def _end(self, vector: "Vector") -> None:
        client, server = self._client, self._server
        client.requests.settings = set()
        client.requests.named = set()
        if server.client is not client:
            abandoned(server)
            return
        client.settings_are(vector)
        if self._cleans:
            clean_for(client, server)
        else:
            client.end_lease(server)

    def _pin(self) -> None:
        session_state = self._client.session_state
        if session_state is not None and self._server.client is self._client:
            session_state.has(int(Effect.SETTING_UNKNOWN))
        pin(self._client, self._server)


def pin(client: "ClientLink", server: ServerLink) -> None:
    """Its session cannot be carried elsewhere, or is not known: it stays where it is."""
    client.requests.settings = set()
    client.requests.named = set()
    server.must_discard = True
    server.sum = b""
    if server.client is not client:
        server.dirty = True
        abandoned(server)
        return
    client.hear_itself(server)
    client.pinned = True
    client.forward()


def rights_of_login(items: "Mapping[str, str]", base: "Vector") -> dict[str, str]:
    """The same settings with the rights that the server connection was opened with."""
    rights = {name: base.items[name] for name in RIGHTS if name in base.items}
    return {name: value for name, value in items.items() if name not in RIGHTS} | rights
