"""What one client listens to, and the notifications that wait until it may be given them.

PostgreSQL makes LISTEN and UNLISTEN true when their transaction commits, in the order in which
they came; ROLLBACK drops them, ROLLBACK TO a savepoint those behind it, and an error those of a
transaction that nobody began with BEGIN (manual, LISTEN; async.c, AtSubAbort_Notify). A session
gets its notifications between transactions only, and only those of channels that it listens to
at that moment.

Savepoints are followed from the first LISTEN or UNLISTEN of a transaction on. One that is older
is not known here, and a rollback to it undoes everything there is to undo.

A channel may be heard by us before its LISTEN has been committed: what comes for it waits too,
and counts if it is listened to when the transaction has ended (`forget_early` is called just
before a statement that may commit, so that nothing older is among it).
"""

from pglane.connection.channel_steps import (
    COMMIT,
    LISTEN,
    RELEASE,
    ROLLBACK,
    ROLLBACK_TO,
    SAVEPOINT,
    UNLISTEN,
    UNLISTEN_ALL,
    Step,
)

CHANNELS_MAX = 1_000
"""Channels of one client."""
_CHANGES = frozenset({LISTEN, UNLISTEN, UNLISTEN_ALL})


class Subscriptions:
    """The channels of one client.

    Attributes:
        active: channels it listens to.
        waiting_bytes: size of the notifications that wait.
    """

    __slots__ = ("_changes", "_failed", "_savepoints", "_waiting", "active", "waiting_bytes")

    def __init__(self) -> None:
        self.active: set[bytes] = set()
        self.waiting_bytes = 0
        self._changes: list[Step] = []
        self._savepoints: list[tuple[bytes, int]] = []
        self._failed = False
        self._waiting: list[tuple[bytes | None, bytes]] = []

    # The transaction -----------------------------------------------------------------------

    def did(self, step: Step, tag: bytes) -> None:
        """The server completed a statement and said so with `tag`."""
        kind = step.kind
        if kind in _CHANGES:
            self._changes.append(step)
            if tag == b"DISCARD ALL":  # commits at once; what fails behind it takes nothing back
                self._commit()
        elif kind == SAVEPOINT:
            self._savepoints.append((step.name, len(self._changes)))
        elif kind == RELEASE:
            self._release(step.name)
        elif kind == ROLLBACK_TO:
            self._undo(step.name)
        elif kind == ROLLBACK or (kind == COMMIT and tag == b"ROLLBACK"):
            self._drop()
        elif kind == COMMIT:
            self._commit()

    def failed(self) -> None:
        """The server reported an error."""
        self._failed = True

    def ready(self, *, idle: bool) -> None:
        """The server is ready for the next query; `idle`: no transaction is open."""
        if idle:
            if self._failed:
                self._drop()
            else:
                self._commit()
        self._failed = False

    def discard(self) -> None:
        """The client is gone."""
        self._drop()
        self.active.clear()
        self._waiting.clear()
        self.waiting_bytes = 0

    def wanted(self, channels: list[bytes]) -> int:
        """How many channels there may be if these come to what is there."""
        pending = {step.name for step in self._changes if step.kind == LISTEN}
        return len(self.active | pending | set(channels))

    def expects(self, channel: bytes) -> bool:
        """It listens to it, or will if its transaction commits."""
        return channel in self.active or any(
            step.kind == LISTEN and step.name == channel for step in self._changes
        )

    def _release(self, name: bytes) -> None:
        del self._savepoints[max(self._find(name), 0) :]

    def _undo(self, name: bytes) -> None:
        at = self._find(name)
        del self._changes[self._savepoints[at][1] if at >= 0 else 0 :]
        del self._savepoints[at + 1 :]

    def _find(self, name: bytes) -> int:
        """Place of the newest savepoint of that name; -1 if it is older than all known ones."""
        for at in range(len(self._savepoints) - 1, -1, -1):
            if self._savepoints[at][0] == name:
                return at
        return -1

    def _commit(self) -> None:
        for step in self._changes:
            if step.kind == LISTEN:
                self.active.add(step.name)
            elif step.kind == UNLISTEN:
                self.active.discard(step.name)
            else:
                self.active.clear()
        self._drop()

    def _drop(self) -> None:
        self._changes.clear()
        self._savepoints.clear()

    # Notifications -------------------------------------------------------------------------

    def keep(self, channel: bytes | None, message: bytes) -> None:
        """A notification that came while it may not be given any; no channel: for any case."""
        self._waiting.append((channel, message))
        self.waiting_bytes += len(message)

    def forget_early(self) -> None:
        """What came for channels that are not listened to yet came too early."""
        self._waiting = [each for each in self._waiting if self._counts(each[0])]
        self.waiting_bytes = sum([len(message) for _, message in self._waiting])

    def take(self) -> list[bytes]:
        """What it is to be given now, in order."""
        due = [message for channel, message in self._waiting if self._counts(channel)]
        self._waiting = []
        self.waiting_bytes = 0
        return due

    def _counts(self, channel: bytes | None) -> bool:
        return channel is None or channel in self.active
