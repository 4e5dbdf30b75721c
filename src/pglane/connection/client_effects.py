# cython: boundscheck=False, wraparound=False
"""What a client's texts may have done to the session, as far as they and the scanner tell.

Notes are made when a text is sent on, or bound, not when it is answered: what failed counts too,
so nothing is ever taken for more harmless than it is. A door may object to an effect
(`Allowance`); what it says depends on what the session has seen, so it is asked for each text.
"""

from typing import TYPE_CHECKING

from pglane.connection.allowance import Allowance
from pglane.connection.exchange import IN_TRANSACTION, Exchange
from pglane.connection.prepared_statements import ClientStatement, Shapes
from pglane.connection.request_messages import MalformedRequest
from pglane.wire.bound_settings import bound_verdict, custom_names_bound
from pglane.wire.statements import Effect, Kind, Verdict, VerdictCache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pglane.connection.sql_statements import SqlStatement

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
MOVING_EFFECTS = UNSEEN_EFFECTS | int(Effect.SETTING | Effect.UNSEEN | Effect.UNKNOWN)
"""May change what is found by a name, or how a constant is read."""
REREADING_EFFECTS = int(
    Effect.SETTING_UNKNOWN
    | Effect.SETTING_LISTED
    | Effect.RESET_ALL
    | Effect.DISCARD_ALL
    | Effect.OPAQUE
    | Effect.EXECUTES
    | Effect.UNSEEN
    | Effect.UNKNOWN
)
"""May change how a constant is read without naming the setting (`Verdict.rereads`)."""
UNCERTAIN = "not known until the server reports it"
"""No encoding has this name: texts sent meanwhile are not read, but count as everything (A12)."""
ALL_ALLOWED = Allowance()
FORGETS = int(Effect.DEALLOCATE | Effect.DEALLOCATE_ALL | Effect.DISCARD_ALL | Effect.UNKNOWN)
PREPARED = int(Effect.PREPARED)
DISCARDS = int(Effect.DISCARD_ALL)
CATALOG = int(Effect.CATALOG)
RENEWS = int(Effect.CATALOG | Effect.OPAQUE | Effect.UNKNOWN)
"""May change what names and types mean."""
MAKES = int(Effect.CATALOG | Effect.DATABASE)
"""Of CATALOG without DATABASE: what is made may be temporary without a word in the text, where a
value that no text shows says so in search_path."""
CHANNELS = int(Effect.LISTEN | Effect.UNLISTEN)
TAKEN_APART = FORGETS | CHANNELS
WRITES = int(
    Effect.CATALOG
    | Effect.DATABASE
    | Effect.TEMP
    | Effect.NOTIFY
    | Effect.LARGE_OBJECT
    | Effect.OPAQUE
    | Effect.EXECUTES
    | Effect.UNSEEN
    | Effect.UNKNOWN
)
"""May change data, what names mean, or what others hear."""
UNSEEN = int(Effect.UNSEEN)
UNSEEN_MAX = 16
"""Statements of one lease that may be named as having left something."""
UNPROVED = int(Effect.UNSEEN | Effect.OPAQUE)
NAMED_MAX = 32
"""Candidates for names of custom settings, of one lease."""
TRANSACTION = int(Effect.TRANSACTION)
ENDS_BLOCKS = int(Effect.TRANSACTION | Effect.UNKNOWN)
COPIES = int(Effect.COPY | Effect.UNKNOWN)
DEALLOCATING_MAX = 64
"""Portals of a DEALLOCATE or the like that are bound and not executed."""

# Compiled, these are C integers that Python code cannot see: to test them costs no object.
_ALL_ALLOWED: Allowance = ALL_ALLOWED
_CATALOG: int = CATALOG
_COPIES: int = COPIES
_DISCARDS: int = DISCARDS
_ENDS_BLOCKS: int = ENDS_BLOCKS
_BEGINS: int = int(Kind.BEGIN)
_MAKES: int = MAKES
_MOVING_EFFECTS: int = MOVING_EFFECTS
_READING_EFFECTS: int = READING_EFFECTS
_REREADING_EFFECTS: int = REREADING_EFFECTS
_RENEWS: int = RENEWS
_TRANSACTION: int = TRANSACTION
_UNSEEN: int = UNSEEN
_UNPROVED: int = UNPROVED
_UNSEEN_EFFECTS: int = UNSEEN_EFFECTS
_WRITES: int = WRITES

# What most clients have; nothing is put into these.
_NONE_UNSEEN: "list[Verdict]" = []
_NO_SETTINGS: set[str] = set()
_NO_PORTALS: dict[bytes, bytes] = {}


class ClientEffects:
    """What one client's texts may have done since its lease began.

    Attributes:
        effects: session effects of what was forwarded since the lease began (`Effect` bits).
        unanswered_effects: the same since everything was last answered; `TRANSACTION` stays as
            long as a portal that ends a block may still be executed, or was in an open unit.
        later_effects: the same since a DISCARD ALL was sent.
        discards: DISCARD ALL sent since the lease began and not known to have succeeded.
        unseen: some verdicts of what was forwarded in this lease and has effects no text shows.
        settings: names of settings touched since the lease began.
        named: what may be names of custom settings that functions set, since then.
        encoding: its client_encoding as the server reports it, or UNCERTAIN.
        standard_strings: its standard_conforming_strings.
        drew: the exchange's segment in which a value of a sequence may have been drawn last, since
            the lease or a transaction began; -1 if none was.
        strangers_drew: others may have drawn values here before the lease began.
        asked: effects of texts that run only if `_allowance` does not object.
        may_copy: something sent since the server was last idle may be COPY FROM STDIN.
        apart: effects of texts that are not sent on as they are.
        changes_channels: a LISTEN or UNLISTEN was sent since the lease began.
        may_end: a statement that may end a transaction block was bound; its portal may be there.
        makes_code: DDL was sent of which the monitor is to read what it made, before anything is
            proved.
        wrote: something that may change more than the session was sent since the lease began.
        hears_itself: it keeps its server connection, and hears what comes there.
        rereads: what is parsed from now on in this lease may be read otherwise than `parse_key` of
            the client says.
        moves: settings may have changed in this lease, so that names mean something else.
    """

    __slots__ = (
        "_allowance",
        "_cache",
        "_deallocating",
        "_shapes",
        "apart",
        "asked",
        "changes_channels",
        "discards",
        "drew",
        "effects",
        "encoding",
        "hears_itself",
        "later_effects",
        "makes_code",
        "may_copy",
        "may_end",
        "moves",
        "named",
        "rereads",
        "settings",
        "standard_strings",
        "strangers_drew",
        "unanswered_effects",
        "unseen",
        "wrote",
    )

    def _note_nothing(self, cache: VerdictCache, shapes: Shapes) -> None:
        """Begins; no constructor, for a call of the base's is not C."""
        self.effects = 0
        self.unanswered_effects = 0
        self.later_effects = 0
        self.discards = 0
        self.unseen = _NONE_UNSEEN
        self.settings = _NO_SETTINGS
        self.named = _NO_SETTINGS
        self.encoding = "UTF8"
        self.standard_strings = True
        self.may_copy = False
        self.may_end = False
        self.apart = 0
        self.changes_channels = False
        self.hears_itself = False
        self.drew = -1
        self.makes_code = False
        self.moves = False
        self.rereads = False
        self.wrote = False
        self.strangers_drew = False
        self.asked = 0
        self._allowance = _ALL_ALLOWED
        self._deallocating = _NO_PORTALS
        self._cache = cache
        self._shapes = shapes

    def limit(self, allowance: Allowance) -> None:
        """What it may leave on its server connection, from now on."""
        self._allowance = allowance
        self.asked = allowance.asked()
        self.apart |= self.asked

    def answered(self, over: bool) -> None:
        """Everything sent is answered; `over`: no transaction is open and no unit either.

        Only then are portals gone: until then what was bound may end the block at any time, and
        in a unit without its Sync it may have done so without ReadyForQuery telling it (fact A7).
        """
        if over:
            self.may_end = False
        self.unanswered_effects = _TRANSACTION if self.may_end else 0

    def _judge(self, text: bytes) -> Verdict:
        return self._cache.lookup(text, self.encoding, self.standard_strings)

    def _note(self, statement: ClientStatement | None) -> None:
        if statement is not None:
            verdict: Verdict = statement.verdict  # type: ignore[assignment]
            if verdict.effects:
                self._note_runs(verdict)

    def _note_runs(self, verdict: Verdict) -> None:
        """A statement with effects is bound: it runs whenever its portal is executed."""
        self._note_verdict(verdict)
        if verdict.effects & _ENDS_BLOCKS and verdict.single != _BEGINS:
            self.may_end = True

    def _note_verdict(self, verdict: Verdict) -> None:
        effects = verdict.effects
        if effects & _UNSEEN:
            self._note_unseen(verdict)
        if effects & _UNPROVED and verdict.custom:
            self._note_named(verdict.custom)
        self.effects |= effects
        self.unanswered_effects |= effects
        self.later_effects |= effects
        if effects & _WRITES:
            self.wrote = True
        if effects & _DISCARDS:
            self._note_discard()
        if effects & _TRANSACTION:
            self.drew = -1
        if effects & _COPIES:
            self.may_copy = True
        if effects & _RENEWS:
            self.effects |= _CATALOG
            self._shapes.renew()
            if not verdict.passive:
                self.makes_code = True
        if effects & _MAKES == _CATALOG:
            self.doubt()
        if verdict.settings:
            self._note_settings(verdict.settings)
        if effects & (_READING_EFFECTS | _MOVING_EFFECTS):
            self._note_reading(verdict)

    def _note_reading(self, verdict: Verdict) -> None:
        """What is parsed behind it may not mean what it meant before."""
        effects = verdict.effects
        if effects & _READING_EFFECTS:
            self._doubt_reading(verdict)
        if effects & _MOVING_EFFECTS:
            self.moves = True
            if verdict.rereads or effects & _REREADING_EFFECTS:
                self.rereads = True

    def doubt(self) -> None:
        """The session is to be looked at before this lease ends, whatever its texts show."""
        if not self.effects & _UNSEEN:
            self.unseen = _NONE_UNSEEN  # no statement is to blame
        self.effects |= _UNSEEN

    def _note_discard(self) -> None:
        """What is sent behind a DISCARD ALL holds after it; behind a second one, who knows."""
        if not self.discards:
            self.later_effects = 0
        self.discards += 1

    def discarded(self) -> None:
        """A DISCARD ALL has succeeded."""
        self.hears_itself = False
        if self.effects & _CATALOG:
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

    def names_changed(self) -> None:
        """What DDL on its way was taken for may be something else now."""
        if self.effects & _CATALOG:
            self.makes_code = True

    def note_executed(self, statements: "Iterable[SqlStatement]") -> None:
        """One of these, prepared by SQL before, may have been executed."""
        for statement in statements:
            verdict = self._judge(statement.text.encode())
            if verdict.effects & _UNSEEN:
                self._note_unseen(verdict)
            self._note_named(verdict.custom)
            self.effects |= verdict.effects & ~PREPARED
            self._note_settings(verdict.settings)

    def _note_settings(self, names: tuple[str, ...]) -> None:
        """Copies nothing that is there: who sets thousands would have the worker do that."""
        if self.settings:
            self.settings.update(names)
        elif names:
            self.settings = set(names)

    def _note_named(self, names: tuple[str, ...]) -> None:
        """May be custom settings that an unproved statement sets; enough are remembered."""
        if not self.named:
            self.named = set()
        if len(self.named) < NAMED_MAX:
            self.named.update(names)

    def _note_parameters(self, parameters: bytes) -> None:
        """A parameter of an unproved statement may be the name of what a function sets."""
        names = custom_names_bound(parameters)
        if names:
            self._note_named(names)

    def _note_unseen(self, verdict: Verdict) -> None:
        if not self.effects & _UNSEEN or not self.unseen:  # the first one of a lease
            self.unseen = [verdict]
        elif len(self.unseen) < UNSEEN_MAX and verdict not in self.unseen:
            self.unseen.append(verdict)

    def _doubt_reading(self, verdict: Verdict) -> None:
        """How texts are to be read may change; what is sent meanwhile is not read (A12)."""
        if verdict.effects & _UNSEEN_EFFECTS or (
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
            self.encoding = exchange.encoding
            self.standard_strings = exchange.standard_strings
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

    def _bound_verdict(
        self, verdict: Verdict, statement: ClientStatement, parameters: bytes
    ) -> Verdict:
        """The verdict on a prepared statement to which the parameters of a Bind matter."""
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
                self._note_runs(verdict)
            if verdict.may_draw:
                self._note_drawing(verdict, exchange)
        self._note_portal(portal, statement, verdict)

    def _note_drawing(self, verdict: Verdict, exchange: Exchange) -> None:
        """Values of sequences may be there, for currval and lastval to show.

        A statement that may not draw any only reads, or has effects that say what it does.
        """
        exchange.drawn = True
        self.wrote = True
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
            if not deallocating or len(deallocating) >= DEALLOCATING_MAX:
                deallocating = self._deallocating = {}
            deallocating[portal + b"\x00"] = statement.text
            return
        if deallocating:
            deallocating.pop(portal + b"\x00", None)
