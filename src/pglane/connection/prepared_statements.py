# cython: boundscheck=False, wraparound=False
"""Prepared statements at protocol level, for clients that change server connections.

A client's statement is a *text with parameter types*; what it is called on a server connection
is that connection's own affair. Four things follow:

* A client's names are virtual. The same name may mean different texts for two clients, and the
  same text under two names exists once on a server connection.
* A server-side statement may be shared only if it was parsed under the same state (fact A4 of
  the protocol research): `Shape` = text + parameter types + parse key, and shapes are interned,
  so the look-up on a server connection hashes an address.
* It exists only after its ParseComplete. Until then it is *pending*; an error takes it back.
* A text is looked at when it is parsed: which table a name is, which type a parameter has. After
  DDL a new Parse may find something else, so it gets a new shape (`Shapes.renew`); who prepared
  the text before goes on with the old one, as on a private connection.

The unnamed statement is virtual too, but stays unnamed on the server (its plan is not kept on
purpose): a server connection remembers whose unnamed statement it holds.

Server-side names carry a random token of the worker, so that a client cannot name one by chance.
"""

from pglane.connection.weight import Note, Weight

FIELD_BYTES = 18
"""What follows a column's name in a RowDescription; first the table and column it comes from."""
ORIGIN_BYTES = 6
SHAPES_MAX = 50_000
"""Interned shapes of a worker; beyond it the table starts anew (shapes in use stay valid)."""
OBJECTS_BYTES = 512
"""What a statement costs beside its text: objects, and places in tables."""
SHAPE_BYTES_MAX = 64 * 1024 * 1024
"""Their texts taken together, in bytes; likewise."""
STALE_PLAN_ROUTINE = b"RevalidateCachedQuery"
"""Who raises "cached plan must not change result type"; the words depend on lc_messages."""
TEXT_BYTES_MAX = 16 * 1024 * 1024
"""Texts of the statements of one server connection taken together, in bytes: as it keeps them as
long as we do, this also bounds what a client can make PostgreSQL keep."""


class Shape:
    """A text, its parameter types and the state it is parsed under. Compared by identity.

    Attributes: description: the ParameterDescription and RowDescription or NoData that clients
    were told, without the columns' origins; None if nobody asked. stale: what it takes or returns
    has changed since (fact A8): who parses the text anew gets another shape, and who has this one
    gets an error as long as that is so. epoch: of the catalogs, when it was first asked for.
    weight: its bytes are counted. loose: it is parsed where a lease has changed how texts are
    read: nobody else may have what comes of it, nor its client later.
    """

    __slots__ = ("description", "epoch", "loose", "parse_key", "stale", "text", "types", "weight")

    def __init__(self, text: bytes, types: bytes, parse_key: object) -> None:
        self.text = text
        self.types = types
        self.parse_key = parse_key
        self.description: bytes | None = None
        self.stale = False
        self.loose = False
        self.epoch = 0
        self.weight: Weight | None = None

    def fixed_types(self) -> bytes:
        """Parameter types, to parse it once more: those a client was told are fixed from then on.

        PostgreSQL keeps them too when it makes a new plan, whatever names in the text mean now.
        """
        told = self.description
        if told is None or not told.startswith(b"t"):
            return self.types
        return told[5 : 1 + int.from_bytes(told[1:5], "big")]


class Shapes:
    """The table of interned shapes of one worker; `note` counts bytes."""

    __slots__ = ("_bytes", "_bytes_max", "_epoch", "_note", "_shapes_max", "_table")

    def __init__(
        self,
        shapes_max: int = SHAPES_MAX,
        bytes_max: int = SHAPE_BYTES_MAX,
        note: Note | None = None,
    ) -> None:
        self._note = note
        self._table: dict[tuple[bytes, bytes, object], Shape] = {}
        self._shapes_max = shapes_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._epoch = 0

    def renew(self) -> None:
        """A catalog may have changed: what is parsed from now on is looked at anew."""
        self._epoch += 1

    def weigh(self, count: int) -> Weight | None:
        """Counts what a statement holds; None: nobody counts."""
        return None if self._note is None else Weight(self._note, count)

    def forget(self) -> None:
        """What nobody uses is let go."""
        self._table.clear()
        self._bytes = 0

    def of(self, text: bytes, types: bytes, parse_key: object) -> Shape:
        """The one shape of these; `types` is the raw tail of a Parse message."""
        key = (text, types, parse_key)
        shape = self._table.get(key)
        if shape is None or shape.stale or shape.epoch != self._epoch:
            self._bytes += len(text) + len(types)
            if len(self._table) >= self._shapes_max or self._bytes > self._bytes_max:
                self._table.clear()
                self._bytes = len(text) + len(types)
            shape = self._made(text, types, parse_key)
            self._table[key] = shape
        return shape

    def loose(self, text: bytes, types: bytes, parse_key: object) -> Shape:
        """One that is nobody else's, and its client's for one lease."""
        shape = self._made(text, types, parse_key)
        shape.loose = True
        return shape

    def _made(self, text: bytes, types: bytes, parse_key: object) -> Shape:
        shape = Shape(text, types, parse_key)
        shape.epoch = self._epoch
        shape.weight = self.weigh(len(text) + len(types) + OBJECTS_BYTES)
        return shape


class ClientStatement:
    """A client's prepared statement: what it said, and the shape that it has at present.

    Attributes:
        text: the SQL text, no trailing NUL.
        types: raw tail of the Parse message: int16 count and int32 type OIDs.
        verdict: what the scanner found in the text.
        shape: its shape under the parse key it was last used with.
        prepared: the server-side statement that its own Parse made; None if that was elsewhere.
        settled: its Parse was answered.
        segment: `Exchange.segment` when it was parsed, of one whose name the server would know
            although the client's Parse was discarded; else -1.
        weight: what it holds beside its shape is counted; None: it is little, or its shape's.
    """

    __slots__ = ("prepared", "segment", "settled", "shape", "text", "types", "verdict", "weight")

    def _set_up(self, text: bytes, types: bytes, verdict: object, shape: Shape) -> None:
        self.text = text
        self.types = types
        self.verdict = verdict
        self.shape = shape
        self.prepared: ServerStatement | None = None
        self.settled = False
        self.segment = -1
        self.weight: Weight | None = None


def client_statement(text: bytes, types: bytes, verdict: object, shape: Shape) -> ClientStatement:
    """One; made without what it costs to call a class, for each Parse."""
    made = ClientStatement.__new__(ClientStatement)
    made._set_up(text, types, verdict, shape)
    return made


class ServerStatement:
    """A prepared statement on a server connection.

    Attributes:
        name: its server-side name.
        shape: what it is.
        complete: its ParseComplete was seen.
        checked: what it takes and returns here is what clients of the shape were told (fact A8).
        used: it was asked for since it was passed over when room was made.
        segment: `Exchange.segment` when its Parse was sent.
    """

    __slots__ = ("checked", "complete", "name", "segment", "shape", "used")

    def __init__(self, name: bytes, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.complete = False
        self.checked = False
        self.used = False
        self.segment = -1


def without_origins(description: bytes) -> bytes:
    """A description without the tables that its columns come from.

    A table that was dropped and made anew has another OID. PostgreSQL runs a statement on as long
    as names and types of its columns are the same.
    """
    at = 0
    if description.startswith(b"t"):
        at = 1 + int.from_bytes(description[1:5], "big")
    if description[at : at + 1] != b"T":
        return description
    cleaned = bytearray(description)
    fields = int.from_bytes(description[at + 5 : at + 7], "big")
    at += 7
    for _ in range(fields):
        at = description.find(b"\x00", at) + 1
        if at == 0 or at + FIELD_BYTES > len(description):
            return description
        cleaned[at : at + ORIGIN_BYTES] = bytes(ORIGIN_BYTES)
        at += FIELD_BYTES
    return bytes(cleaned)


class ServerStatements:
    """What is prepared on one server connection; what was not used lately goes first.

    It has a second chance: at the end of the line it is passed over once for each use since. To
    keep all in the order of their last use would cost every Bind more than its look-up.

    Attributes:
        statements_max: how many there may be, but for pending ones.
        text_bytes: their texts taken together.
        unnamed: the client statement that the unnamed one is; None if nobody's that lives.
        unnamed_segment: `Exchange.segment` when we parsed it anew, unasked; -1: its client has.
        unnamed_left: an unnamed one may be there, whosever it is or was.
        unclosed: no longer in use, and to be closed on the server.
        unlike: the shape that was compared last, if what it returns here is not what was told.
        has_loose: some may be loose.
    """

    __slots__ = (
        "_by_shape",
        "_next",
        "_prefix",
        "has_loose",
        "statements_max",
        "text_bytes",
        "unclosed",
        "unlike",
        "unnamed",
        "unnamed_left",
        "unnamed_segment",
    )

    def __init__(self, prefix: bytes, statements_max: int) -> None:
        self._by_shape: dict[Shape, ServerStatement] = {}
        self.text_bytes = 0
        self._prefix = prefix
        self._next = 0
        self.statements_max = statements_max
        self.unnamed: object = None
        self.unnamed_segment = -1
        self.unnamed_left = False
        self.unclosed: list[ServerStatement] = []
        self.unlike: Shape | None = None
        self.has_loose = False

    def __len__(self) -> int:
        return len(self._by_shape)

    def holds_unnamed(self, statement: ClientStatement, segment: int) -> None:
        """A Parse of it is sent; `segment` as in `unnamed_segment`."""
        self.unnamed = statement
        self.unnamed_segment = segment
        self.unnamed_left = True

    def destroys_unnamed(self) -> None:
        """A Query is sent that nothing can discard."""
        self.unnamed = None
        self.unnamed_left = False

    def find(self, shape: Shape) -> ServerStatement | None:
        """The server-side statement of this shape, which is used."""
        statement = self._by_shape.get(shape)
        if statement is not None:
            statement.used = True
        return statement

    def add(self, shape: Shape) -> ServerStatement:
        """A new, pending statement; its Parse is to be sent under its name."""
        self.drop(shape)
        statement = self.apart(shape)
        self._by_shape[shape] = statement
        self.has_loose = self.has_loose or shape.loose
        self.text_bytes += len(shape.text)
        return statement

    def apart(self, shape: Shape) -> ServerStatement:
        """A new statement that nobody finds by its shape."""
        self._next += 1
        return ServerStatement(b"%s%d" % (self._prefix, self._next), shape)

    def evict(self) -> ServerStatement | None:
        """One statement to be closed on the server; None if there is none.

        Pending ones stay: their Parse may be in flight behind answers still to come.
        """
        if self.unclosed:
            return self.unclosed.pop()
        if len(self._by_shape) <= self.statements_max and self.text_bytes <= TEXT_BYTES_MAX:
            return None
        oldest = self._unused()
        if not oldest.complete:
            return None
        self.forget(oldest)
        return oldest

    def _unused(self) -> ServerStatement:
        """The first that was not used since it was passed over; some statement is there."""
        statement = next(iter(self._by_shape.values()))
        while statement.used:
            statement.used = False
            del self._by_shape[statement.shape]
            self._by_shape[statement.shape] = statement
            statement = next(iter(self._by_shape.values()))
        return statement

    def forget(self, statement: ServerStatement) -> None:
        """Takes back a statement whose Parse failed, or that is closed."""
        if self._by_shape.get(statement.shape) is statement:
            del self._by_shape[statement.shape]
            self.text_bytes -= len(statement.shape.text)

    def drop(self, shape: Shape) -> None:
        """The statement of this shape is not used any more; it will be closed."""
        statement = self._by_shape.get(shape)
        if statement is not None:
            self.forget(statement)
            self.unclosed.append(statement)

    def drop_loose(self) -> None:
        """The lease that they were made in is over."""
        self.has_loose = False
        for statement in list(self._by_shape.values()):
            if statement.shape.loose:
                self.drop(statement.shape)

    def renew(self, shape: Shape) -> Shape:
        """The same text, which returns something else from now on; the old shape is stale."""
        fresh = Shape(shape.text, shape.types, shape.parse_key)
        fresh.epoch = shape.epoch
        fresh.loose = shape.loose
        shape.stale = True
        statement = self._by_shape.pop(shape, None)
        if statement is not None:
            statement.shape = fresh
            self._by_shape[fresh] = statement
        return fresh

    def told(self, client_statement: ClientStatement, description: bytes) -> None:
        """What a Describe of a statement said is what every later Bind of it must still mean.

        If others were told something else, they and this client part ways here.
        """
        shape = client_statement.shape
        description = without_origins(description)
        if shape.description is not None and shape.description != description:
            shape = self.renew(shape)
            client_statement.shape = shape
        shape.description = description
        self._check(shape)

    def compare(self, client_statement: ClientStatement, description: bytes) -> None:
        """Our own Describe before a Bind on another server connection (fact A8).

        What returns something else than was told is not kept: it may be as told next time.
        """
        shape = client_statement.shape
        description = without_origins(description)
        if shape.description is None:
            shape.description = description
        if shape.description == description:
            self._check(shape)
            return
        shape.stale = True
        self.unlike = shape
        self.drop(shape)
        if self.unnamed is client_statement:
            self.unnamed = None

    def _check(self, shape: Shape) -> None:
        statement = self._by_shape.get(shape)
        if statement is not None:
            statement.checked = True

    def distrust(self, shape: Shape, fields: dict[str, bytes]) -> None:
        """An error says that it is stale, or was dropped by a DEALLOCATE that we did not see."""
        state = fields.get("C")
        if state == b"0A000" and fields.get("R") == STALE_PLAN_ROUTINE:
            shape.stale = True
        elif state == b"26000":
            self.drop(shape)

    def is_ours(self, name: bytes) -> bool:
        """Whether a client's name could hit one of our server-side names."""
        return name.startswith(self._prefix)

    def drop_named(self, name: bytes) -> None:
        """A client names one of ours, which it cannot mean: it will be closed before."""
        for statement in list(self._by_shape.values()):
            if statement.name == name and statement.complete:
                self.drop(statement.shape)

    def forget_complete(self) -> None:
        """The server forgot what was prepared (DEALLOCATE ALL, DISCARD ALL); pending ones stay."""
        for statement in list(self._by_shape.values()):
            if statement.complete:
                self.forget(statement)

    def clear(self) -> None:
        """The server forgot everything."""
        self._by_shape.clear()
        self.text_bytes = 0
        self.destroys_unnamed()
        self.unclosed.clear()
        self.unlike = None

    def all(self) -> list[ServerStatement]:
        """Everything that may exist on the server."""
        return [*self._by_shape.values(), *self.unclosed]
