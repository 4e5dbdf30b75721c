"""The direct door: a server connection of one's own, opened with the client's own startup packet.

For local development, migrations, pg_dump, replication. Bytes pass unread in both directions;
what PostgreSQL says is what the client gets. The server connection counts against the budget and
ends with the client.
"""

from pglane.doors.ending import Ending

NAME = "direct"
REWRITES_NAMES = False
EXACT_BASE = True
LASTING = 0
PURPOSE = "local development, migrations, pg_dump, replication"


def after_answer(status: int, effects: int, *, pinned: bool) -> Ending:
    """What becomes of the lease when everything is answered: nothing, until the client leaves."""
    del status, effects, pinned
    return Ending.KEEP
