# cython: boundscheck=False, wraparound=False
"""What a client's names of prepared statements mean on the server connection it holds.

The part of `ClientRequests` that looks at names and texts and at no bytes of the stream: what the
scanner says of a text is noted here, statements that this server connection has not are prepared
under names of ours, and what cannot be is refused.
"""

from typing import TYPE_CHECKING

from pglane.connection.allowance import Allowance
from pglane.connection.channel_steps import LISTEN, channel_steps
from pglane.connection.deallocation import deallocated_name
from pglane.connection.exchange import (
    FAILED_STATUS,
    HELD_FOR_CHANNELS,
    HELD_FOR_DESCRIPTION,
    IN_TRANSACTION,
    Exchange,
)
from pglane.connection.expectations import (
    CLOSE_SILENT,
    DESCRIBE_SILENT,
    PARSE_SILENT,
    REFUSED,
    PendingDeallocation,
    PendingSteps,
)
from pglane.connection.request_messages import (
    FLUSH,
    MalformedRequest,
    error,
    message,
)
from pglane.connection.statements import (
    STALE_PLAN_ROUTINE,
    ClientStatement,
    ServerStatement,
    Shape,
    Shapes,
)
from pglane.connection.subscriptions import CHANNELS_MAX, Subscriptions
from pglane.errors.notifications import TooManyChannels
from pglane.wire.bound_settings import BOUND, bound_verdict
from pglane.wire.server_messages import error_response
from pglane.wire.statements import (
    Effect,
    Kind,
    Verdict,
    VerdictCache,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pglane.connection.sql_statements import SqlStatement

SYNTAX_THAT_FAILS = b"pglane refuses"
"""No statement begins like this: the server answers with a syntax error in any state."""
TEXT_SETTINGS = frozenset({"client_encoding", "standard_conforming_strings"})
UNSEEN_EFFECTS = int(
    Effect.SETTING_UNKNOWN
    | Effect.SETTING_BOUND
    | Effect.SETTING_LISTED
    | Effect.LOCAL_SETTING
    | Effect.RESET_ALL
    | Effect.DISCARD_ALL
    | Effect.OPAQUE
    | Effect.EXECUTES
    | Effect.ROLE
)
"""May change settings without naming them."""
READING_EFFECTS = UNSEEN_EFFECTS | int(
    Effect.SETTING | Effect.CHARACTERISTICS | Effect.TRANSACTION
)
"""May change, or take back, how texts are to be read."""
UNCERTAIN = "not known until the server reports it"
"""No encoding has this name: texts sent meanwhile are not read, but count as everything (A12)."""
STALE_PLAN = error(b"0A000", b"cached plan must not change result type", STALE_PLAN_ROUTINE)
"""asyncpg and JDBC know it by the routine; they prepare again by themselves."""
ALL_ALLOWED = Allowance()
NO_SHAPE = Shape(b"", b"", None)
STALE = Shape(b"", b"", None)
STALE.stale = True
NOT_ACCOUNTED_FOR = Verdict((Kind.UNKNOWN,), int(Effect.UNKNOWN), ())
FORGETS = int(Effect.DEALLOCATE | Effect.DEALLOCATE_ALL | Effect.DISCARD_ALL | Effect.UNKNOWN)
PREPARED = int(Effect.PREPARED)
DISCARDS = int(Effect.DISCARD_ALL)
CATALOG = int(Effect.CATALOG)
RENEWS = int(Effect.CATALOG | Effect.OPAQUE | Effect.UNKNOWN)
"""May change what names and types mean."""
MAKES = int(Effect.CATALOG | Effect.DATABASE)
"""Of CATALOG without DATABASE: what is made may be temporary without a word in the text, where a
value that no text shows says so in search_path."""
LISTENS = int(Effect.LISTEN)
CHANNELS = int(Effect.LISTEN | Effect.UNLISTEN)
NOTIFIES = int(Effect.NOTIFY | Effect.OPAQUE | Effect.EXECUTES | Effect.UNKNOWN)
CHANGES_CHANNELS = CHANNELS | int(Effect.DISCARD_ALL)
MAY_COMMIT = int(Effect.TRANSACTION | Effect.OPAQUE | Effect.UNKNOWN)
TAKEN_APART = FORGETS | CHANNELS
UNSEEN = int(Effect.UNSEEN)
UNSEEN_MAX = 16
"""Statements of one lease that may be named as having left something."""
TRANSACTION = int(Effect.TRANSACTION)
COPIES = int(Effect.COPY | Effect.UNKNOWN)
DEALLOCATES = int(Kind.DEALLOCATE)
EXECUTES = int(Kind.EXECUTE)
FETCHES = int(Kind.FETCH)
STATEMENT_BYTES_MAX = 32 * 1024 * 1024
"""Texts of one client's prepared statements taken together, in bytes; checked for large ones."""
LARGE_TEXT_BYTES = 4096
DEALLOCATING_MAX = 64
"""Portals of a DEALLOCATE or the like that are bound and not executed."""


class ClientNames:
    """The names one client gave, and what its texts may have done.

    Attributes:
        statements: the client's prepared statements by its own names; b"" is the unnamed one.
        effects: session effects of what was forwarded since the lease began (`Effect` bits).
        unanswered_effects: the same since everything was last answered.
        later_effects: the same since a DISCARD ALL was sent.
        discards: DISCARD ALL sent since the lease began and not known to have succeeded.
        unseen: some verdicts of what was forwarded in this lease and has effects no text shows.
        settings: names of settings touched since the lease began.
        virtual: statement names are rewritten (a door that changes server connections).
        parse_key: the state its texts are parsed under.
        encoding: its client_encoding as the server reports it, or UNCERTAIN.
        standard_strings: its standard_conforming_strings.
        drew: the exchange's segment in which a value of a sequence may have been drawn last, since
            the lease or a transaction began; -1 if none was.
        strangers_drew: others may have drawn values here before the lease began.
        asked: effects of texts that run only if `_allowance` does not object.
        may_forget: something that is not answered yet may drop prepared statements; what names one
            waits.
        may_copy: something sent since the server was last idle may be COPY FROM STDIN.
        apart: effects of texts that are not sent on as they are.
        subscriptions: what it listens to; None if it never did.
        changes_channels: a LISTEN or UNLISTEN was sent since the lease began.
        hears_itself: it keeps its server connection, and hears what comes there.
        channels_wanted: what must be listened to before its next message is sent; may be nothing.
        channels_heard: what was wanted is so; the next message may be sent.
        channels_refused: the error if it cannot be.
    """

    __slots__ = (
        "_allowance",
        "_cache",
        "_deallocating",
        "_shapes",
        "apart",
        "asked",
        "changes_channels",
        "channels_heard",
        "channels_refused",
        "channels_wanted",
        "discards",
        "drew",
        "effects",
        "encoding",
        "hears_itself",
        "later_effects",
        "may_copy",
        "may_forget",
        "parse_key",
        "settings",
        "standard_strings",
        "statements",
        "statements_max",
        "strangers_drew",
        "subscriptions",
        "unanswered_effects",
        "unseen",
        "virtual",
    )

    def _name_nothing(
        self, cache: VerdictCache, shapes: Shapes, virtual: bool, statements_max: int
    ) -> None:
        """Begins; no constructor, for a call of the base's is not C."""
        self.statements: dict[bytes, ClientStatement] = {}
        self.effects = 0
        self.unanswered_effects = 0
        self.later_effects = 0
        self.discards = 0
        self.unseen: list[Verdict] = []
        self.settings: set[str] = set()
        self.virtual = virtual
        self.parse_key: object = None
        self.encoding = "UTF8"
        self.standard_strings = True
        self.statements_max = statements_max
        self.may_copy = False
        self.may_forget = False
        self.apart = TAKEN_APART if virtual else 0
        self.subscriptions: Subscriptions | None = None
        self.changes_channels = False
        self.hears_itself = False
        self.channels_wanted: list[bytes] | None = None
        self.channels_heard = False
        self.channels_refused = b""
        self.drew = -1
        self.strangers_drew = False
        self.asked = 0
        self._allowance = ALL_ALLOWED
        self._deallocating: dict[bytes, bytes] = {}
        self._cache = cache
        self._shapes = shapes

    def limit(self, allowance: Allowance) -> None:
        """What it may leave on its server connection, from now on."""
        self._allowance = allowance
        self.asked = allowance.asked()
        self.apart |= self.asked

    def _judge(self, text: bytes) -> Verdict:
        return self._cache.lookup(text, self.encoding, self.standard_strings)

    def _note(self, statement: ClientStatement | None) -> None:
        if statement is not None:
            verdict: Verdict = statement.verdict  # type: ignore[assignment]
            if verdict.effects:
                self._note_verdict(verdict)

    def _note_verdict(self, verdict: Verdict) -> None:
        if verdict.effects & UNSEEN:
            self._note_unseen(verdict)
        self.effects |= verdict.effects
        self.unanswered_effects |= verdict.effects
        self.later_effects |= verdict.effects
        if verdict.effects & DISCARDS:
            self._note_discard()
        if verdict.effects & TRANSACTION:
            self.drew = -1
        if verdict.effects & COPIES:
            self.may_copy = True
        if verdict.effects & RENEWS:
            self.effects |= CATALOG
            self._shapes.renew()
        if verdict.effects & MAKES == CATALOG:
            self.unseen = self.unseen if self.effects & UNSEEN else []  # no statement is to blame
            self.effects |= UNSEEN
        if verdict.settings:
            self.settings.update(verdict.settings)
        if verdict.effects & READING_EFFECTS:
            self._doubt_reading(verdict)

    def _note_discard(self) -> None:
        """What is sent behind a DISCARD ALL holds after it; behind a second one, who knows."""
        if not self.discards:
            self.later_effects = 0
        self.discards += 1

    def discarded(self) -> None:
        """A DISCARD ALL has succeeded."""
        self.hears_itself = False
        if self.effects & CATALOG:
            self._shapes.renew()
        self.effects = self.later_effects
        self.discards -= 1

    def catalog_settles(self, *, transaction_is_over: bool) -> None:
        """DDL was answered: what is parsed from now on, by anybody, is looked at anew.

        Until its transaction ends it may be taken back, or become true for others.
        """
        self._shapes.renew()
        if transaction_is_over:
            self.effects &= ~CATALOG

    def note_executed(self, statements: "Iterable[SqlStatement]") -> None:
        """One of these, prepared by SQL before, may have been executed."""
        for statement in statements:
            verdict = self._judge(statement.text.encode())
            if verdict.effects & UNSEEN:
                self._note_unseen(verdict)
            self.effects |= verdict.effects & ~PREPARED
            self.settings.update(verdict.settings)

    def _note_unseen(self, verdict: Verdict) -> None:
        if not self.effects & UNSEEN:  # the first one of a lease
            self.unseen = []
        if len(self.unseen) < UNSEEN_MAX and verdict not in self.unseen:
            self.unseen.append(verdict)

    def _doubt_reading(self, verdict: Verdict) -> None:
        """How texts are to be read may change; what is sent meanwhile is not read (A12)."""
        if verdict.effects & UNSEEN_EFFECTS or (
            self.settings and not TEXT_SETTINGS.isdisjoint(self.settings)
        ):
            self.encoding = UNCERTAIN

    def _is_unread(self, exchange: Exchange) -> bool:
        """Whether how texts are to be read will be known when everything is answered (A12)."""
        if self.encoding is not UNCERTAIN:
            return False
        if exchange.outstanding():
            return not exchange.copy_in
        if not exchange.unit_open:  # reported just before ReadyForQuery
            self.encoding = exchange.parameters.get("client_encoding", "UTF8")
            strings = exchange.parameters.get("standard_conforming_strings", "on")
            self.standard_strings = strings == "on"
        return False

    def _state_objection(self, verdict: Verdict, text: bytes, exchange: Exchange) -> bytes | None:
        """The error that answers a text instead of the server; b"": it may run; None: wait."""
        effects = verdict.effects
        if not effects & self.asked:
            return b""
        allowance = self._allowance
        if exchange.outstanding() and not exchange.copy_in and allowance.is_timely(effects):
            return None
        drawn = self.drew
        drew = drawn >= 0 and (exchange.status == IN_TRANSACTION or drawn == exchange.segment)
        strangers_drew = self.strangers_drew
        return allowance.refusal(effects, text, drew=drew, strangers_drew=strangers_drew)

    def _verdict_of(self, statement: ClientStatement, parameters: bytes) -> Verdict:
        """The verdict on a prepared statement with the parameters of a Bind."""
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        if not verdict.effects & BOUND:
            return verdict
        bound = bound_verdict(verdict, statement.types, parameters)
        if bound is None:
            raise MalformedRequest("Bind", "it ends too early")
        return bound

    def _note_bound(
        self,
        portal: bytes,
        statement: ClientStatement | None,
        verdict: Verdict | None,
        exchange: Exchange,
    ) -> None:
        """Notes a Bind: its statement may run from now on."""
        if verdict is not None:
            if verdict.effects:
                self._note_verdict(verdict)
            if verdict.may_draw:
                self._note_drawing(verdict, exchange)
        self._note_portal(portal, statement, verdict)

    def _note_drawing(self, verdict: Verdict, exchange: Exchange) -> None:
        """Values of sequences may be there, for currval and lastval to show."""
        exchange.drawn = True
        if verdict.draws:
            self.drew = exchange.segment

    def _note_portal(
        self, portal: bytes, statement: ClientStatement | None, verdict: Verdict | None
    ) -> None:
        """Remembers which portals hold a text that is taken apart when they are executed."""
        deallocating = self._deallocating
        if (
            statement is not None
            and verdict is not None
            and (verdict.effects & self.apart or self.changes_channels)
        ):
            if len(deallocating) >= DEALLOCATING_MAX:
                deallocating.clear()
            deallocating[portal + b"\x00"] = statement.text
            return
        if deallocating:
            deallocating.pop(portal + b"\x00", None)

    def _deallocation(self, text: bytes, exchange: Exchange) -> PendingDeallocation | None:
        """Prepares for a text that may drop statements; None if it names none of ours.

        In a failed transaction it fails whatever it names.
        """
        self.may_forget = True
        if self._judge(text).single != DEALLOCATES or exchange.status == FAILED_STATUS:
            return None
        name = deallocated_name(text)
        return self._give_name(exchange, name) if name and name in self.statements else None

    # Channels --------------------------------------------------------------------------------

    def _objection(self, verdict: Verdict, text: bytes, exchange: Exchange) -> bytes | None:
        """What a text that listens, or may commit a LISTEN, waits for.

        None: see `exchange.held`. An error: it takes the place of the text. b"": nothing.

        The connection that hears for all clients must hear the channels before the LISTEN commits,
        and what was notified before must have come from it. In a failed block it fails
        and need not wait, unless something in front of it may end the block: in its text, or sent
        and not answered.
        """
        if not self._needs_hearing(verdict):
            return b""
        ends = verdict.effects & MAY_COMMIT or exchange.outstanding()
        if exchange.status == FAILED_STATUS and not ends:
            return b""
        if self.channels_heard:
            self.channels_heard = False
            return b""
        refused = self.channels_refused
        if refused:
            self.channels_refused = b""
            return refused
        steps = channel_steps(text, standard_strings=self.standard_strings)
        wanted = [step.name for step in steps if step.kind == LISTEN]
        if self.subscriptions is None:
            self.subscriptions = exchange.subscriptions = Subscriptions()
            self.apart |= NOTIFIES
        if self.subscriptions.wanted(wanted) > CHANNELS_MAX:
            return error_response(TooManyChannels(allowed=CHANNELS_MAX))
        self.channels_wanted = wanted
        exchange.held = HELD_FOR_CHANNELS
        return None

    def _needs_hearing(self, verdict: Verdict) -> bool:
        if self.hears_itself:
            return False
        if verdict.effects & LISTENS:
            return True
        if self.subscriptions is None:
            return False
        decides = self.changes_channels and verdict.effects & MAY_COMMIT
        return bool(decides or verdict.effects & NOTIFIES)

    def _steps(
        self, verdict: Verdict, text: bytes, before: ClientStatement | None
    ) -> PendingSteps | None:
        """Its statements, one by one, if they may change what is listened to."""
        if self.subscriptions is None:
            return None
        if verdict.effects & CHANGES_CHANNELS:
            self.changes_channels = True
        if not self.changes_channels:
            return None
        steps = channel_steps(text, standard_strings=self.standard_strings)
        return PendingSteps(self.subscriptions, steps, self.statements, before)

    def stop_listening(self) -> None:
        """It listens to nothing any more."""
        self.subscriptions = None
        self.apart &= ~NOTIFIES | TAKEN_APART

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
        if not name and not statement.settled and statement.segment != exchange.segment:
            return True
        return exchange.may_keep_closed()

    def _no_room_for(self, name: bytes, text: bytes) -> bytes:
        """The error that answers a Parse of this name; b"" if it may be."""
        statements = self.statements
        if name in statements:
            return error(b"42P05", b'prepared statement "%b" already exists' % name)
        full = len(statements) >= self.statements_max
        if not full and len(text) > LARGE_TEXT_BYTES:
            held = sum([len(statement.text) for statement in statements.values()])
            full = held + len(text) > STATEMENT_BYTES_MAX
        return error(b"53000", b"too many prepared statements on this connection") if full else b""

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

    def _server_name(self, exchange: Exchange, name: bytes) -> bytes | None:
        """What the client's statement is called here; None: refused; may set `exchange.held`."""
        statement = self.statements.get(name)
        if not name:
            return b"" if self._renew_unnamed(exchange, statement) else None
        if statement is None:
            return b"%b?" % name if exchange.statements.is_ours(name) else name
        shape = self._shape_of(statement)
        if shape.stale:
            self._refuse(exchange, STALE_PLAN)
            return None
        known = exchange.statements.find(shape)
        if known is None:
            known = self._prepare(exchange, shape, shape.fixed_types())
            exchange.expect(PARSE_SILENT, known)
        elif known.checked or statement.prepared is known:
            return known.name
        if self._tells_what_it_returns(statement):
            self._describe_silently(exchange, statement, known.name)
        return known.name

    def _tells_what_it_returns(self, statement: ClientStatement) -> bool:
        """EXECUTE and FETCH return what another statement says when they run."""
        verdict: Verdict = statement.verdict  # type: ignore[assignment]
        return verdict.single != EXECUTES and verdict.single != FETCHES

    def _shape_of(self, statement: ClientStatement) -> Shape:
        """The statement under the client's present state; what it promised stays promised."""
        shape = statement.shape
        if shape.parse_key is not self.parse_key and not shape.stale:
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
        if shape.stale:
            shape.stale = False  # next time we look again
            self._refuse(exchange, STALE_PLAN)
            return False
        if exchange.statements.unnamed is statement:
            return True
        exchange.statements.unnamed = statement
        told = shape.description is not None
        types = shape.fixed_types() if told else statement.types
        exchange.to_server.append(message(b"P", b"\x00%b\x00%b" % (statement.text, types)))
        exchange.expect(PARSE_SILENT)
        if told:
            self._describe_silently(exchange, statement, b"")
        return True

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

    def _refuse(self, exchange: Exchange, answer: bytes) -> None:
        """Makes the server fail here, and the client read `answer` instead of its error."""
        exchange.to_server.append(message(b"P", b"\x00%b\x00\x00\x00" % SYNTAX_THAT_FAILS))
        exchange.statements.unnamed = None
        exchange.expect(REFUSED, answer)
