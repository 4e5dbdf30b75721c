# cython: boundscheck=False, wraparound=False
"""What a client's names of prepared statements mean on the server connection it holds.

The part of `ClientRequests` that looks at names and at no bytes of the stream: statements that
this server connection has not are prepared under names of ours, and what cannot be is refused.
"""

from pglane.connection.client_effects import TAKEN_APART, ClientEffects
from pglane.connection.deallocation import deallocated_name
from pglane.connection.exchange import (
    FAILED_STATUS,
    HELD_FOR_ANSWERS,
    HELD_FOR_DESCRIPTION,
    Exchange,
)
from pglane.connection.expectations import (
    CLOSE_SILENT,
    DESCRIBE_SILENT,
    PARSE_SILENT,
    REFUSED,
    PendingDeallocation,
    PendingRefusal,
)
from pglane.connection.prepared_statements import (
    STALE_PLAN_ROUTINE,
    ClientStatement,
    ServerStatement,
    Shape,
    Shapes,
)
from pglane.connection.request_messages import (
    FLUSH,
    error,
    message,
)
from pglane.errors.protocol import StatementsTooLarge, TooManyStatements
from pglane.wire.server_messages import error_response
from pglane.wire.statements import (
    Effect,
    Kind,
    Verdict,
    VerdictCache,
)

SYNTAX_THAT_FAILS = b"pglane refuses"
"""No statement begins like this: the server answers with a syntax error in any state."""
STALE_PLAN = error(b"0A000", b"cached plan must not change result type", STALE_PLAN_ROUTINE)
"""asyncpg and JDBC know it by the routine; they prepare again by themselves."""
NO_SHAPE = Shape(b"", b"", None)
STALE = Shape(b"", b"", None)
DEALLOCATES = int(Kind.DEALLOCATE)
EXECUTES = int(Kind.EXECUTE)
FETCHES = int(Kind.FETCH)
STATEMENT_BYTES_MAX = 32 * 1024 * 1024
"""Texts of one client's prepared statements taken together, in bytes; checked for large ones."""
LARGE_TEXT_BYTES = 4096
_TAKEN_APART: int = TAKEN_APART  # compiled, that is a C integer
NOT_ACCOUNTED_FOR = Verdict((Kind.UNKNOWN,), int(Effect.UNKNOWN), ())


class ClientNames(ClientEffects):
    """The names one client gave.

    Attributes:
        statements: the client's prepared statements by its own names; b"" is the unnamed one.
        virtual: statement names are rewritten (a door that changes server connections).
        parse_key: the state its texts are parsed under.
        may_forget: something that is not answered yet may drop prepared statements; what names one
            waits.
    """

    __slots__ = (
        "may_forget",
        "parse_key",
        "statements",
        "statements_max",
        "virtual",
    )

    def _name_nothing(
        self, cache: VerdictCache, shapes: Shapes, virtual: bool, statements_max: int
    ) -> None:
        """Begins; see `_note_nothing`."""
        self._note_nothing(cache, shapes)
        self.statements: dict[bytes, ClientStatement] = {}
        self.virtual = virtual
        self.parse_key: object = None
        self.statements_max = statements_max
        self.may_forget = False
        self.apart = _TAKEN_APART if virtual else 0

    def _deallocation(self, text: bytes, exchange: Exchange) -> PendingDeallocation | None:
        """Prepares for a text that may drop statements; None if it names none of ours.

        In a failed transaction it fails whatever it names, unless what was sent before it ends
        that. A name that is ours on the server connection and not the client's is unknown, as on a
        private connection: who guesses or reads it takes away nobody's statement.
        """
        self.may_forget = True
        if self._judge(text).single != DEALLOCATES:
            return None
        fails = exchange.status == FAILED_STATUS and not exchange.unit_open
        if fails and not exchange.outstanding():
            return None
        name = deallocated_name(text)
        if name and name in self.statements:
            return self._give_name(exchange, name)
        if name and exchange.statements.is_ours(name):
            exchange.statements.drop_named(name)
            self._close_evicted(exchange)
        return None

    # Names -----------------------------------------------------------------------------------

    def _give_name(self, exchange: Exchange, name: bytes) -> PendingDeallocation:
        """Lets the name that only we know mean an empty statement on the server connection.

        So that tag, errors and transaction are the server's own. An empty text is parsed in any
        state of the transaction and takes no part in it.
        """
        empty = ServerStatement(name, NO_SHAPE)
        exchange.to_server.append(message(b"C", b"S%b\x00" % name))
        exchange.expect(CLOSE_SILENT)
        exchange.to_server.append(message(b"P", b"%b\x00\x00\x00\x00" % name))
        exchange.expect(PARSE_SILENT, empty)
        return PendingDeallocation(self.statements, name, self.statements[name], empty)

    def _is_uncertain(self, name: bytes, exchange: Exchange) -> bool:
        """Whether an error on the way decides what the name means.

        Behind an error the server discards all until Sync, and looks at what is behind that: at a
        name that a discarded message has not made, or not dropped, after all.
        """
        if not exchange.may_discard():
            return False
        statement = self.statements.get(name)
        if statement is None:
            return True
        if not statement.settled and statement.segment not in (-1, exchange.segment):
            return True
        return exchange.may_keep_closed()

    def _no_room_for(self, name: bytes, text: bytes) -> bytes:
        """The error that answers a Parse of this name; b"" if it may be."""
        statements = self.statements
        if name in statements:
            return error(b"42P05", b'prepared statement "%b" already exists' % name)
        if len(statements) >= self.statements_max:
            return error_response(TooManyStatements(limit=self.statements_max))
        if len(text) > LARGE_TEXT_BYTES:
            seen = len(text) + sum([len(statement.text) for statement in statements.values()])
            if seen > STATEMENT_BYTES_MAX:
                return error_response(StatementsTooLarge(seen=seen, limit=STATEMENT_BYTES_MAX))
        return b""

    def _parse_apart(self, exchange: Exchange, shape: Shape) -> None:
        """What the server has against the text itself goes before our refusal."""
        self._close_evicted(exchange)
        apart = exchange.statements.apart(shape)
        exchange.statements.unclosed.append(apart)
        exchange.to_server.append(
            message(b"P", b"%b\x00%b\x00%b" % (apart.name, shape.text, shape.types))
        )
        exchange.expect(PARSE_SILENT, apart)

    def _prepare(self, exchange: Exchange, shape: Shape, types: bytes) -> ServerStatement:
        """Sends a Parse under a name of ours; the oldest statements make room first."""
        fresh = exchange.statements.add(shape)
        fresh.segment = exchange.segment
        self._close_evicted(exchange)
        exchange.to_server.append(
            message(b"P", b"%b\x00%b\x00%b" % (fresh.name, shape.text, types))
        )
        return fresh

    def _close_evicted(self, exchange: Exchange) -> None:
        evicted = exchange.statements.evict()
        while evicted is not None:
            exchange.to_server.append(message(b"C", b"S" + evicted.name + b"\x00"))
            exchange.expect(CLOSE_SILENT, evicted)
            evicted = exchange.statements.evict()

    def _keep(self, name: bytes, statement: ClientStatement) -> None:
        if name in self.statements or len(self.statements) < self.statements_max:
            self.statements[name] = statement
        else:
            self._note(statement)

    def _server_name(
        self, exchange: Exchange, name: bytes, statement: ClientStatement | None
    ) -> bytes | None:
        """What the client's statement is called here; None: refused; may set `exchange.held`."""
        if not name:
            return b"" if self._renew_unnamed(exchange, statement) else None
        if statement is None:
            return b"%b?" % name if exchange.statements.is_ours(name) else name
        shape = self._shape_of(statement, exchange)
        if shape is STALE or exchange.statements.unlike is shape:
            exchange.statements.unlike = None
            self._refuse(exchange, STALE_PLAN)
            return None
        known = exchange.statements.find(shape)
        if known is None:
            known = self._prepare(exchange, shape, shape.fixed_types())
            exchange.expect(PARSE_SILENT, known)
        elif known.checked or statement.prepared is known:
            return known.name
        elif not known.complete and known.segment != exchange.segment:
            exchange.to_server.append(FLUSH)
            exchange.held = HELD_FOR_ANSWERS  # our Parse may be discarded with its unit
            return known.name
        if self._tells_what_it_returns(statement):
            self._describe_silently(exchange, statement, known.name)
        return known.name

    def _name_here(self, statement: ClientStatement, exchange: Exchange) -> bytes | None:
        """Likewise, of one that is here as the client knows it; None: `_server_name` is asked."""
        shape = statement.shape
        if shape.loose or shape.parse_key is not self.parse_key:
            return None
        known = exchange.statements.find(shape)
        if known is None or exchange.statements.unlike is shape:
            return None
        return known.name if known.checked or statement.prepared is known else None

    def _tells_what_it_returns(self, statement: ClientStatement) -> bool:
        """EXECUTE and FETCH return what another statement says when they run."""
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        return verdict.single != EXECUTES and verdict.single != FETCHES

    def _shape_of(self, statement: ClientStatement, exchange: Exchange) -> Shape:
        """The statement under the client's present state; what it promised stays promised.

        Where that state is not known, it is what was parsed here before, or nobody else's.
        """
        shape = statement.shape
        if self.moves:
            statements = exchange.statements
            if statements.unlike is shape or statements.find(shape) is not None:
                return shape
            if self.rereads:
                loose = self._shapes.loose(statement.text, statement.types, self.parse_key)
                loose.description = shape.description
                statement.shape = loose
                return loose
        if shape.loose or shape.parse_key is not self.parse_key:
            renewed = self._shapes.of(statement.text, statement.types, self.parse_key)
            if renewed.description is None:
                renewed.description = shape.description
            elif shape.description is not None and renewed.description != shape.description:
                return STALE
            statement.shape = renewed
            return renewed
        return shape

    def _renew_unnamed(self, exchange: Exchange, statement: ClientStatement | None) -> bool:
        """This server connection may hold somebody else's unnamed statement: parse ours again.

        If the client has none, nobody else's may answer in its place. If it was told what its own
        returns, that must still be so (fact A8); False: it is not, and it was told that.
        """
        if statement is None:
            exchange.statements.unnamed = None
            exchange.to_server.append(message(b"C", b"S\x00"))
            exchange.expect(CLOSE_SILENT)
            return True
        shape = statement.shape
        if exchange.statements.unlike is shape:
            exchange.statements.unlike = None
            self._refuse(exchange, STALE_PLAN)
            return False
        if self._is_there(statement, exchange):
            return True
        exchange.statements.holds_unnamed(statement, exchange.segment)
        told = shape.description is not None
        types = shape.fixed_types() if told else statement.types
        exchange.to_server.append(message(b"P", b"\x00%b\x00%b" % (statement.text, types)))
        exchange.expect(PARSE_SILENT)
        if told:
            self._describe_silently(exchange, statement, b"")
        return True

    def _is_there(self, statement: ClientStatement, exchange: Exchange) -> bool:
        """Whether it is the server's unnamed one, also if what was sent before this unit fails."""
        statements = exchange.statements
        if statements.unnamed is not statement:
            return False
        if statements.unnamed_segment < 0 or statements.unnamed_segment == exchange.segment:
            return True
        return not exchange.may_discard()

    def _unnamed_goes(self, answer: bytes) -> PendingRefusal:
        """A Parse or Query that is refused destroys the unnamed statement as any that fails."""
        return PendingRefusal(answer, self.statements, self.statements.pop(b"", None))

    def _describe_silently(
        self, exchange: Exchange, statement: ClientStatement, name: bytes
    ) -> None:
        """Asks what a statement that the client prepared elsewhere returns here and now.

        The client's message waits for the answer: rows of a shape that it was not told about would
        be read wrongly (fact A8).
        """
        exchange.to_server.append(message(b"D", b"S" + name + b"\x00"))
        exchange.to_server.append(FLUSH)
        exchange.expect(DESCRIBE_SILENT, statement)
        exchange.held = HELD_FOR_DESCRIPTION

    def _refuse(self, exchange: Exchange, answer: bytes | PendingRefusal) -> None:
        """Makes the server fail here, and the client read `answer` instead of its error."""
        exchange.to_server.append(message(b"P", b"\x00%b\x00\x00\x00" % SYNTAX_THAT_FAILS))
        exchange.statements.unnamed = None
        exchange.expect(REFUSED, answer)
