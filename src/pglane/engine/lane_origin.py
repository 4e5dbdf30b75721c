"""What decides about a client's lane.

Of an application's name that is what PostgreSQL keeps of it: where clients belong is remembered by
it, and what strangers write must not be much.
"""

from typing import TYPE_CHECKING

from pglane.engine.syscalls import peer_text
from pglane.scheduler.matching import TENANT_CHARACTERS_MAX, Origin

if TYPE_CHECKING:
    from pglane.engine.client_connection import ClientConnection


def origin_of(client: "ClientConnection") -> Origin:
    """Where a client comes from, and what it calls itself now."""
    database = client.database
    host = ""
    if database.placing.matching.reads_addresses:
        host = peer_text(client.peer).rpartition(":")[0].strip("[]")
    name = client.vector.items.get("application_name", "")
    return Origin(client.door.NAME, client.user, database.name, name[:TENANT_CHARACTERS_MAX], host)
