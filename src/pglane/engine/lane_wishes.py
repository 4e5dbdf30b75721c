"""Where the wishes of clients for a lane are heard: at the login, after a change, and in tags.

What a wish is and what becomes of it is told in `doors.lane_wishes`. Tags are read only where
lanes are configured, before a transaction begins, through the door that lends for one transaction.
A tag that asks for a lane that does not admit the client is ignored: it would be told at every
statement, to somebody who does not read it.

The name of the work that a client belongs to comes the same ways (`scheduler.work`): `pglane.work`
and the tag `work`. It is nobody's to refuse.
"""

from typing import TYPE_CHECKING

from pglane.connection.first_tags import first_tags
from pglane.connection.startup_settings import LANE, WORK
from pglane.doors.lane_wishes import wish_refusal, wished_lane
from pglane.engine.lane_origin import origin_of
from pglane.scheduler.work import stamp_of
from pglane.wire.server_messages import notice_response

if TYPE_CHECKING:
    from pglane.connection.settings import Vector
    from pglane.engine.client_connection import ClientConnection
    from pglane.errors import Refusal

WORK_TAG = "work"
DECIDING = (LANE, "application_name")
"""Settings that say where a client belongs."""


def enter(client: "ClientConnection") -> "Refusal | None":
    """The client's next lease belongs where it wishes; why not, if it may not be there."""
    database = client.database
    refused = database.enter_lane(client)
    if refused is None:
        return None
    matching = database.placing.matching
    origin = origin_of(client)
    wish = client.lane_wished
    address = ""
    if wish in matching.names:
        address = database.worker.door_address(matching.door_of(wish)) or "not open"
    own = matching.place(origin).policy.name
    return wish_refusal(refused, wish, own, origin, matching, address)


def settings_changed(client: "ClientConnection", before: "Vector") -> None:
    """The client's settings are others: its next lease may belong elsewhere."""
    had, has = before.items, client.vector.items
    if had.get(WORK) != has.get(WORK):
        _works_for(client, has.get(WORK) or client.startup.items.get(WORK) or "")
    if all(had.get(name) == has.get(name) for name in DECIDING):
        return
    client.lane_wished = wished_lane(has, client.startup.items)
    refusal = enter(client)
    if refusal is not None and had.get(LANE) != has.get(LANE):
        client.transport.write(
            notice_response(
                "WARNING",
                refusal.sqlstate,
                refusal.text,
                refusal.detail_text,
                refusal.hint_text,
            )
        )


def transaction_begins(client: "ClientConnection") -> None:
    """The client is about to ask for a lease: the tags of its first statement may say a lane."""
    database = client.database
    tags = first_tags(client.requests.reader, client.requests.statements)
    wish, work = "", ""
    if tags:
        work = tags.get(WORK_TAG, "")
        wish = database.placing.matching.wished_by(origin_of(client), tags) or ""
    if wish != client.lane_tagged:
        client.lane_tagged = wish
        database.enter_lane(client)
    if work != client.work_tagged:
        client.work_tagged = work
        _works_for(client, client.work_said)


def _works_for(client: "ClientConnection", said: str) -> None:
    """The client's next lease belongs to this work, if its first statement says no other."""
    client.work_said = said
    client.lease = client.another_lease()
    client.lease.stamp = stamp_of(client.user, client.work_tagged or said)
