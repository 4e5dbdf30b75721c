"""What a client is owed for what it sent, by the protocol alone.

For each message that is answered there is one `Asked`, in order. What comes must answer the first
of them, with what the client's own `Session` says: rows, tags, statuses and errors are those of a
private connection. A request may fail for what lies outside of it (a fault of the server, a cancel
request, a refusal of the gateway); then it must fail as a whole, and so must what stands behind it
up to the Sync.
"""

import re
from collections import deque
from dataclasses import dataclass, field

from tests.support.sessions.session import (
    CANCELED,
    DROPPING_TAGS,
    FAILED,
    FAILS_IN_FAILED,
    FAULT,
    IDLE,
    Fails,
    Session,
    Violation,
    ends_block,
    returns_rows,
)

REFUSED = re.compile(rb"PGL\d{4}")
NO_PORTAL = b"34000"
FAILS_ANYWAY = {FAILS_IN_FAILED, NO_PORTAL, b"26000"}
UNASKED = b"NSA"
EARLY = b"early"
"""Named by a Sync ahead of copy data: it counts only where the COPY has failed before it."""
ANSWERS = {b"P": b"1", b"B": b"2", b"C": b"3"}


@dataclass
class Asked:
    """One message that is answered.

    Attributes:
        kind: its type byte.
        names: what it names: of Parse name and text, of Bind portal, statement and parameter, of
            Describe and Close sort and name, of Execute the portal.
        parts: of a Query the statements.
        end: where it ends in what the client sent.
        rows: that have come of its current statement.
        failed: it has.
    """

    kind: bytes
    end: int
    names: tuple[bytes, ...] = ()
    parts: list[bytes] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    copying: bytes = b""
    described: bool = False
    failed: bool = False


class Owed:
    """What one client is owed.

    Attributes:
        session: its own, as on a private connection.
        skips: an error came, and what is sent up to the Sync means nothing.
        written: how much it has sent.
        cancels_until: how much it had sent when the last cancel request for it was over; negative:
            one is on its way.
        listened: channels that it has asked for at some time.
        listens: those that it listens to, as far as it was told.
        due: notifications that it is still to get, for it listened before and does so since.
        fatal: the error with which the connection ended.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.asked: deque[Asked] = deque()
        self.skips = False
        self.written = 0
        self.cancels_until = 0
        self.listened: set[bytes] = set()
        self.listens: frozenset[bytes] = frozenset()
        self.due: list[bytes] = []
        self.fatal = b""
        self.statements: dict[bytes, bytes] = {}
        self.portals: dict[bytes, tuple[bytes, bytes]] = {}

    def add(self, asked: Asked) -> None:
        """One more message is sent."""
        if asked.kind == b"S":
            self.skips = False
        if not self.skips:
            self.asked.append(asked)

    def nothing(self) -> bool:
        return not self.asked

    def notified(self, channel: bytes, payload: bytes) -> None:
        """Somebody has committed this."""
        if channel in self.listens:
            self.due.append(payload)

    def take(self, kind: bytes, body: bytes) -> None:
        """One message came.

        Raises:
            Violation: it is none that is owed.
        """
        if kind in UNASKED:
            self._unasked(kind, body)
            return
        if kind == b"E":
            self._error(body)
            return
        if not self.asked:
            raise Violation(f"nothing was asked, and this came: {kind!r} {body[:80]!r}")
        head = self.asked[0]
        if head.end > self.written:
            raise Violation(f"{kind!r} answers what was not sent as a whole: {head}")
        if kind == b"Z":
            self._ready(head, body)
        elif head.kind in b"QE":
            self._runs(head, kind, body)
        else:
            self._steps(head, kind, body)

    def _misfit(self, head: Asked, kind: bytes, body: bytes) -> Violation:
        return Violation(f"{kind!r} {body[:80]!r} came as an answer to {head}")

    def _unasked(self, kind: bytes, body: bytes) -> None:
        if kind == b"A":
            channel, payload = body[4:].split(b"\0")[:2]
            if payload in self.due:
                self.due.remove(payload)
            if channel not in self.listened:
                raise Violation(f"a notification of {channel!r}, which it does not listen to")

    # Messages of the extended protocol -----------------------------------------------------

    def _steps(self, head: Asked, kind: bytes, body: bytes) -> None:
        if head.kind == b"D":
            self._described(head, kind, body)
            return
        if head.kind == b"F":
            if kind != b"V" or head.rows or body[4:] != head.names[0]:
                raise self._misfit(head, kind, body)
            head.rows.append(body[4:])
            return
        if kind != ANSWERS.get(head.kind):
            raise self._misfit(head, kind, body)
        try:
            self._does(head)
        except Fails as fails:
            raise Violation(f"{head} must fail with {fails.sqlstate!r}") from None
        self.asked.popleft()

    def _does(self, head: Asked) -> None:
        """What a private connection does with it.

        Raises:
            Fails: it fails there.
        """
        if head.kind == b"P":
            name, text = head.names
            self._stand(text)
            if name and name in self.statements:
                raise Fails(b"42P05")
            self.statements[name] = text
        elif head.kind == b"B":
            portal, name, value = head.names
            if name not in self.statements:
                raise Fails(b"26000")
            self._stand(self.statements[name])
            if portal and portal in self.portals:
                raise Fails(b"42P03")
            self.portals[portal] = (self.statements[name], value)
        elif head.kind == b"C":
            sort, name = head.names
            if sort == b"S":
                self.statements.pop(name, None)
            else:
                self.portals.pop(name, None)
        elif head.kind == b"F":
            if self.session.status == FAILED:
                raise Fails(FAILS_IN_FAILED)
        elif head.kind == b"D":
            sort, name = head.names
            if name not in (self.statements if sort == b"S" else self.portals):
                raise Fails(b"26000" if sort == b"S" else NO_PORTAL)
            text = self.statements[name] if sort == b"S" else self.portals[name][0]
            if returns_rows(text) and self.session.status == FAILED:
                raise Fails(FAILS_IN_FAILED)

    def _stand(self, text: bytes) -> None:
        if self.session.status == FAILED and text and not ends_block(text):
            raise Fails(FAILS_IN_FAILED)

    def _described(self, head: Asked, kind: bytes, body: bytes) -> None:
        sort, name = head.names
        if kind == b"t" and sort == b"S" and not head.described:
            head.described = True
            return
        try:
            self._does(head)
        except Fails as fails:
            raise Violation(f"{head} must fail with {fails.sqlstate!r}") from None
        text = self.statements[name] if sort == b"S" else self.portals[name][0]
        wanted = b"T" if returns_rows(text) else b"n"
        if kind != wanted or (sort == b"S" and not head.described):
            raise self._misfit(head, kind, body)
        self.asked.popleft()

    # What runs -----------------------------------------------------------------------------

    def _runs(self, head: Asked, kind: bytes, body: bytes) -> None:
        if head.failed:
            raise self._misfit(head, kind, body)
        if kind == b"T" and head.kind == b"Q" and not head.described:
            head.described = True
        elif kind == b"D":
            head.rows.append(body[6:])
        elif kind == b"d":
            head.rows.append(body)
        elif kind in b"GH" and not head.copying:
            head.copying = kind
            if kind == b"G" and len(self.asked) > 1 and EARLY in self.asked[1].names:
                del self.asked[1]
        elif kind == b"c" and head.copying == b"H":
            pass
        elif kind in b"CI":
            self._complete(head, b"" if kind == b"I" else body[:-1])
        else:
            raise self._misfit(head, kind, body)

    def _complete(self, head: Asked, tag: bytes) -> None:
        text, value = self._current(head)
        try:
            done = self.session.run(text, value)
        except Fails as fails:
            raise Violation(f"{text!r} must fail with {fails.sqlstate!r}: {head}") from None
        if done.copy == b"G":
            done.tag = tag  # what was copied in is counted by the server
        if (done.tag, done.rows, done.copy) != (tag, head.rows, head.copying):
            raise Violation(
                f"{text!r} {value!r} is answered by {head.rows!r:.200} {tag!r}, "
                f"and must be by {done.rows!r:.200} {done.tag!r}"
            )
        if tag in DROPPING_TAGS:
            unnamed = self.statements.get(b"")
            self.statements = {} if unnamed is None else {b"": unnamed}
        head.rows, head.copying, head.described = [], b"", False
        if head.kind == b"E":
            self.asked.popleft()
            if ends_block(text):
                self.portals.clear()
        else:
            head.parts.pop(0)

    def _current(self, head: Asked) -> tuple[bytes, bytes]:
        """The statement that runs, and its parameter."""
        if head.kind == b"E":
            if head.names[0] not in self.portals:
                raise Violation(f"{head} must fail: there is no such portal")
            return self.portals[head.names[0]]
        if not head.parts:
            raise Violation(f"more is answered than {head} asked for")
        return head.parts[0], b""

    def _ready(self, head: Asked, status: bytes) -> None:
        if head.kind not in b"QSF" or (head.kind == b"Q" and head.parts and not head.failed):
            raise self._misfit(head, b"Z", status)
        if head.kind == b"F" and not head.rows and not head.failed:
            raise self._misfit(head, b"Z", status)
        self.asked.popleft()
        if head.kind == b"Q":
            self.statements.pop(b"", None)
            self.portals.pop(b"", None)
        self.session.unit_ends()
        if self.session.status == IDLE:
            self.portals.clear()
            if not self.listens <= self.session.channels:
                self.due.clear()  # what came until then it may have missed
            self.listens = self.session.channels
        if status != self.session.status:
            raise Violation(f"status {status!r}, not {self.session.status!r}, behind {head}")

    # Errors --------------------------------------------------------------------------------

    def _error(self, body: bytes) -> None:
        fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
        if fields.get(b"V") in (b"FATAL", b"PANIC"):
            self.fatal = body
            return
        if not self.asked:
            raise Violation(f"nothing was asked, and this came: {body!r}")
        head = self.asked[0]
        if head.end > self.written:
            raise Violation(f"{body!r} answers what was not sent as a whole: {head}")
        self._justify(head, fields, body)
        self.session.fails()
        head.failed = True
        if head.kind in b"QFS":
            return
        if head.kind == b"P" and not head.names[0]:
            self.statements.pop(b"", None)
        while self.asked and self.asked[0].kind != b"S":
            self.asked.popleft()
        self.skips = not self.asked

    def _justify(self, head: Asked, fields: dict[bytes, bytes], body: bytes) -> None:
        """An error must be one that a private connection gives, or come from outside."""
        sqlstate = fields.get(b"C", b"")
        if head.failed:
            raise Violation(f"a second error for {head}: {body!r}")
        refused = REFUSED.search(fields.get(b"D", b""))
        if sqlstate == CANCELED and not refused:
            if head.copying == b"G":
                return  # so PostgreSQL answers a CopyFail
            if self.cancels_until >= 0 and head.end > self.cancels_until:
                raise Violation(f"nobody cancelled {head}: {body!r}")
            return
        if sqlstate == FAULT or refused:
            return
        wanted = self._private_error(head)
        if self.session.status == FAILED and {sqlstate, wanted} <= FAILS_ANYWAY:
            return  # which of them depends on what is prepared where
        if sqlstate != wanted:
            raise Violation(f"{head} fails with {body!r}, and on a private connection {wanted!r}")

    def _private_error(self, head: Asked) -> bytes:
        """The SQLSTATE with which it fails there; b"": it does not."""
        try:
            if head.kind == b"E":
                if head.names[0] not in self.portals:
                    return NO_PORTAL
                self.session.run(*self.portals[head.names[0]])
            elif head.kind == b"Q":
                if head.parts:
                    self.session.run(head.parts[0])
            else:
                self._does(head)
        except Fails as fails:
            return fails.sqlstate
        return b""
