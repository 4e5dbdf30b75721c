"""The transaction door: a lease lasts one transaction.

For web requests, reads, serverless. Statement names are virtual; settings, and statements prepared
by SQL, travel with the client. What nothing can carry to another server connection is refused
before it runs, or *pins* the client (`session_state.py`): it keeps its server connection until the
state is provably gone (DISCARD ALL) or the client is; then the connection is cleaned before
anybody else gets it.
"""

from pglane.connection.exchange import IDLE_STATUS
from pglane.doors.ending import Ending
from pglane.doors.session_state import IMMOVABLE
from pglane.wire.statements import Effect

NAME = "transaction"
REWRITES_NAMES = True
EXACT_BASE = False
PURPOSE = "short stateless work: web requests, reads, serverless"

PINNING = IMMOVABLE
TRAVELLING = int(
    Effect.SETTING
    | Effect.SETTING_LISTED
    | Effect.ROLE
    | Effect.CHARACTERISTICS
    | Effect.RESET_ALL
    | Effect.RESET_SOME
    | Effect.PREPARED
    | Effect.DEALLOCATE
    | Effect.DEALLOCATE_ALL
)
UNPROVED = int(Effect.UNSEEN | Effect.OPAQUE)
DIRTYING = int(Effect.MALFORMED)
LASTING = PINNING | TRAVELLING | UNPROVED | DIRTYING | int(Effect.LISTEN)
"""What outlives a transaction: without any of it a lease just ends."""


def after_answer(status: int, effects: int, *, pinned: bool) -> Ending:
    """What becomes of the lease when everything is answered."""
    if status != IDLE_STATUS or pinned:
        return Ending.KEEP
    if effects & Effect.LISTEN:
        return Ending.STOP_LISTENING
    if effects & PINNING:
        return Ending.PIN
    if effects & UNPROVED:
        return Ending.PROBE
    if effects & DIRTYING:
        return Ending.CLEAN
    if effects & TRAVELLING:
        return Ending.READ_BACK
    return Ending.RELEASE
