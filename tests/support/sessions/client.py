"""A client whose every step is drawn: what it asks for, in which pieces it sends it, how it ends.

One that is *tame* keeps to the protocol, pipelines as deep as it likes, and knows what it is owed
(`owed`). One that is wild sends anything in any order, and for it only counts that it gets no
value of anybody else. Either may vanish, shut its side, say good-bye or send what is no protocol
at all; from then on it is owed nothing.
"""

import random
import socket
from collections.abc import Callable

from tests.support.engine_rig import message, startup
from tests.support.sessions.habits import Habits, drawn
from tests.support.sessions.owed import EARLY, Asked, Owed
from tests.support.sessions.session import IDLE, OPTION, Session, Violation, authors

STARTUPS_NAMED = ("application_name", "options", "pglane.lane")
CHANNELS = ("c1", "c2")
TELLS_OF_OTHERS = (b"A", b"E", b"N")
"""Notifications do; errors and notices say whom one waits for, by application_name."""
UNSENT_BYTES_MAX = 4096


class RandomClient:
    """One client.

    Attributes:
        number: as its values tell it.
        peer: its socket.
        owed: what it is owed; looked at if it is tame.
        tame: it keeps to the protocol.
        welcome: it has logged in.
        over: its connection is closed.
        ending: it has done what ends its connection.
        key: process id and key with which it is cancelled; b"" until it was told them.
    """

    def __init__(
        self,
        number: int,
        connect: Callable[[str], socket.socket],
        chance: random.Random,
        habits: Habits,
        said: set[bytes],
    ) -> None:
        self.number = number
        self._chance = chance
        self._habits = habits
        self._said = said
        self._values = 0
        self.door = drawn(chance, habits.doors)
        self._socket = connect(self.door)
        self._socket.setblocking(False)
        self.tame = chance.random() >= habits.wild
        self._unsent = self._startup()
        self._queued = len(self._unsent)
        self._unit_open = False
        self._copying = self._copied = False
        self._came = b""
        self.key = b""
        self.welcome = self.over = self.ending = False
        if chance.random() < habits.ahead:
            self.ask()

    def _startup(self) -> bytes:
        given: dict[str, str] = {}
        if self._chance.random() < self._habits.strangers:
            name = self._chance.choice(STARTUPS_NAMED)
            given[name] = {
                "application_name": f"a{self._chance.randrange(3)}",
                "options": f"-c search_path={self._value()}",
                "pglane.lane": "bulk",
            }[name]
        octets = {name.encode(): value.encode() for name, value in given.items()}
        options = dict(OPTION.findall(octets.pop(b"options", b"")))
        self.owed = Owed(Session({**octets, **options}))
        return startup(user="anna", database="app", **given)

    @property
    def written(self) -> int:
        return self._queued - len(self._unsent)

    # What comes ----------------------------------------------------------------------------

    def read(self) -> bytes:
        """Takes what has come; `look` is to follow."""
        came = b""
        try:
            while part := self._socket.recv(1 << 16):
                came += part
            self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        self._came += came
        return came

    def look(self) -> None:
        """Holds what has come against what is owed.

        Raises:
            Violation: it is not for this client, or not what it is owed.
        """
        self.owed.written = self.written
        while len(self._came) >= 5:
            size = 1 + int.from_bytes(self._came[1:5], "big")
            if len(self._came) < size:
                break
            one, self._came = self._came[:size], self._came[size:]
            self._take(one[:1], one[5:])

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind not in TELLS_OF_OTHERS and (strangers := authors(body) - {self.number}):
            raise Violation(
                f"client {self.number} gets what client {strangers} asked for: "
                f"{kind!r} {body[:80]!r}"
            )
        if not self.welcome:
            self.welcome = kind == b"Z"
            if kind == b"K":
                self.key = body
            if kind == b"E":
                self.owed.fatal = body
        elif self.tame and not self.ending:
            try:
                self.owed.take(kind, body)
            except Violation as wrong:
                raise Violation(f"client {self.number}, {self.door} door: {wrong}") from None

    # What it sends -------------------------------------------------------------------------

    def act(self) -> str:
        """One step; says which."""
        chance, habits = self._chance, self._habits
        drawn = chance.random()
        for rate, act in (
            (habits.vanish, self.vanish),
            (habits.shuts, self._shut),
            (habits.leaves, self._leave),
            (habits.garbage, self._garble),
        ):
            if drawn < rate:
                act()
                return act.__name__
            drawn -= rate
        if self._unsent and chance.random() < 0.6:
            return self.send(whole=chance.random() >= habits.cuts)
        if self.ending or len(self._unsent) > UNSENT_BYTES_MAX:
            return ""
        if not self.welcome and chance.random() >= habits.ahead:
            return ""
        if habits.patient and chance.random() < habits.patient and self._waits():
            return ""
        self.ask()
        return ""

    def send(self, *, whole: bool = True) -> str:
        """Sends what there is, or a part."""
        size = len(self._unsent)
        if not whole and size:
            size = self._chance.randrange(1, size + 1)
        try:
            sent = self._socket.send(self._unsent[:size])
        except BlockingIOError:
            return ""
        except OSError:
            self.close()
            return ""
        told = self._unsent[:sent]
        self._unsent = self._unsent[sent:]
        return repr(told[:60])

    def close(self) -> None:
        self.over = True
        self._socket.close()

    def vanish(self) -> None:
        self._stop_short()
        self.close()

    def _shut(self) -> None:
        self._stop_short()
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
        self._drop()

    def _stop_short(self) -> None:
        """The last message lacks some bytes, as few as would not be noticed."""
        if not self.ending and self._chance.random() < self._habits.stops_short:
            self._add(message(b"Q", self._text() + b"\0"))
            cut = self._chance.choice((1, 2, 2, 2, 3, 4, 5))
            if len(self._unsent) > cut:
                self._unsent = self._unsent[:-cut]
                self._queued -= cut
            self.send()

    def _leave(self) -> None:
        if not self.ending:
            self.leave()

    def leave(self) -> None:
        """Says good-bye."""
        self.ending = True
        self._add(message(b"X"))

    def _garble(self) -> None:
        if not self.ending:
            length = self._chance.choice((0, 3, 1 << 31, 0xFFFFFFFF))
            self._add(self._chance.choice((b"Q", b"P", b"d")) + length.to_bytes(4, "big"))
            self.ending = True

    def _drop(self) -> None:
        self._queued -= len(self._unsent)
        self._unsent = b""
        self.ending = True

    def _add(self, octets: bytes) -> None:
        self._unsent += octets
        self._queued += len(octets)

    # What it asks for ----------------------------------------------------------------------

    def ask(self) -> None:
        """One request, or a part of one."""
        chance, habits = self._chance, self._habits
        if not self.tame:
            self._ask_wildly()
        elif self._copying:
            self._copy()
        elif habits.whole and not self._unit_open and chance.random() < habits.whole:
            self._ask_whole()
        elif self._unit_open or chance.random() < habits.extended:
            self._go_on()
        elif chance.random() < 0.03:
            self._call()
        else:
            self._query()

    def finish(self) -> None:
        """What it has begun is brought to an end; an open transaction is rolled back."""
        if self._copying:
            self._end_copy()
        if self._unit_open:
            self._sync()
        if self.owed.nothing() and self.owed.session.status != IDLE and not self._unsent:
            self._ask_text(b"ROLLBACK")

    def is_settled(self) -> bool:
        """It has all that it is owed, and nothing is open."""
        return (
            self.welcome
            and self.owed.nothing()
            and not self._unsent
            and not self._unit_open
            and self.owed.session.status == IDLE
        )

    def _waits(self) -> bool:
        """It has asked for something that only the server can end."""
        return self.tame and not (self.welcome and self.owed.nothing() and not self._unsent)

    def _value(self) -> str:
        self._values += 1
        value = f"v{self._values}of{self.number}z"
        self._said.add(value.encode())
        return value

    def _text(self) -> bytes:
        text = drawn(self._chance, self._habits.texts)
        while "{}" in text:
            text = text.replace("{}", self._value(), 1)
        octets = text.replace("{channel}", self._chance.choice(CHANNELS)).encode()
        if octets.startswith(b"LISTEN"):
            self.owed.listened.add(octets[7:])
        self._said.add(octets)
        return octets

    def _query(self) -> None:
        text = self._text()
        while b"$1" in text:
            text = self._text()
        self._ask_text(text)

    def _ask_text(self, text: bytes) -> None:
        self._add(message(b"Q", text + b"\0"))
        self.owed.add(Asked(b"Q", self._queued, parts=text.split(b"; ")))
        self._copying = b"STDIN" in text

    def _call(self) -> None:
        value = self._value().encode()
        told = len(value).to_bytes(4, "big") + value
        self._step(b"F", b"\0\0\1\0\0\0\0\1" + told + b"\0\0", value)

    def _ask_whole(self) -> None:
        drawn = self._chance.random()
        if drawn < 0.3:
            self._query()
            return
        self._unit_open = True
        if drawn < 0.6:
            text = b"SELECT $1" if drawn < 0.5 else b"SELECT '%s'" % self._value().encode()
            self._said.add(text)
            self._step(b"P", b"\0" + text + b"\0\0\0", b"", text)
            self._run(b"")
        elif drawn < 0.8 and self._habits.bare and not self._may_copy():
            self._run(b"")
        else:
            self._statement()
        if not self._copying:
            self._sync()

    def _step(self, kind: bytes, body: bytes, *names: bytes) -> None:
        self._add(message(kind, body))
        self.owed.add(Asked(kind, self._queued, names))

    def _go_on(self) -> None:
        """Some messages of the extended protocol, and perhaps the Sync."""
        chance, habits = self._chance, self._habits
        self._unit_open = True
        for _ in range(chance.choice((1, 1, 2, 3))):
            drawn = chance.random()
            if drawn < 0.7:
                self._statement()
            elif drawn < 0.9:
                self._close_one()
            if chance.random() < habits.broken:
                self._break()
            if chance.random() < habits.flushes:
                self._add(message(b"H"))
            if self._copying:
                return
        if chance.random() >= habits.open_units:
            self._sync()

    def _break(self) -> None:
        """The unit fails; a Close of the unnamed statement behind it means nothing."""
        chance, bare = self._chance, self._habits.bare
        self._step(b"E", b"none\0\0\0\0\0", b"none")
        if chance.random() < bare:
            self._step(b"C", b"S\0", b"S", b"")
            if chance.random() < bare:
                self._sync()
                self._query()
                self._unit_open = not self._copying

    def _sync(self) -> None:
        self._step(b"S", b"")
        self._unit_open = False

    def _statement(self) -> None:
        """Parse, Bind, Describe, Execute, or a part of it."""
        chance = self._chance
        if chance.random() < self._habits.bare and not self._may_copy():
            self._run(b"")
            return
        name = b"s%d" % chance.randrange(3) if chance.random() < self._habits.named else b""
        text = self._text()
        while b"; " in text or b"DISCARD" in text or (name and b"STDIN" in text):
            text = self._text()
        if not name or chance.random() < 0.7:
            self._step(b"P", name + b"\0" + text + b"\0\0\0", name, text)
            if chance.random() < 0.3:
                self._step(b"D", b"S" + name + b"\0", b"S", name)
        self._run(name)
        self._copying = b"STDIN" in text
        self._copied |= self._copying
        if self._copying and chance.random() < 0.3:
            self._step(b"S", b"", EARLY)

    def _may_copy(self) -> bool:
        """Whether the unnamed statement may be one that takes data."""
        if self.owed.nothing():
            self._copied = b"STDIN" in self.owed.statements.get(b"", b"")
        return self._copied

    def _run(self, name: bytes) -> None:
        """A statement that is prepared, or is not."""
        chance = self._chance
        portal = b"c1" if chance.random() < 0.1 else b""
        self._bind(portal, name)
        if chance.random() < 0.3:
            self._step(b"D", b"P" + portal + b"\0", b"P", portal)
        self._step(b"E", portal + b"\0\0\0\0\0", portal)

    def _bind(self, portal: bytes, name: bytes) -> None:
        value = self._value().encode()
        told = b"\0\1" + len(value).to_bytes(4, "big") + value
        self._step(b"B", portal + b"\0" + name + b"\0\0\0" + told + b"\0\0", portal, name, value)

    def _close_one(self) -> None:
        chance = self._chance
        bare = chance.random() < self._habits.bare
        name = b"" if bare else b"s%d" % chance.randrange(3)
        if chance.random() < 0.7:
            self._step(b"C", b"S" + name + b"\0", b"S", name)
        else:
            portal = b"" if bare else b"c1"
            self._step(b"C", b"P" + portal + b"\0", b"P", portal)

    def _copy(self) -> None:
        if self._chance.random() < 0.6:
            self._add(message(b"d", self._value().encode() + b"\n"))
        else:
            self._end_copy()

    def _end_copy(self) -> None:
        fails = self._chance.random() < 0.2
        self._add(message(b"f", b"no more\0") if fails else message(b"c"))
        self._copying = False

    def _ask_wildly(self) -> None:
        """Any message, in any order."""
        chance = self._chance
        kind = chance.choice(
            (b"Q", b"P", b"B", b"E", b"D", b"C", b"S", b"H", b"d", b"c", b"f", b"F")
        )
        text, value = self._text(), self._value().encode()
        told = b"\0\1" + len(value).to_bytes(4, "big") + value
        name = chance.choice((b"", b"s1"))
        self._add(
            message(
                kind,
                {
                    b"Q": text + b"\0",
                    b"P": name + b"\0" + text + b"\0\0\0",
                    b"B": b"\0" + name + b"\0\0\0" + told + b"\0\0",
                    b"E": b"\0\0\0\0\0",
                    b"D": chance.choice((b"S", b"P")) + name + b"\0",
                    b"C": chance.choice((b"S", b"P")) + name + b"\0",
                    b"d": value + b"\n",
                    b"f": b"no\0",
                    b"F": b"\0\0\1\0\0\0\0\1" + told[2:] + b"\0\0",
                }.get(kind, b""),
            )
        )
