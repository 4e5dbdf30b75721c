# cython: boundscheck=False, wraparound=False
"""Prepared statements at protocol level, for clients that change server connections.

A client's statement is a *text with parameter types*; what it is called on a server connection is that
connection's own affair. Three things follow:

* A client's names are virtual. The same name may mean different texts for two clients, and the same text
  under two names exists once on a server connection.
* A server-side statement may be shared only if it was parsed under the same state (fact A4 of the protocol
  research): `Shape` = text + parameter types + parse key, and shapes are interned, so the look-up
  on a server connection hashes an address.
* It exists only after its ParseComplete. Until then it is *pending*; an error takes it back.

The unnamed statement is virtual too, but stays unnamed on the server (its plan is not kept on purpose):
a server connection remembers whose unnamed statement it holds.

Server-side names carry a random token of the worker, so that a client cannot name one by chance.
"""

from collections import OrderedDict

SHAPES_MAX = 50_000
"""Interned shapes of a worker; beyond it the table starts anew (shapes in use stay valid)."""


class Shape:
    """A text, its parameter types and the state it is parsed under. Compared by identity.

    Attributes:
        description: the RowDescription or NoData that clients were told; None if nobody asked.
        stale: its result type has changed since (fact A8): a Bind must fail until it is parsed anew.
    """

    __slots__ = ("description", "parse_key", "stale", "text", "types")

    def __init__(self, text: bytes, types: bytes, parse_key: object) -> None:
        self.text = text
        self.types = types
        self.parse_key = parse_key
        self.description: bytes | None = None
        self.stale = False


class Shapes:
    """The table of interned shapes of one worker."""

    __slots__ = ("_shapes_max", "_table")

    def __init__(self, shapes_max: int = SHAPES_MAX) -> None:
        self._table: dict[tuple[bytes, bytes, object], Shape] = {}
        self._shapes_max = shapes_max

    def of(self, text: bytes, types: bytes, parse_key: object) -> Shape:
        """The one shape of these; `types` is the raw tail of a Parse message."""
        key = (text, types, parse_key)
        shape = self._table.get(key)
        if shape is None or shape.stale:
            if len(self._table) >= self._shapes_max:
                self._table.clear()
            shape = Shape(text, types, parse_key)
            self._table[key] = shape
        return shape


class ClientStatement:
    """A client's prepared statement: what it said, and the shape that it has at present.

    Attributes:
        text: the SQL text, no trailing NUL.
        types: raw tail of the Parse message: int16 count and int32 type OIDs.
        verdict: what the scanner found in the text.
        shape: its shape under the parse key it was last used with.
    """

    __slots__ = ("shape", "text", "types", "verdict")

    def __init__(self, text: bytes, types: bytes, verdict: object, shape: Shape) -> None:
        self.text = text
        self.types = types
        self.verdict = verdict
        self.shape = shape


class ServerStatement:
    """A prepared statement on a server connection.

    Attributes:
        name: its server-side name.
        shape: what it is.
        complete: its ParseComplete was seen.
    """

    __slots__ = ("complete", "name", "shape")

    def __init__(self, name: bytes, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.complete = False


class ServerStatements:
    """What is prepared on one server connection; least recently used goes first."""

    __slots__ = ("_by_shape", "_next", "_prefix", "statements_max", "unnamed")

    def __init__(self, prefix: bytes, statements_max: int) -> None:
        self._by_shape: OrderedDict[Shape, ServerStatement] = OrderedDict()
        self._prefix = prefix
        self._next = 0
        self.statements_max = statements_max
        self.unnamed: object = None

    def __len__(self) -> int:
        return len(self._by_shape)

    def find(self, shape: Shape) -> ServerStatement | None:
        """The server-side statement of this shape, which becomes the most recently used."""
        statement = self._by_shape.get(shape)
        if statement is not None:
            self._by_shape.move_to_end(shape)
        return statement

    def add(self, shape: Shape) -> ServerStatement:
        """A new, pending statement; its Parse is to be sent under its name."""
        self._next += 1
        statement = ServerStatement(b"%s%d" % (self._prefix, self._next), shape)
        self._by_shape[shape] = statement
        return statement

    def evict(self) -> ServerStatement | None:
        """One statement too many, to be closed on the server; None if there is none.

        Pending ones stay: their Parse may be in flight behind answers still to come.
        """
        if len(self._by_shape) <= self.statements_max:
            return None
        shape, statement = next(iter(self._by_shape.items()))
        if not statement.complete:
            return None
        del self._by_shape[shape]
        return statement

    def forget(self, statement: ServerStatement) -> None:
        """Takes back a statement whose Parse failed or that is stale."""
        if self._by_shape.get(statement.shape) is statement:
            del self._by_shape[statement.shape]

    def is_ours(self, name: bytes) -> bool:
        """Whether a client's name could hit one of our server-side names."""
        return name.startswith(self._prefix)

    def clear(self) -> None:
        """The server forgot everything (DEALLOCATE ALL, DISCARD ALL)."""
        self._by_shape.clear()
        self.unnamed = None
