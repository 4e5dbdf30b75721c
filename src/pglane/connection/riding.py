"""Settings that are made true in the same packet as the request that needs them.

To confirm settings first costs a round trip. To send them ahead of the request and hope fails
open: where they fail, the request runs under the settings of somebody else (fact A10 of the
protocol research). So they go in a block that is committed in the same text:

    BEGIN; SELECT set_config(..), ..; COMMIT

If a setting fails, the rest of that text is dropped and the block stays, failed. In a failed
block PostgreSQL refuses every statement but those that end it. The request is then taken back
with all it meant, its answers are swallowed (`Exchange`), and it is made anew behind settings that
are confirmed: its client never learns of it. That is no repetition, for nothing of it ran.

What must be confirmed first all the same:

* a role or session authorization: whose rights a statement runs with;
* a state that no server connection of the role has accepted since its defaults changed last: its
  first use is likely to fail;
* statements prepared by SQL: they are prepared one by one;
* a request that might end the block (`request_ahead`), or is not here whole, or has others behind
  it: only one may be sent.

If the COMMIT itself fails nothing is left that refuses the request. In a transaction that did
nothing nothing is known to do that; it would be noticed, and the client told that the outcome of
its request is not known.

Rejected: the same in the extended protocol with one Sync behind the request. There a failure skips
the request whatever it is, but settings are then reported together with what the request changes,
and a Query between messages of the extended protocol is a world of its own (fact A2).
"""

from typing import TYPE_CHECKING

from pglane.connection.preparation import Purpose, preparation
from pglane.connection.settings import RIGHTS, differences
from pglane.wire.framing import HEADER_BYTES, MalformedStream, MessageReader
from pglane.wire.statements import Effect, Kind

if TYPE_CHECKING:
    from pglane.connection.requests import ClientRequests
    from pglane.connection.settings import Vector
    from pglane.wire.statements import VerdictCache

STATES_MAX = 1_000
"""States known to be accepted, and texts from one to another; beyond it the table starts anew."""
VALUES_CHARACTERS_MAX = 2_048
"""Of a state; one with more is always confirmed first."""
REQUEST_BYTES_MAX = 65_536
"""A longer request is not kept to be made anew."""
BLOCK = "BEGIN ISOLATION LEVEL READ COMMITTED; %s; COMMIT"
"""The level is named: under some defaults of a session a transaction waits before it begins."""
ENDING = frozenset(
    {
        Kind.COMMIT,
        Kind.ROLLBACK,
        Kind.ROLLBACK_TO,
        Kind.PREPARE_TRANSACTION,
        Kind.COMMIT_PREPARED,
        Kind.OTHER_UTILITY,
        Kind.UNKNOWN,
    }
)
"""Statements that a failed block does not refuse, and those that nobody knows."""
UNCLEAR = int(Effect.UNKNOWN | Effect.MALFORMED | Effect.COPY)


class AcceptedStates:
    """The states that server connections of a role have accepted, with one set of defaults."""

    __slots__ = ("_accepted", "_texts")

    def __init__(self) -> None:
        self._accepted: set[tuple[str, Vector]] = set()
        self._texts: dict[tuple[Vector, Vector, Vector, bool], bytes] = {}

    def add(self, user: str, vector: "Vector") -> None:
        """It was made true on a server connection of `user`."""
        if not _is_small(vector):
            return
        if len(self._accepted) >= STATES_MAX:
            self.clear()
        self._accepted.add((user, vector))

    def remove(self, user: str, vector: "Vector") -> None:
        """It was refused."""
        self._accepted.discard((user, vector))

    def clear(self) -> None:
        """The defaults are others now."""
        self._accepted.clear()
        self._texts.clear()

    def text(
        self, user: str, had: "Vector", base: "Vector", wanted: "Vector", *, escapes: bool
    ) -> bytes:
        """The query that leads from one state to another; b"" if that must be confirmed first."""
        if (user, wanted) not in self._accepted:
            return b""
        key = (had, base, wanted, escapes)
        text = self._texts.get(key)
        if text is None:
            text = block(had, base, wanted, escapes=escapes)
            if len(self._texts) >= STATES_MAX:
                self._texts.clear()
            if _is_small(had):
                self._texts[key] = text
        return text


def _is_small(vector: "Vector") -> bool:
    """What is kept here for long is bounded."""
    return sum(map(len, vector.items.values())) <= VALUES_CHARACTERS_MAX


def block(had: "Vector", base: "Vector", wanted: "Vector", *, escapes: bool) -> bytes:
    """The text of such a query; b"" if more than settings differ, or rights do."""
    steps = preparation(had, base, wanted, escapes=escapes)
    if len(steps) != 1 or steps[0].purpose is not Purpose.APPLY:
        return b""
    if any(name in RIGHTS for name, _ in differences(had, base, wanted)):
        return b""
    return (BLOCK % steps[0].text).encode("utf-8", "surrogateescape")


def request_ahead(requests: "ClientRequests", verdicts: "VerdictCache") -> bytes:
    """The bytes that wait, if they are one request that a failed block is sure to refuse."""
    reader = requests.reader
    if reader.stream_left or requests.subscriptions is not None:
        return b""
    waiting = reader.buffer[reader.end : reader.size]
    if len(waiting) != reader.buffered_bytes() or len(waiting) > REQUEST_BYTES_MAX:
        return b""
    ahead = _Ahead(requests, verdicts)
    try:
        return waiting if ahead.is_refused(waiting) else b""
    except MalformedStream:
        return b""


class _Ahead:
    """One look at the messages of a client that were not walked over yet."""

    __slots__ = ("_parsed", "_requests", "_verdicts", "_walk")

    def __init__(self, requests: "ClientRequests", verdicts: "VerdictCache") -> None:
        self._requests = requests
        self._verdicts = verdicts
        self._walk = MessageReader(requests.reader.length_max)
        self._parsed: set[bytes] = set()

    def is_refused(self, waiting: bytes) -> bool:
        """Whether it is one Query, or messages up to the one Sync, and nothing ends a block."""
        walk = self._walk
        walk.feed(waiting)
        while walk.next():
            kind = walk.kind
            if kind == 0x51:  # Query
                text = walk.buffer[HEADER_BYTES : walk.end - 1]
                return walk.begin == 0 and walk.end == walk.size and self._is_clear(text)
            if kind == 0x53:  # Sync
                return walk.end == walk.size
            if kind == 0x50:  # Parse
                fine = self._parse()
            elif kind == 0x42:  # Bind
                fine = self._bind()
            else:
                fine = kind in (0x44, 0x45, 0x43)  # Describe, Execute, Close
            if not fine:
                return False
        return False

    def _parse(self) -> bool:
        name, _, rest = self._walk.body().partition(b"\x00")
        text = rest.partition(b"\x00")[0]
        self._parsed.add(name)
        return self._is_clear(text)

    def _bind(self) -> bool:
        """Of a statement that was parsed before; one parsed here has been looked at."""
        name = self._walk.body().partition(b"\x00")[2].partition(b"\x00")[0]
        statement = self._requests.statements.get(name)
        if name in self._parsed:
            return True
        return statement is not None and self._is_clear(statement.text)

    def _is_clear(self, text: bytes) -> bool:
        """Of several statements the first is refused, and the rest is dropped."""
        requests = self._requests
        verdict = self._verdicts.lookup(text, requests.encoding, requests.standard_strings)
        unclear = UNCLEAR | requests.apart
        return verdict.kinds[0] not in ENDING and not verdict.effects & unclear
