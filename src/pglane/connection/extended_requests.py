# cython: boundscheck=False, wraparound=False
"""A client's messages of the extended protocol, made fit for the server connection it holds.

Parse, Bind, Describe, Close and Execute of a door that lends server connections: what needs no
other name passes as it is, the rest is rewritten or answered here. `ClientRequests` walks the
messages and hands those to this that are not simple.
"""

from pglane.connection.client_channels import ClientChannels
from pglane.connection.client_effects import FORGETS, UNSEEN
from pglane.connection.client_names import (
    DEALLOCATES,
    LARGE_TEXT_BYTES,
    NO_SHAPE,
    NOT_ACCOUNTED_FOR,
)
from pglane.connection.deallocation import deallocated_name
from pglane.connection.exchange import HELD_FOR_ANSWERS, Exchange
from pglane.connection.expectations import (
    BIND,
    CLOSE,
    DESCRIBE,
    EXECUTE,
    FUNCTION,
    PARSE,
    PendingParse,
    pending_parse,
)
from pglane.connection.prepared_statements import (
    OBJECTS_BYTES,
    ClientStatement,
    Shape,
    client_statement,
)
from pglane.connection.request_messages import FLUSH, MalformedRequest, bind_head, message
from pglane.wire.bound_settings import BOUND
from pglane.wire.framing import HEADER_BYTES, MessageReader
from pglane.wire.statements import Effect, Kind, Verdict

FORWARDED = 0
TERMINATED = 1
HELD = 2
OUT_OF_PLACE = 4
PARAMETERS_READ_BYTES = 2048
"""Of a Bind in which names of settings are looked for."""

# Compiled, these are C integers that Python code cannot see.
_BIND: int = BIND
_BOUND: int = BOUND
_DESCRIBE: int = DESCRIBE
_EXECUTE: int = EXECUTE
_PARSE: int = PARSE
_UNSEEN: int = UNSEEN

CALLED_BY_NUMBER = Verdict((Kind.CALL,), int(Effect.OPAQUE), ())
"""A function call names its function by a number that only the database knows."""


class ExtendedRequests(ClientChannels):
    """The messages of one client's extended protocol.

    Attributes:
        reader: the client's stream; messages not yet forwarded stay in it.
        rest_bytes: of the message just rewritten, how many at its end are to follow as they are.
    """

    __slots__ = ("reader", "rest_bytes")

    def _read_from(self, reader: MessageReader) -> None:
        """Begins; see `_note_nothing`."""
        self.reader = reader
        self.rest_bytes = 0

    def _wait(self, exchange: Exchange, reason: int) -> int:
        """The message is read again when what it waits for has come."""
        exchange.to_server.append(FLUSH)
        exchange.held = reason
        self.reader.step_back()
        return HELD

    def _passes_named(self, kind: int, exchange: Exchange) -> bool:
        """A door that does not rewrite names: notes what is to come and passes it on."""
        if kind == 0x50:
            name, at = self._string(self.reader.begin + 5)
            text, at = self._string(at)
            verdict = self._judge(text)
            before = self.statements.get(name)
            statement = client_statement(text, b"", verdict, NO_SHAPE)
            if name or len(text) > LARGE_TEXT_BYTES:
                statement.weight = self._shapes.weigh(len(name) + len(text) + OBJECTS_BYTES)
            self._keep(name, statement)
            exchange.expect(_PARSE, pending_parse(None, self.statements, name, statement, before))
        elif kind == 0x42:
            _, at = self._string(self.reader.begin + 5)
            name, at = self._string(at)
            self._note(self.statements.get(name))
            exchange.expect(_BIND)
            if name not in self.statements:
                self._note_runs(NOT_ACCOUNTED_FOR)
        elif kind == 0x44:
            exchange.expect(_DESCRIBE)
        elif kind == 0x43:
            exchange.expect(CLOSE)
        elif kind == 0x46:
            self._note_verdict(CALLED_BY_NUMBER)
            exchange.expect(FUNCTION)
        else:
            return self._passes_unanswered(kind, exchange)
        return True

    def _passes_unanswered(self, kind: int, exchange: Exchange) -> bool:
        """Messages that have no answer of their own."""
        if kind == 0x48:  # Flush
            return self._flush()
        if kind == 0x63 or kind == 0x66:  # CopyDone, CopyFail
            exchange.copy_ends()
            return True
        return False

    def _flush(self) -> bool:
        """One with a body makes the server fail without any answer of its own to tell by."""
        if self.reader.end - self.reader.begin != HEADER_BYTES:
            raise MalformedRequest("Flush", "it has a body")
        return True

    def _string(self, at: int) -> tuple[bytes, int]:
        """The zero-terminated string at `at`, and where it is followed."""
        end = self._string_end(at)
        return self.reader.part(at, end), end + 1

    def _string_end(self, at: int) -> int:
        """Where the string at `at` ends: the index of its zero byte."""
        end = self.reader.zero_at(at)
        if end < 0:
            raise MalformedRequest(chr(self.reader.kind), "a string in it does not end")
        return end

    def _last_string(self, at: int) -> bytes:
        """The string at `at`, which ends the message."""
        text, end = self._string(at)
        if end != self.reader.end:
            raise MalformedRequest(chr(self.reader.kind), "something follows its name")
        return text

    def _byte(self, at: int) -> int:
        """The byte at `at`, which must lie within the message."""
        reader = self.reader
        if at >= reader.end:
            raise MalformedRequest(chr(reader.kind), "it ends too early")
        return reader.buffer[at]

    def _parse_unnamed(self, exchange: Exchange) -> bool:
        """An unnamed Parse is sent as it is; a named one is rewritten."""
        reader = self.reader
        if self._byte(reader.begin + 5) != 0:
            return False
        end = self._string_end(reader.begin + 6)
        text = reader.part(reader.begin + 6, end)
        types = reader.part(end + 1, reader.end)
        verdict = self._cache.lookup_part(
            reader.buffer, reader.begin + 6, end, self.encoding, self.standard_strings
        )
        if verdict.effects & self.asked:
            return False
        statement = client_statement(text, types, verdict, NO_SHAPE)
        exchange.expect(_PARSE, self._keep_unnamed(statement, exchange))
        return True

    def _keep_unnamed(self, statement: ClientStatement, exchange: Exchange) -> PendingParse:
        """It is what no name means from here on; for whom its answer comes."""
        statement.segment = exchange.segment
        if len(statement.text) > LARGE_TEXT_BYTES:
            statement.weight = self._shapes.weigh(len(statement.text))
        before = self.statements.get(b"")
        self.statements[b""] = statement
        exchange.statements.holds_unnamed(statement, -1)
        return pending_parse(None, self.statements, b"", statement, before)

    def _bind_unnamed(self, exchange: Exchange) -> bool:
        """A Bind of the unnamed statement that this server connection holds is sent as it is."""
        reader = self.reader
        end = self._string_end(reader.begin + 5)
        if self._byte(end + 1) != 0:
            return False
        portal = reader.part(reader.begin + 5, end)
        statement = self.statements.get(b"")
        if statement is None or not self._is_there(statement, exchange):
            return False
        if not statement.settled and statement.segment != exchange.segment:
            return False
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        if verdict.effects & self.asked:
            return False
        if verdict.effects & _UNSEEN:
            self._note_parameters(self._first_parameters(end + 2))
        self._note_bound(portal, statement, verdict, exchange)
        exchange.expect(_BIND)
        return True

    def _describe_portal(self, exchange: Exchange) -> bool:
        """Portals have the client's own names; a Describe of a statement is rewritten."""
        if self._byte(self.reader.begin + 5) == 0x53:
            return False
        exchange.expect(_DESCRIBE)
        return True

    def _parse_named(self, exchange: Exchange) -> int:
        reader = self.reader
        name, at = self._string(reader.begin + 5)
        text, at = self._string(at)
        types = reader.part(at, reader.end)
        verdict = self._judge(text)
        if verdict.effects & self.asked:
            if self._is_unread(exchange):
                return self._wait(exchange, HELD_FOR_ANSWERS)
            verdict = self._judge(text)
            objection = self._allowance.standing_refusal(verdict.effects, text)
            if objection:
                self._refuse(exchange, objection if name else self._unnamed_goes(objection))
                return FORWARDED
        if not name:
            exchange.to_server.append(reader.message())
            unnamed = client_statement(text, types, verdict, NO_SHAPE)
            exchange.expect(_PARSE, self._keep_unnamed(unnamed, exchange))
            return FORWARDED
        if exchange.may_discard() and (name in self.statements or exchange.may_keep_closed()):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        shapes = self._shapes
        if self.moves:
            shape = shapes.loose(text, types, self.parse_key)
        else:
            shape = shapes.of(text, types, self.parse_key)
        refusal = self._no_room_for(name, text)
        if refusal:
            self._parse_apart(exchange, shape)
            self._refuse(exchange, refusal)
            return FORWARDED
        statement = client_statement(shape.text, shape.types, verdict, shape)
        statement.weight = self._shapes.weigh(len(name) + OBJECTS_BYTES)
        self.statements[name] = statement
        known = exchange.statements.find(shape)
        if known is not None and known.complete and not exchange.may_have_failed():
            statement.prepared = known
            statement.segment = exchange.segment
            exchange.answer_locally(pending_parse(None, self.statements, name, statement, None))
            return FORWARDED
        fresh = self._prepare(exchange, shape, shape.types)
        statement.prepared = fresh
        exchange.expect(_PARSE, pending_parse(fresh, self.statements, name, statement, None))
        return FORWARDED

    def _bind(self, exchange: Exchange) -> int:
        reader = self.reader
        portal_end = self._string_end(reader.begin + 5)
        name_end = self._string_end(portal_end + 1)
        name = reader.part(portal_end + 1, name_end)
        if self._is_uncertain(name, exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        statement = self.statements.get(name)
        verdict: Verdict | None = None
        if statement is not None:
            verdict = self._verdict_of(statement, name_end + 1)
            objection = self._state_objection(verdict, statement.text, exchange)
            if objection is None:
                return self._wait(exchange, HELD_FOR_ANSWERS)
            if objection:
                self._refuse(exchange, objection)
                return FORWARDED
        target = self._server_name(exchange, name, statement)
        if target is None:
            return FORWARDED
        if exchange.held:
            reader.step_back()
            return HELD
        portal = reader.part(reader.begin + 5, portal_end)
        if verdict is not None and verdict.effects & _UNSEEN:
            self._note_parameters(self._first_parameters(name_end + 1))
        self._note_bound(portal, statement, verdict, exchange)
        self.rest_bytes = reader.end - name_end - 1
        exchange.to_server.append(bind_head(portal, target, self.rest_bytes))
        exchange.expect(_BIND, statement if name else None)
        return FORWARDED

    def _verdict_of(self, statement: ClientStatement, at: int) -> Verdict:
        """The verdict on a prepared statement with the parameters of a Bind, which lie at `at`."""
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        if verdict.effects & _BOUND:
            return self._bound_verdict(verdict, statement, self.reader.part(at, self.reader.end))
        return verdict

    def _first_parameters(self, at: int) -> bytes:
        """The beginning of a Bind's tail: names of settings are short."""
        return self.reader.part(at, min(self.reader.end, at + PARAMETERS_READ_BYTES))

    def _describe(self, exchange: Exchange) -> int:
        reader = self.reader
        name = self._last_string(reader.begin + 6)
        if self._is_uncertain(name, exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        target = self._server_name(exchange, name, self.statements.get(name))
        if target is None:
            return FORWARDED
        if exchange.held:
            reader.step_back()
            return HELD
        exchange.to_server.append(message(b"D", b"S" + target + b"\x00"))
        exchange.expect(_DESCRIBE, self._described(self.statements.get(name)))
        return FORWARDED

    def _described(self, statement: ClientStatement | None) -> ClientStatement | None:
        """The statement if what it returns is a promise; an unnamed one gets its own shape."""
        if statement is None or not self._tells_what_it_returns(statement):
            return None
        if statement.shape is NO_SHAPE:
            statement.shape = Shape(statement.text, statement.types, self.parse_key)
        return statement

    def _close(self, exchange: Exchange) -> int:
        """A statement's Close is ours to answer: the server-side one may serve others."""
        reader = self.reader
        if self._byte(reader.begin + 5) != 0x53:
            exchange.to_server.append(reader.message())
            exchange.expect(CLOSE)
            return FORWARDED
        name = self._last_string(reader.begin + 6)
        if name not in self.statements and self._is_uncertain(name, exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        before = self.statements.pop(name, None)
        exchange.answer_locally(pending_parse(None, self.statements, name, None, before))
        return FORWARDED

    def _execute(self, exchange: Exchange) -> bool:
        if self._deallocating and self._portal() in self._deallocating:
            return False
        exchange.expect(_EXECUTE)
        return True

    def _portal(self) -> bytes:
        """The portal that the current Execute names, with its zero byte; the limit left out."""
        reader = self.reader
        return reader.part(reader.begin + 5, reader.end - 4)

    def _execute_apart(self, exchange: Exchange) -> int:
        """Runs what may drop prepared statements, or change what is listened to.

        Who has prepared those, and who listens, is known only now.
        """
        portal = self._portal()
        text = self._deallocating[portal]
        verdict = self._judge(text)
        if self._names_unsettled(verdict, text, exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        objection = self._objection(verdict, text, exchange)
        if objection is None:
            self.reader.step_back()
            return HELD
        if objection:
            self._refuse(exchange, objection)
            return FORWARDED
        del self._deallocating[portal]
        payload: object = None
        if verdict.effects & FORGETS:
            payload = self._deallocation(text, exchange)
        steps = self._steps(verdict, text, None)
        exchange.to_server.append(self.reader.message())
        exchange.expect(_EXECUTE, steps if payload is None else payload)
        return FORWARDED

    def _names_unsettled(self, verdict: Verdict, text: bytes, exchange: Exchange) -> bool:
        """Whether an error on the way decides if a DEALLOCATE finds the name it gives."""
        if verdict.single != DEALLOCATES or not exchange.may_discard():
            return False
        statement = self.statements.get(deallocated_name(text))
        return statement is None or not statement.settled or exchange.may_keep_closed()
