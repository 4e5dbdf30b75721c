"""What a lease needs before it can end, where more than the usual is to be done.

The usual end, of a client that left nothing behind, is in `client_link`.
"""

from typing import TYPE_CHECKING

from pglane.doors.ending import Ending
from pglane.engine import hearing
from pglane.engine.handover import stop_listening
from pglane.engine.probing import probe
from pglane.engine.reading_back import read_back

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink


def end_by(client: "ClientLink", ending: Ending, server: "ServerLink") -> None:
    """Does what the client's door has decided."""
    match ending:
        case Ending.RELEASE if not server.exchange.changed:
            client.release(server)
        case Ending.RELEASE | Ending.READ_BACK:
            read_back(client, server)
        case Ending.CLEAN:
            read_back(client, server, cleans=True)
        case Ending.STOP_LISTENING:
            stop_listening(client, server)
        case Ending.PROBE:
            probe(client, server)
        case Ending.PIN:
            hearing.by_itself(client, server)
            client.pinned = True
            server.must_discard = True
        case Ending.KEEP:
            pass
