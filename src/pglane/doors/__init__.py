"""When a lease begins and ends, and what is allowed inside. Pure.

The three doors are three modules of the same shape; read them side by side.
"""

from pglane.doors import direct, session, transaction

DOORS = {door.NAME: door for door in (transaction, session, direct)}

__all__ = ["DOORS", "direct", "session", "transaction"]
