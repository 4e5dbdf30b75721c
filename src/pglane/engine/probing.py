"""After a statement whose effects no text shows: is anything there? Then what?

Before such a lease ends, one query of our own looks at the session (`connection.session_probe`).

* Nothing: the server connection is released like any other.
* Other settings: they are read back and travel with the client, as after a SET.
* A custom setting may be there whose name nobody knows, because code computes it or has just been
  made, or DDL has not been read yet: all settings are reset, so that it goes to nobody.
* Something that cannot be moved: its client keeps the server connection, for that is how a private
  connection behaves. The statement's fingerprint is logged, and counts as stateful from then on:
  it is refused, or pins, by the same rules as a statement whose text shows the same.

In a lease of several such statements nobody can tell which of them it was; none is blamed.
"""

from typing import TYPE_CHECKING

from pglane.connection.session_probe import Found, probe_text, read_probe, state_names
from pglane.engine.handover import abandoned, clean_for
from pglane.engine.reading_back import pin, read_back
from pglane.wire.statements import Effect, Verdict

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink

OPAQUE = int(Effect.OPAQUE)


def probe(client: "ClientLink", server: "ServerLink") -> None:
    """Looks at the session, then ends the lease as it should."""
    watch = server.database.watch
    watch.probes += 1
    requests = client.requests
    names = watch.looked_at(server.vector.items, requests.settings, requests.named)
    text = probe_text(names).encode("utf-8", "surrogateescape")
    server.run(text, lambda fine: _probed(client, server, fine))


def _probed(client: "ClientLink", server: "ServerLink", succeeded: bool) -> None:
    found = read_probe(server.exchange.own.row) if succeeded else None
    requests = client.requests
    unseen: list[Verdict] = requests.unseen
    requests.unseen = []
    if server.client is not client:
        server.dirty = True
        abandoned(server)
    elif found is None:
        _look_failed(client, server)
    elif found.effects:
        _stays(client, server, found.effects, unseen)
    else:
        sight = server.database.watch.sight
        for verdict in unseen:
            sight.left_nothing(verdict)
        _settings_are(client, server, found, hides=_may_hide(client, server, unseen))


def _may_hide(client: "ClientLink", server: "ServerLink", unseen: list[Verdict]) -> bool:
    """Whether a custom setting may be there that no question finds."""
    database = server.database
    if database.unread or database.watch.computes or client.requests.effects & OPAQUE:
        return True
    return not unseen or not all(verdict.certain for verdict in unseen)


def _settings_are(
    client: "ClientLink", server: "ServerLink", found: Found, *, hides: bool
) -> None:
    """Nothing but settings can have changed, and what is prepared by SQL.

    Of statements that were not taken here the hash does not tell whether all were dropped.
    """
    lacking = client.vector.prepared is not server.vector.prepared
    if lacking or server.sums.get(server.vector) != found.settings:
        server.sum = found.settings
        read_back(client, server, everything=True, cleans=hides)
        return
    client.requests.settings = set()
    client.requests.named = set()
    server.exchange.changed.clear()
    if hides:
        clean_for(client, server)
    else:
        client.end_lease(server)


def _look_failed(client: "ClientLink", server: "ServerLink") -> None:
    """What is there is not known: nobody gets this server connection any more."""
    database = server.database
    database.worker.log(
        "warning",
        "probe_failed",
        f"a session of database {database.name} could not be looked at; it is closed",
        database=database.name,
        user=server.slot.user,
    )
    server.suspect = True
    read_back(client, server, everything=True)


def _stays(
    client: "ClientLink", server: "ServerLink", effects: int, unseen: list[Verdict]
) -> None:
    """The session holds what cannot be moved."""
    database = server.database
    watch = database.watch
    known = len(unseen) != 1 or not watch.sight.left(unseen[0], effects)
    if not known:
        watch.renew()
    if not known or len(unseen) > 1:
        database.worker.log(
            "warning",
            "unseen_state",
            f"a statement left {state_names(effects)} in the session without its text showing it; "
            "its client keeps the server connection. It belongs behind the session door",
            database=database.name,
            user=client.user,
            application=client.vector.items.get("application_name", ""),
            fingerprints=" ".join(verdict.fingerprint for verdict in unseen),
        )
    if client.session_state is not None:
        client.session_state.has(effects)
    pin(client, server)
