"""From one client to the next: a server connection is made ready, and put in order after it.

Each step is a query of our own on the server connection. The client may be gone when its answer
comes: then the server connection is nobody's, and `abandoned` decides what it needs before it
goes to somebody else.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.session_reading import DEFAULT_RIGHTS, Question, explicit_settings
from pglane.connection.settings import RIGHTS, apply_statement, differences
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


def prepare_lease(client: "ClientLink", server: ServerLink) -> None:
    """Makes the client's settings true on the server connection, then lets it go on."""
    if server.client is not client:
        abandoned(server)
        return
    if server.raw:
        client.raw_begins(server)
        return
    if not client.door.REWRITES_NAMES and len(server.exchange.statements):
        server.exchange.statements.clear()
        server.run(b"DEALLOCATE ALL", lambda _: prepare_lease(client, server))
        return
    wanted = differences(server.vector, server.base, client.vector)
    if not wanted:
        server.now_holds(client.vector)
        client.lease_ready(server)
        return
    text = apply_statement(wanted, escapes=not server.reads_utf8())
    octets = text.encode("utf-8", "surrogateescape")  # what a client gave stays as it was
    server.run(octets, lambda fine: applied(client, server, fine))


def applied(client: "ClientLink", server: ServerLink, succeeded: bool) -> None:
    """The server has taken the client's settings, or none of them."""
    if succeeded:
        server.now_holds(client.vector)
    if server.client is not client:
        abandoned(server)
    elif succeeded:
        client.lease_ready(server)
    else:
        client.settings_refused(server.exchange.internal_error or {})


def read_back(client: "ClientLink", server: ServerLink, *, cleans: bool = False) -> None:
    """The client changed settings: what are they now? `cleans`: the rest of it is cleaned away."""
    requests = client.requests
    unseen = requests.effects & UNSEEN or (server.exchange.changed and not requests.settings)
    question = Question(
        requests.settings,
        [*client.vector.items, *server.vector.items, *server.database.custom_names],
        everything=bool(unseen) or not requests.settings <= client.vector.items.keys(),
        rights=bool(requests.effects & Effect.ROLE),
    )
    server.exchange.changed.clear()
    if question.hopeless:
        pin(client, server)
    elif question.rights and server.default_rights is None:
        server.run(DEFAULT_RIGHTS.encode(), lambda _: learned(client, server, question, cleans))
    else:
        ask(client, server, question, cleans)


def learned(client: "ClientLink", server: ServerLink, question: Question, cleans: bool) -> None:
    """The server has said which rights its connections begin with."""
    rights = [value.decode() for value in server.exchange.internal_rows if value is not None]
    if server.exchange.internal_error is None and len(rights) == len(RIGHTS):
        server.default_rights = (rights[0], rights[1])
        ask(client, server, question, cleans)
    else:
        pin(client, server)


def ask(client: "ClientLink", server: ServerLink, question: Question, cleans: bool) -> None:
    """Asks what the settings are."""
    text = question.text(hexadecimal=not server.reads_utf8())
    server.run(text.encode(), lambda _: told(client, server, question, cleans))


def told(client: "ClientLink", server: ServerLink, question: Question, cleans: bool) -> None:
    """The server has said what the settings are, or has failed to."""
    found = None
    if server.exchange.internal_error is None:
        found = explicit_settings(
            question,
            server.exchange.internal_rows,
            server.default_rights or ("", ""),
            hexadecimal=not server.reads_utf8(),
            superuser=server.superuser,
        )
    if found is None:
        pin(client, server)
        return
    database = server.database
    database.note_custom_names(found)
    mine = client.startup.items if question.everything else client.vector.items
    theirs = server.base.items if question.everything else server.vector.items
    if question.rights:
        mine, theirs = rights_of_login(mine, server.base), rights_of_login(theirs, server.base)
    vectors = database.worker.vectors
    server.now_holds(vectors.of({**theirs, **found}))
    settle(client, server, vectors.of({**mine, **found}), cleans)


def rights_of_login(items: "Mapping[str, str]", base: "Vector") -> dict[str, str]:
    """The same settings with the rights that the server connection was opened with."""
    rights = {name: base.items[name] for name in RIGHTS if name in base.items}
    return {name: value for name, value in items.items() if name not in RIGHTS} | rights


def settle(client: "ClientLink", server: ServerLink, vector: "Vector", cleans: bool) -> None:
    """What the client has set is its own from now on, wherever it goes."""
    client.requests.settings.clear()
    if server.client is not client:
        abandoned(server)
        return
    client.settings_are(vector)
    if cleans:
        clean_for(client, server)
    else:
        client.end_lease(server)


def pin(client: "ClientLink", server: ServerLink) -> None:
    """Its settings cannot be carried elsewhere, or are not known: it stays where they are."""
    client.requests.settings.clear()
    server.must_discard = True
    server.sum = b""
    if server.client is not client:
        server.dirty = True
        abandoned(server)
        return
    client.hear_itself(server)
    client.pinned = True
    client.forward()


def clean_for(client: "ClientLink", server: ServerLink) -> None:
    """Cleans before the lease ends."""

    def cleaned(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        if server.client is not client:
            abandoned(server)
        else:
            client.end_lease(server)

    server.clean(cleaned)


def stop_listening(client: "ClientLink", server: ServerLink) -> None:
    """What the client listens to is heard elsewhere; its server connection shall not hear it."""
    client.requests.effects &= ~Effect.LISTEN

    def stopped(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        server.answered()
        if server.client is client:
            client.forward()

    server.run(b"UNLISTEN *", stopped)


def abandoned(server: ServerLink) -> None:
    """A server connection whose client is gone has nothing outstanding any more."""
    if server.closing or not server.feedable():
        return
    exchange = server.exchange
    if exchange.outstanding():
        return
    database = server.database
    if exchange.status != IDLE_STATUS:
        server.dirty = True
        database.desk.cleaning(server.slot, database.loop.now)
        server.roll_back(lambda fine: put_in_order(server, fine))
    elif server.dirty or exchange.changed:
        server.dirty = False
        database.desk.cleaning(server.slot, database.loop.now)
        server.clean(lambda fine: put_in_order(server, fine))
    elif database.vacating:
        database.close(server)
    else:
        database.release(server)


def put_in_order(server: ServerLink, succeeded: bool) -> None:
    """One step of it is done."""
    if succeeded:
        abandoned(server)
    else:
        server.database.close(server)
