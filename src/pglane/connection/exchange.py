# cython: boundscheck=False, wraparound=False
"""What was asked on a server connection, and what is still to be answered.

PostgreSQL answers in order. For every message that will be answered the exchange keeps one
expectation; each answer that completes one takes it off. That is how answers nobody asked for by
name are swallowed (the Parse we sent so that a client's Bind works here), how answers that the
server will never give are inserted in the right place (the Parse of a statement that is already
there), and how the end of a unit is known: ReadyForQuery with nothing outstanding.

Rules it follows (PostgreSQL manual, "Message Flow"; facts A2, A8, A13):

* After an error in the extended protocol the server discards everything until Sync; so do we.
* During COPY FROM STDIN the server ignores Sync and Flush, unless the COPY fails before it reads
  them: nobody can tell from outside, and one ReadyForQuery too many would end the next client's
  request. So no Sync is sent ahead of an answer that may be CopyInResponse, nor while a copy runs.
* CopyDone or CopyFail that arrives when no copy runs is ignored by the server.

In a shared pipeline others' requests follow what was asked here (`engine.pipeline`): with `shared`
set the walk stops behind the ReadyForQuery that ends all that is owed, and `goes_on` takes up the
rest, once it is noted whose it is. A read that was sent here and runs somewhere else by now leaves
an answer behind that is nobody's (`drops_one`).

Rows pass unread, an incomplete one as it comes. Indexes below lie inside the message found.
"""

from typing import TYPE_CHECKING

from pglane.connection.answer_events import (
    BROKEN,
    DISCARDED,
    ENDING,
    INTERNAL_DONE,
    PARAMETERS,
    READY,
    RELEASED_HOLD,
    TO_SERVER,
)
from pglane.connection.expectations import (
    BIND,
    CLOSE,
    CLOSE_SILENT,
    DESCRIBE,
    DESCRIBE_SILENT,
    EXECUTE,
    FUNCTION,
    INTERNAL,
    LOCAL,
    OUTSTANDING_MAX,
    PARSE,
    PARSE_SILENT,
    QUERY,
    SYNC,
    UNWANTED,
    PendingDeallocation,
    PendingParse,
    forget_names,
    note_step,
)
from pglane.connection.failing import FailingAnswers
from pglane.connection.owed import is_status
from pglane.connection.own_queries import OwnQueries
from pglane.connection.prepared_statements import ClientStatement, ServerStatements
from pglane.connection.request_messages import SYNC_MESSAGE
from pglane.connection.session_target import STANDBY
from pglane.wire.body import MalformedMessage
from pglane.wire.framing import MalformedStream, MessageReader
from pglane.wire.server_messages import ParameterStatus, error_fields

if TYPE_CHECKING:
    from collections.abc import Callable


HELD_FOR_DESCRIPTION = 1
HELD_FOR_ANSWERS = 2
HELD_FOR_ROOM = 3
HELD_FOR_CHANNELS = 4

IDLE_STATUS = 0x49
IN_TRANSACTION = 0x54
FAILED_STATUS = 0x45

# Compiled, these are C integers that Python code cannot see: to compare with them costs no object.
_QUERY: int = QUERY
_SYNC: int = SYNC
_FUNCTION: int = FUNCTION
_EXECUTE: int = EXECUTE
_INTERNAL: int = INTERNAL
_UNWANTED: int = UNWANTED
_LOCAL: int = LOCAL
_IDLE_STATUS: int = IDLE_STATUS
_READY: int = READY

FORGETTING_TAGS = (b"DEALLOCATE ALL\x00", b"DISCARD ALL\x00")
LENGTH_MAX = 0x3FFFFFFF + 4
"""PostgreSQL never makes a longer message (1 GB, MaxAllocSize)."""
INSPECTED_BYTES_MAX = 16 * 1024 * 1024
"""Largest answer that is kept until it is whole; rows and copy data are not kept."""


class Exchange(FailingAnswers):
    """The conversation on one server connection after its login.

    Attributes:
        status: transaction status byte of the last ReadyForQuery: I, T or E.
        to_client: what the client that holds the lease is to be given, in order.
        to_server: what the server is to be sent, in order.
        parameters: reported settings by the server's spelling, as last reported.
        encoding: of these, client_encoding; one object for the usual one.
        standard_strings: of these, standard_conforming_strings.
        changed: names of settings reported since this was last emptied.
        skipping: an error was seen and the server discards until the client's Sync.
        attached: a client holds the lease; what comes unasked is for it.
        deaf: notifications that come here are for nobody: the client hears them elsewhere.
        drawn: values of sequences may have been drawn since they were last discarded.
        renumber: what process id clients know the one of a notifier by; None: the same.
        subscriptions: of that client, if it listens without keeping a server connection.
        owes_ready: its last ReadyForQuery is kept back until it has its notifications.
        held: why the client's next message waits (HELD_FOR_*), 0 if it need not.
        names: the statements of the client whose requests were forwarded last.
        own: what came of the queries of our own.
        instead: what the client is told in place of the next "query cancelled".
        shared: others' requests are behind what is owed.
        stopped: the walk ended before what is here, for that reason.
        ending: fields of the FATAL or PANIC that ends this server connection.
        traffic: what is counted; the engine puts the database's own here.
    """

    # fmt: off
    __slots__ = (
        "_parameters_told", "changed", "deaf", "drawn", "encoding", "names", "owes_ready", "own",
        "parameters", "renumber", "shared", "standard_strings", "stopped", "to_client",
    )
    # fmt: on

    def __init__(self, statements: ServerStatements, parameters: dict[str, str]) -> None:
        FailingAnswers.__init__(self, LENGTH_MAX, statements)
        self.parameters = parameters
        self.changed: set[str] = set()
        self.to_client: list[object] = []
        self.deaf = False
        self.shared = False
        self.stopped = False
        self.drawn = False
        self.renumber: Callable[[int], int] | None = None
        self.owes_ready = False
        self.names: dict[bytes, ClientStatement] = {}
        self.own = OwnQueries()
        self._parameters_told = b""
        self.encoding = "UTF8"
        self.standard_strings = True
        self._note_reading()

    # What was asked ------------------------------------------------------------------------

    def answer_locally(self, change: PendingParse) -> None:
        """Told as done once all asked before is answered; an error before it takes it back."""
        if change.client_statement is not None:
            self.traffic.parses += 1
        if self._head == self._end:
            self.to_client.append(change.settle())
            return
        if change.client_statement is None:
            self._close_at = self._end
        self.expect(LOCAL, change)

    def may_have_failed(self) -> bool:
        """Whether the transaction is a failed one, or may be when what is asked next arrives."""
        return self.status == FAILED_STATUS or self._cycle_at >= self._head

    def ask_internally(self, text: bytes, guards: bool = False) -> None:
        """A query of our own: swallowed, its end is INTERNAL_DONE; `guards`: see `riding`."""
        self.statements.destroys_unnamed()  # as every Query does (fact A3)
        self.to_server.append(b"Q%b%b\x00" % ((len(text) + 5).to_bytes(4, "big"), text))
        self.expect(INTERNAL, guards or None)

    def drops_one(self) -> None:
        """What was sent last is a read whose answer nobody waits for here.

        It may have parsed an unnamed statement, or destroyed the one that was there (fact A3).
        """
        self.statements.unnamed = None
        self.statements.unnamed_left = True
        self.expect(_UNWANTED)

    def is_quiet(self) -> bool:
        """Nothing is outstanding or held, and what is asked next will be looked at."""
        return self._head == self._end and not self.skipping and not self.held

    def is_idle(self) -> bool:
        """Nothing is outstanding and no transaction is open."""
        return self._head == self._end and self.status == IDLE_STATUS and not self.skipping

    def leaves_only_answers(self) -> bool:
        """Whether nothing but an answer came, or may come, of what was asked."""
        if self.status != _IDLE_STATUS or self.unit_open or self.skipping or self.held:
            return False
        if self.copy_in or self.owes_ready or self.mixed or self.subscriptions is not None:
            return False
        return not self.changed

    # What was answered -----------------------------------------------------------------------

    def receive(self, data: bytes) -> int:
        """Takes what the server sent; returns event bits and fills `to_client`."""
        self.reader.feed(data)
        return self.goes_on()

    def has_more(self) -> bool:
        """Whether answers are here behind the one with which the walk stopped."""
        return self.reader.buffered_bytes() > 0

    def goes_on(self) -> int:
        """As `receive`, of what is here."""
        self.stopped = False
        reader = self.reader
        held = self.held
        if reader.stream_left and (part := reader.take_stream()) and not self._is_unwanted():
            self.to_client.append(part)
        try:
            events = self._walk(reader)
        except (MalformedStream, MalformedMessage) as malformed:
            self.ending = {"M": str(malformed).encode()}
            events = BROKEN
        if held:
            self._release_hold()
            if not self.held:
                events |= RELEASED_HOLD
        return events

    def _release_hold(self) -> None:
        """A hold for a description ends where the description is taken or taken back."""
        outstanding = self._end - self._head
        if self.held == HELD_FOR_ANSWERS:
            if self.copy_in or outstanding == 0:
                self.held = 0
        elif self.held == HELD_FOR_ROOM and outstanding <= OUTSTANDING_MAX // 2:
            self.held = 0

    def _walk(self, reader: MessageReader) -> int:
        events = 0
        run = reader.end
        while reader.next():
            kind = reader.kind
            if kind == 0x44 and not self._silent():  # DataRow
                continue
            begin = reader.begin
            event = self._take(kind, reader)
            if event >= 0 and not self._inserts():
                events |= event
                if self.shared and event & _READY:
                    self.stopped = reader.buffered_bytes() > 0
                    break
                continue
            if event < 0:
                self._hand_on(reader, run, begin)
                event = -event - 1
                if kind == 0x41 and self.attached and not self._comes_otherwise(reader):
                    self.to_client.append(self._renumbered(reader))
            else:
                self._hand_on(reader, run, reader.end)
            events |= event
            if event & (BROKEN | ENDING):
                return events
            self._insert_local_answers()
            run = reader.end
        self._hand_on(reader, run, reader.end)
        self._maybe_stream(reader)
        return events

    def _renumbered(self, reader: MessageReader) -> bytes:
        """A notification with the process id by which clients know the notifier (A16)."""
        at = reader.begin + 5
        told = reader.buffer[at : at + 4]
        if self.renumber is not None and len(told) == 4:
            told = self.renumber(int.from_bytes(told, "big")).to_bytes(4, "big")
        return reader.buffer[reader.begin : at] + told + reader.buffer[at + 4 : reader.end]

    def _comes_otherwise(self, reader: MessageReader) -> bool:
        """Whether the client is not to hear a notification from here."""
        if self.deaf or self.subscriptions is None:
            return self.deaf
        end = reader.zero_at(reader.begin + 9)
        return self.subscriptions.expects(reader.buffer[reader.begin + 9 : end])

    def _hand_on(self, reader: MessageReader, begin: int, end: int) -> None:
        """Gives the client a run of messages; the whole chunk is not copied."""
        if begin == end:
            return
        if begin == 0 and end == reader.size:
            self.to_client.append(reader.buffer)
        else:
            self.to_client.append(reader.part(begin, end))

    def _maybe_stream(self, reader: MessageReader) -> None:
        """Hands on the incomplete row at the end of a chunk; most answers wait until whole."""
        kind = reader.partial_kind()
        if kind == 0:
            return
        if kind in (0x44, 0x64, 0x56) and not self._silent():  # rows, copy data, a call's result
            self.to_client.append(reader.stream_partial())
        elif kind == 0x44 and self._is_unwanted():
            reader.stream_partial()
        elif reader.needed > INSPECTED_BYTES_MAX:
            raise MalformedStream(kind, reader.needed, INSPECTED_BYTES_MAX)

    def _silent(self) -> bool:
        """Whether what comes now answers a query of our own, or is nobody's."""
        head = self._head_kind()
        return head in (_INTERNAL, _UNWANTED)

    def _is_unwanted(self) -> bool:
        return self._head_kind() == _UNWANTED

    def _inserts(self) -> bool:
        return self._head_kind() == _LOCAL

    def _insert_local_answers(self) -> None:
        while self._inserts():
            answer = self._payloads[self._head]
            self.to_client.append(answer.settle() if isinstance(answer, PendingParse) else answer)
            self._pop()

    def _take(self, kind: int, reader: MessageReader) -> int:
        """Handles one answer: event bits >= 0 hand it on, -1 - bits swallow it."""
        if self._silent() and (kind != 0x41 or not self.attached):
            return -1 - self._take_internal(kind, reader)
        if kind == 0x5A:  # ReadyForQuery
            return self._ready(reader)
        if kind == 0x43:  # CommandComplete
            return self._command_complete(reader)
        if kind in (0x32, 0x31, 0x33, 0x54, 0x6E, 0x49, 0x73, 0x74):
            return self._extended_answer(kind, reader)
        if kind == 0x45:
            return self._error(reader)
        return self._other(kind, reader)

    def _other(self, kind: int, reader: MessageReader) -> int:
        if kind == 0x53:  # ParameterStatus
            self._reported(reader)
            return PARAMETERS if self.attached else -1 - PARAMETERS
        if kind == 0x4E:
            return 0 if self.attached and not self._is_between() else -1
        if kind == 0x41:  # Notification
            return 0 if self.attached and not self.deaf and self.renumber is None else -1
        head = self._head_kind()
        if kind == 0x56 and head == FUNCTION:  # FunctionCallResponse
            return 0
        if kind in (0x64, 0x63, 0x48, 0x47) and head in (EXECUTE, QUERY):
            return self._copy_in_begins() if kind == 0x47 else 0
        return self._misfit(kind)

    def _reported(self, reader: MessageReader) -> int:
        name = self._parameter(reader)
        if name != STANDBY:  # nobody can set that one
            self.changed.add(name)
        return PARAMETERS

    def _is_between(self) -> bool:
        """Whether nothing of a client that may go elsewhere is here, nor its transaction.

        What is said unasked then is of the server connection: that it ends, and not its client's.
        """
        nothing = self._head == self._end and not self.unit_open and not self.skipping
        return self.deaf and nothing and self.status == _IDLE_STATUS

    def _ready(self, reader: MessageReader) -> int:
        """ReadyForQuery: the Sync, Query or function call at the head is done."""
        head = self._head_kind()
        if head != _QUERY and head != _SYNC and head != _FUNCTION:
            return self._misfit(0x5A)
        if not self._note_status(reader):
            return -1 - BROKEN
        self._unit_ended()
        self._undo_deallocation(self._head)
        self._pop()
        event = _READY if self.is_settled() else 0
        if self.subscriptions is not None:
            self.subscriptions.ready(idle=self.status == IDLE_STATUS)
            if event and self.status == IDLE_STATUS:
                self.owes_ready = True
                return -1 - READY
        return event

    def _note_status(self, reader: MessageReader) -> bool:
        """Keeps the transaction status; False if the message has none."""
        status = reader.buffer[reader.end - 1]
        if reader.end - reader.begin != 6 or not is_status(status):
            self.ending = {"M": b"ReadyForQuery without a transaction status"}
            return False
        self.status = status
        return True

    def _command_complete(self, reader: MessageReader) -> int:
        head = self._head_kind()
        if head != _QUERY and head != _EXECUTE:
            return self._misfit(0x43)
        events = 0
        at = reader.begin + 5
        if at < reader.end and reader.buffer[at] == 0x44:  # D
            events = self._forgotten(reader.buffer[at : reader.end - 1])
        if self.subscriptions is not None:
            note_step(self._payloads[self._head], reader.buffer[at : reader.end - 1])
        if head == _EXECUTE:
            self._pop()
        return events

    def _forgotten(self, tag: bytes) -> int:
        """DEALLOCATE, DEALLOCATE ALL, DISCARD ALL; DELETE and others mean nothing here."""
        if tag == b"DEALLOCATE":
            payload = self._payloads[self._head]
            if isinstance(payload, PendingDeallocation):
                payload.done()
                self._payloads[self._head] = None
        elif tag == b"DEALLOCATE ALL" or tag == b"DISCARD ALL":
            self.statements.forget_complete()
            forget_names(self.names, self._payloads[self._head : self._end])
            return DISCARDED if tag == b"DISCARD ALL" else 0
        return 0

    def _extended_answer(self, kind: int, reader: MessageReader) -> int:
        """Answers that complete one message of the extended protocol."""
        head = self._head_kind()
        if kind == 0x31 and head in (PARSE, PARSE_SILENT):
            return self._parse_complete(head)
        if kind == 0x33 and head == CLOSE_SILENT:
            self._pop()
            return -1
        if kind == 0x54 or kind == 0x6E or kind == 0x74:
            return self._description(kind, head, reader)
        if head == QUERY and kind == 0x49:
            return 0
        if (
            (kind == 0x32 and head == BIND)
            or (kind == 0x33 and head == CLOSE)
            or (head == EXECUTE and (kind == 0x49 or kind == 0x73))
        ):
            if kind == 0x32:
                self.traffic.binds += 1
            self._undo_deallocation(self._head)
            self._pop()
            return 0
        return self._misfit(kind)

    def _description(self, kind: int, head: int, reader: MessageReader) -> int:
        """RowDescription, NoData, and the ParameterDescription that comes before either."""
        if head == QUERY and kind == 0x54:
            return 0
        if head != DESCRIBE and head != DESCRIBE_SILENT:
            return self._misfit(kind)
        if kind == 0x74:
            self._parameters_told = reader.buffer[reader.begin : reader.end]
            return -1 if head == DESCRIBE_SILENT else 0
        payload = self._payloads[self._head]
        self._pop()
        if isinstance(payload, ClientStatement):
            description = self._parameters_told + reader.buffer[reader.begin : reader.end]
            if head == DESCRIBE:
                self.statements.told(payload, description)
            else:
                self.statements.compare(payload, description)
        if head == DESCRIBE_SILENT:
            self.held = 0
            return -1
        return 0

    def _parse_complete(self, head: int) -> int:
        self._parsed(self._payloads[self._head])
        self._pop()
        if head == PARSE_SILENT:
            return -1
        self.traffic.parses += 1
        return 0

    # Our own queries -----------------------------------------------------------------------------

    def _take_internal(self, kind: int, reader: MessageReader) -> int:
        if self._is_unwanted():
            return self._take_unwanted(kind, reader)
        body = reader.buffer[reader.begin + 5 : reader.end]
        if kind == 0x44:
            self.own.take_row(body)
        elif kind == 0x53:
            self._parameter(reader)  # by our own doing: not among what the client changed
        elif kind == 0x45:
            fields = self.own.take_error(body)
            if fields.get("V", fields.get("S")) in (b"FATAL", b"PANIC"):
                self.ending = fields
                return ENDING
        elif kind == 0x43 and body in FORGETTING_TAGS:
            self.statements.forget_complete()  # names are those of a client that is not here
        elif kind == 0x5A:
            if not self._note_status(reader):
                return BROKEN
            self.own.done()
            guards = self._payloads[self._head] is not None
            self._pop()
            if guards and (self.own.error is not None or self.status != IDLE_STATUS):
                return self._refused_behind()
            return 0 if self._silent() else INTERNAL_DONE
        return 0

    def _take_unwanted(self, kind: int, reader: MessageReader) -> int:
        """Of an answer that is nobody's only what concerns the server connection is looked at."""
        if kind == 0x45:
            fields = error_fields(reader.buffer[reader.begin + 5 : reader.end])
            if fields.get("V", fields.get("S")) in (b"FATAL", b"PANIC"):
                self.ending = fields
                return ENDING
        elif kind == 0x53:
            return self._reported(reader)
        elif kind == 0x5A:
            if not self._note_status(reader):
                return BROKEN
            if self.status != IDLE_STATUS:
                self.ending = {"M": b"a read in a shared pipeline left a transaction open"}
                return BROKEN
            self._pop()
            if self._head != self._end:
                return 0
            self.instead = b""  # what it was for is answered, or hit this
            return READY
        return 0

    def _refused_behind(self) -> int:
        """A guarding query failed: what was asked behind it never was."""
        if self.own.error is None or self.status != FAILED_STATUS:
            self.ending = {"M": b"settings were refused, and not what was sent behind them"}
            return BROKEN
        if not self.outstanding():
            return INTERNAL_DONE
        if self.unit_open:
            self.to_server.append(SYNC_MESSAGE)
        for at in range(self._end - 1, self._head - 1, -1):
            self._undo(at, {})
        self._drop()
        self.held = 0
        self.expect(INTERNAL)
        return TO_SERVER

    def _parameter(self, reader: MessageReader) -> str:
        status = ParameterStatus.decode(reader.buffer[reader.begin + 5 : reader.end])
        spelled = status.name.decode("utf-8", "replace")
        self.parameters[spelled] = status.value.decode("utf-8", "replace")
        self._note_reading()
        return spelled

    def _note_reading(self) -> None:
        """How the server reads texts, for its clients, who ask more often than it changes.

        The usual encoding is always the same object: it is compared for every text.
        """
        encoding = self.parameters.get("client_encoding", "UTF8")
        self.encoding = "UTF8" if encoding == "UTF8" else encoding
        self.standard_strings = self.parameters.get("standard_conforming_strings", "on") == "on"
