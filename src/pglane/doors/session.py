"""The session door: a lease lasts until the client disconnects.

For temporary tables, session advisory locks, long e-mail and authentication work. The lease
begins with the client's first request, on a server connection that was opened with exactly the
client's startup settings, so that RESET and DISCARD mean what they mean on a private connection.
Names are the client's own.
"""

from pglane.doors.ending import Ending

NAME = "session"
REWRITES_NAMES = False
EXACT_BASE = True
LASTING = 0
PURPOSE = "temporary tables, session advisory locks, long work"


def after_answer(status: int, effects: int, *, pinned: bool) -> Ending:
    """What becomes of the lease when everything is answered: nothing, until the client leaves."""
    del status, effects, pinned
    return Ending.KEEP
