"""A scripted PostgreSQL: server connections that behave as its own do towards their sockets.

What it says is what `session` says. How it says it is drawn for each play (`Manners`): PostgreSQL
keeps answers until a Sync, a Flush, an error or 8 kB, and what goes through may as well come at
once, one by one, in pieces; a statement may take its time, and be cancelled meanwhile; a
connection may end at any moment.

It looks at whom it serves: in a transaction, and in a unit of messages up to its Sync, there is
one client, and what one left behind no other one sees.
"""

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.engine_rig import error, message
from tests.support.sessions import own_questions
from tests.support.sessions.habits import Manners
from tests.support.sessions.server_socket import ServerSocket
from tests.support.sessions.session import (
    CANCELED,
    DROPPING_TAGS,
    FAILED,
    FAILS_IN_FAILED,
    FAULT,
    IDLE,
    PART_OF_VALUE,
    REPORTED,
    Done,
    Fails,
    Violation,
    authors,
    ends_block,
    returns_rows,
)

BROKEN_OFF = b"57P01"
OWN_FAILURES = (b"pglane refuses",)


class Server:
    """All its connections.

    Attributes:
        losses: how many of them it ended.
        taken: how many messages they have taken.
        known: whether a client has said this text, with a value of its own, as a whole.
    """

    def __init__(
        self,
        listener: socket.socket,
        chance: random.Random,
        manners: Manners,
        known: Callable[[bytes], bool],
        note: Callable[[str, object], None],
        on_told: Callable[[bytes, bytes], None],
    ) -> None:
        self.listener = listener
        self.chance = chance
        self.manners = manners
        self.known = known
        self.note = note
        self.on_told = on_told
        self.losses = 0
        self.taken = 0
        self.connections: list[Connection] = []
        self._numbers = 100

    def step(self, *, all_of_them: bool = False) -> None:
        """Some of its processes get on."""
        self._accept()
        for each in self.connections:
            if all_of_them or self.chance.random() < 0.6:
                each.step()
        self.connections = [each for each in self.connections if not each.over]

    def close(self) -> None:
        for each in self.connections:
            each.close()

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def find(self, process_id: int) -> "Connection | None":
        return next((each for each in self.connections if each.process_id == process_id), None)

    def tell(self, sender: int, told: list[tuple[bytes, bytes]]) -> None:
        """Notifications reach those who listen, in order."""
        for channel, payload in told:
            self.on_told(channel, payload)
            for each in self.connections:
                if channel in each.session.channels:
                    each.hears(sender, channel, payload)

    def _accept(self) -> None:
        try:
            while True:
                self.connections.append(Connection(self, self.listener.accept()[0]))
        except BlockingIOError:
            pass


@dataclass
class Portal:
    """What an Execute runs."""

    text: bytes
    parameter: bytes


@dataclass
class Unit:
    """Since when nobody else may be served.

    Attributes:
        author: who is; None: nobody yet.
        is_open: messages of the extended protocol came, and no Sync behind them.
    """

    author: int | None = None
    is_open: bool = False
    skips: bool = False
    statements: dict[bytes, bytes] = field(default_factory=dict)
    portals: dict[bytes, Portal] = field(default_factory=dict)


class Connection(ServerSocket):
    """One server connection.

    Attributes:
        unit: what it has been told since nothing was open.
        owner: whose is what its session would leave to others; None: not known.
    """

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self._waiting = b""
        self._heard: list[bytes] = []
        self._copying: list[bytes] | None = None
        self.unit = Unit()
        self.owner: int | None = None

    # Messages ------------------------------------------------------------------------------

    def take(self, one: bytes, *, at_once: bool = False) -> None:
        """One message came."""
        kind = one[:1]
        self._server.taken += 1
        self._server.note(f"server {self.process_id} takes", one)
        if kind == b"X":
            self.close()
        elif self._manners.ends and self._chance.random() < self._manners.ends:
            self._server.losses += 1
            self.end(self._chance.random() < 0.5, BROKEN_OFF)
        elif (
            not at_once
            and kind in b"QEF"
            and self._copying is None
            and self._chance.random() < self._manners.slow
        ):
            self.running = self._chance.randrange(1, 10)
            self._waiting = one
        else:
            self._answer(one)

    def get_on(self) -> None:
        """Its statement takes one step less."""
        self.running -= 1
        if self.canceled or not self.running:
            one, self._waiting = self._waiting, b""
            self.running = 0
            self._answer(one)
            self.canceled = False

    def _answer(self, one: bytes) -> None:
        kind, body = one[:1], one[5:]
        if self._copying is not None and kind not in b"cf":
            self._copies(kind, body)
        elif kind == b"S":
            self.unit.skips = self.unit.is_open = False
            self._ready()
        elif kind == b"H":
            self.flush()
        elif kind in b"cf":
            self._copy_ends(kind)
        elif self.unit.skips:
            pass
        elif kind == b"Q":
            self._query(body[:-1])
        elif kind == b"F":
            self._function(body)
        elif kind in b"PBDEC":
            self.unit.is_open = True
            self._extended(kind, body)

    def _query(self, text: bytes) -> None:
        self.unit.is_open = False
        self.unit.statements.pop(b"", None)
        self.unit.portals.pop(b"", None)
        self._serves(text)
        parts = text.split(b"; ")
        sure = text.startswith(b"BEGIN ISOLATION")  # see `riding`: that it may fail is known
        try:
            for at, part in enumerate(parts):
                self.put(self._run(part, b"", described=True, sure=sure))
                if self._copying is not None:
                    assert at == len(parts) - 1
                    return
        except Fails as fails:
            self._fails(fails)
        self._ready()

    def _function(self, body: bytes) -> None:
        value = body[12:-2]
        self._serves(value, whole=False)
        try:
            self._may_fail()
            if self.session.status == FAILED:
                raise Fails(FAILS_IN_FAILED)
            self.put(message(b"V", len(value).to_bytes(4, "big") + value))
        except Fails as fails:
            self._fails(fails)
        self._ready()

    def _extended(self, kind: bytes, body: bytes) -> None:
        try:
            if kind == b"P":
                self._parse(body)
            elif kind == b"B":
                self._bind(body)
            elif kind == b"D":
                self._describe(body)
            elif kind == b"C":
                self._forget(body)
            else:
                self._execute(body)
        except Fails as fails:
            self.unit.skips = True
            self._fails(fails)

    def _parse(self, body: bytes) -> None:
        name, text = body.split(b"\0")[:2]
        self._serves(text)
        if not name:
            self.unit.statements.pop(b"", None)
        self._may_fail()
        if text in OWN_FAILURES:
            raise Fails(b"42601")
        self._stand(text)
        if name and name in self.unit.statements:
            raise Fails(b"42P05")
        self.unit.statements[name] = text
        self.put(message(b"1"))

    def _bind(self, body: bytes) -> None:
        portal, name, rest = body.split(b"\0", 2)
        value = rest[8:-2] if rest[2:4] == b"\0\1" else b""
        self._serves(value, whole=False)
        self._may_fail()
        if name not in self.unit.statements:
            raise Fails(b"26000")
        text = self.unit.statements[name]
        self._stand(text)
        if portal and portal in self.unit.portals:
            raise Fails(b"42P03")
        self.unit.portals[portal] = Portal(text, value)
        self.put(message(b"2"))

    def _stand(self, text: bytes) -> None:
        if self.session.status == FAILED and text and not ends_block(text):
            raise Fails(FAILS_IN_FAILED)

    def _describe(self, body: bytes) -> None:
        name = body[1:-1]
        if body[:1] == b"S":
            if name not in self.unit.statements:
                raise Fails(b"26000")
            text = self.unit.statements[name]
            self._described(text)
            self.put(message(b"t", b"\0\1\0\0\0\x19" if b"$1" in text else b"\0\0"))
        else:
            if name not in self.unit.portals:
                raise Fails(b"34000")
            text = self.unit.portals[name].text
            self._described(text)
        self.put(message(b"T", b"\0\0") if returns_rows(text) else message(b"n"))

    def _described(self, text: bytes) -> None:
        self._may_fail()
        if returns_rows(text) and self.session.status == FAILED:
            raise Fails(FAILS_IN_FAILED)

    def _forget(self, body: bytes) -> None:
        kept: dict[bytes, bytes] | dict[bytes, Portal] = (
            self.unit.statements if body[:1] == b"S" else self.unit.portals
        )
        kept.pop(body[1:-1], None)
        self.put(message(b"3"))

    def _execute(self, body: bytes) -> None:
        portal = self.unit.portals.get(body[: body.index(b"\0")])
        if portal is None:
            raise Fails(b"34000")
        self._serves(portal.text + b" " + portal.parameter, whole=False)
        self.put(self._run(portal.text, portal.parameter, described=False))
        if ends_block(portal.text):
            self.unit.portals.clear()

    # Statements ----------------------------------------------------------------------------

    def _run(self, part: bytes, parameter: bytes, *, described: bool, sure: bool = False) -> bytes:
        """The answer to one statement.

        Raises:
            Fails: it does.
        """
        if own_questions.is_own(part):
            self._may_fail(own=True)
            row = own_questions.answer(part, self.session)
            return _row(row) + message(b"C", b"SELECT 1\0")
        if not sure and not part.startswith(
            b"PREPARE"
        ):  # one of the gateway's may fail, and is left out then
            try:
                self._may_fail(own=part in (b"ROLLBACK", b""))
            except Fails:
                self._server.losses += part == b"ROLLBACK"  # what else can be done?
                raise
        left = self.session.leaves()
        done = self.session.run(part, parameter)
        if not left and self.session.leaves():
            self.owner = self.unit.author
        if done.tag in DROPPING_TAGS:
            unnamed = self.unit.statements.get(b"")
            self.unit.statements = {} if unnamed is None else {b"": unnamed}
        if done.copy == b"G":
            self._copying = []
            self.flush()
            self._going += message(b"G", b"\0\0\0")
            return b""
        if not part:
            return message(b"I")
        if self._manners.notices and self._chance.random() < self._manners.notices:
            self.put(error("00000", "NOTICE").replace(b"E", b"N", 1))
            self.flush()
        return _answer_of(done, described and returns_rows(part))

    def _may_fail(self, *, own: bool = False) -> None:
        if self.canceled:
            self.canceled = False
            raise Fails(CANCELED)
        rate = self._manners.fails / 10 if own else self._manners.fails
        if rate and self._chance.random() < rate:
            raise Fails(FAULT)

    def _fails(self, fails: Fails, routine: str = "") -> None:
        self.session.fails()
        self.put(error(fails.sqlstate.decode(), routine=routine))
        self.flush()

    def _copies(self, kind: bytes, body: bytes) -> None:
        assert self._copying is not None
        if kind == b"d":
            self._serves(body, whole=False)
            self._copying.append(body)
            if self._chance.random() < self._manners.fails:
                self._copy_fails(Fails(FAULT))
        elif kind not in b"SH":  # it does not even read the rest of such a message
            self._server.losses += 1
            self.end(True, b"08P01")

    def _copy_ends(self, kind: bytes) -> None:
        if self._copying is None:
            return
        if kind == b"f":
            self._copy_fails(Fails(CANCELED), "CopyGetData")
            return
        self.put(message(b"C", b"COPY %d\0" % len(self._copying)))
        self._copying = None
        if not self.unit.is_open:
            self._ready()

    def _copy_fails(self, fails: Fails, routine: str = "") -> None:
        self._copying = None
        self._fails(fails, routine)
        if self.unit.is_open:
            self.unit.skips = True
        else:
            self._ready()

    def _ready(self) -> None:
        """ReadyForQuery, and what goes before it."""
        session = self.session
        session.unit_ends()
        told, session.committed = session.committed, []
        if told:
            self._server.tell(self.process_id, told)
        if session.status == IDLE:
            self.unit.portals.clear()
            self.unit.author = None
        for name in REPORTED:
            value = session.shows(name)
            if value != self._reported[name]:
                self._reported[name] = value
                self.put(message(b"S", name + b"\0" + value + b"\0"))
        if session.status == IDLE:
            self.put(b"".join(self._heard))
            self._heard.clear()
        self.put(message(b"Z", session.status))
        self.flush()

    def hears(self, sender: int, channel: bytes, payload: bytes) -> None:
        body = sender.to_bytes(4, "big") + channel + b"\0" + payload + b"\0"
        if self.session.status == IDLE and not self.unit.is_open and not self.running:
            self.flush()
            self._going += message(b"A", body)
        else:
            self._heard.append(message(b"A", body))

    # Whom it serves ------------------------------------------------------------------------

    def _serves(self, text: bytes, *, whole: bool = True) -> None:
        """A client's text, or a value of a client's."""
        for author in authors(text):
            if self.unit.author is None:
                self.unit.author = author
                self._begins_with(author)
            if self.unit.author != author:
                raise Violation(
                    f"server connection {self.process_id}: what client {author} said came into "
                    f"a transaction or unit of client {self.unit.author}: {text[:80]!r}"
                )
        said = whole and PART_OF_VALUE.search(text) and not own_questions.is_own(text)
        if said and not self._server.known(text):
            raise Violation(f"nobody has said this as a whole: {text[:80]!r}")

    def _begins_with(self, author: int) -> None:
        session = self.session
        if session.leaves() and self.owner not in (None, author):
            raise Violation(
                f"server connection {self.process_id}: client {author} finds what client "
                f"{self.owner} left: {session.leaves()}"
            )
        self.owner = author


def _answer_of(done: Done, described: bool) -> bytes:
    answer = message(b"T", b"\0\0") if described else b""
    if done.copy == b"H":
        rows = b"".join(message(b"d", row) for row in done.rows)
        answer += message(b"H", b"\0\0\0") + rows + message(b"c")
    else:
        answer += b"".join(_row([row]) for row in done.rows)
    return answer + message(b"C", done.tag + b"\0")


def _row(values: list[bytes | None]) -> bytes:
    """A DataRow."""
    columns = [
        b"\xff" * 4 if value is None else len(value).to_bytes(4, "big") + value for value in values
    ]
    return message(b"D", len(values).to_bytes(2, "big") + b"".join(columns))
