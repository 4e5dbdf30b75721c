# cython: boundscheck=False, wraparound=False
"""What a client listens to, as far as its requests go.

A client of a door that lends server connections hears through one connection that listens for all
(`subscriptions.py`): its LISTEN waits until that one hears the channel, and a NOTIFY of a client
that listens is followed step by step.
"""

from pglane.connection.channel_steps import LISTEN, channel_steps
from pglane.connection.client_effects import CHANNELS, TAKEN_APART
from pglane.connection.client_names import ClientNames
from pglane.connection.exchange import FAILED_STATUS, HELD_FOR_CHANNELS, Exchange
from pglane.connection.expectations import PendingSteps
from pglane.connection.prepared_statements import ClientStatement
from pglane.connection.subscriptions import CHANNELS_MAX, Subscriptions
from pglane.errors.notifications import TooManyChannels
from pglane.wire.server_messages import error_response
from pglane.wire.statements import Effect, Verdict

NOTIFIES = int(Effect.NOTIFY | Effect.OPAQUE | Effect.EXECUTES | Effect.UNKNOWN)
LISTENS = int(Effect.LISTEN)
CHANGES_CHANNELS = CHANNELS | int(Effect.DISCARD_ALL)
MAY_COMMIT = int(Effect.TRANSACTION | Effect.OPAQUE | Effect.UNKNOWN)


class ClientChannels(ClientNames):
    """The channels of one client.

    Attributes:
        subscriptions: what it listens to; None if it never did.
        channels_wanted: what must be listened to before its next message is sent; may be nothing.
        channels_heard: what was wanted is so; the next message may be sent.
        channels_refused: the error if it cannot be.
    """

    __slots__ = (
        "channels_heard",
        "channels_refused",
        "channels_wanted",
        "subscriptions",
    )

    def _hear_nothing(self) -> None:
        """Begins; see `_note_nothing`."""
        self.subscriptions: Subscriptions | None = None
        self.channels_wanted: list[bytes] | None = None
        self.channels_heard = False
        self.channels_refused = b""

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
        ends = verdict.effects & MAY_COMMIT or exchange.outstanding() or exchange.unit_open
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
