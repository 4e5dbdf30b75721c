"""What a client of the transaction door may not leave behind, and what is done about it.

Two policies, by the setting `transaction.session_state`. `refuse`: a text that leaves something
that cannot be moved to another server connection is answered with an error before it runs; the
error names what was seen and where it works. `pin`: the client keeps its server connection from
then on, as many clients at once as may (`pinned_max`, and one server connection is left for the
others where there is more than one).

A sequence's last value (currval, lastval) is known only where it was drawn: within one
transaction. Outside of one neither policy helps, for it is drawn by statements that need no
pinning; so it is refused under both. Inside of one, what others drew before on the same server
connection must not show: where anybody asks for such values, or code in the database does, they
are discarded at the beginning of a lease. Nobody else pays for that; the first one who asks may be
refused once.

`KINDS` is the whole list. A row that goes is a kind that works from then on; nothing else knows
of it.
"""

from collections.abc import Callable
from typing import Any

from pglane.connection.allowance import Allowance
from pglane.errors import Refusal
from pglane.errors.stateful import (
    DblinkRefused,
    HoldCursorRefused,
    LoadRefused,
    PinnedMaxReached,
    SeedRefused,
    SequenceOfOthers,
    SequenceReadRefused,
    SessionLockRefused,
    SettingRefused,
    StatementNotUnderstood,
    TemporaryRefused,
)
from pglane.wire.server_messages import error_response
from pglane.wire.statement_witness import witness
from pglane.wire.statements import Effect

DOOR = "transaction"
REFUSE = "refuse"
PIN = "pin"

KINDS: tuple[tuple[Effect, type[Refusal], str], ...] = (
    (Effect.ADVISORY, SessionLockRefused, "advisory lock"),
    (Effect.TEMP, TemporaryRefused, "temporary table"),
    (Effect.HOLD, HoldCursorRefused, "cursor WITH HOLD"),
    (Effect.LOAD, LoadRefused, "LOAD"),
    (Effect.SETTING_UNKNOWN, SettingRefused, "unknown setting"),
    (Effect.SEED, SeedRefused, "seed"),
    (Effect.DBLINK, DblinkRefused, "dblink"),
    (Effect.UNKNOWN, StatementNotUnderstood, "unknown statement"),
)
"""What stays on a server connection: effect, how it is refused, how a pinned client is shown."""
SEQUENCE_READ = int(Effect.SEQUENCE_READ)
SEQUENCE_TOLD = int(Effect.SEQUENCE_TOLD)
SETTING_BOUND = int(Effect.SETTING_BOUND)
"""Known at the Bind, whose verdict has other effects in its place."""
IMMOVABLE = sum(int(effect) for effect, _, _ in KINDS)
LASTING = int(Effect.LOAD | Effect.SEED | Effect.DBLINK | Effect.UNKNOWN) & IMMOVABLE
"""What not even DISCARD ALL takes away: with its client the server connection ends."""
ASKED = IMMOVABLE | SEQUENCE_READ | SEQUENCE_TOLD | SETTING_BOUND

_ASKED: int = ASKED  # compiled, that is a C integer


class SessionStatePolicy:
    """The policy for all clients of one database, and how many of them are pinned.

    Attributes:
        pins: clients are pinned, not refused.
        limit: how many may be pinned at once.
        pinned: how many are.
        refused: how many texts were refused so far.
        asked: a client's text asked for the last value of a sequence.
        report: told of each refusal, with the client's address and user.
        session_door: gives host:port of the session door, "" if it is not open.
    """

    __slots__ = (
        "_when_asked", "asked", "limit", "pinned", "pins", "refused", "report", "session_door",
    )  # fmt: skip

    def __init__(
        self,
        session_door: Callable[[], str],
        report: Callable[[Any, str, Refusal], None],
        when_asked: Callable[[], None] = lambda: None,
    ) -> None:
        self.report = report
        self._when_asked = when_asked
        self.pins = False
        self.limit = 0
        self.pinned = 0
        self.refused = 0
        self.asked = False
        self.session_door = session_door

    def is_asked(self) -> None:
        """A text asked for the last value of a sequence; whoever wants to know is told once."""
        if not self.asked:
            self.asked = True
            self._when_asked()

    def apply(self, session_state: str, pinned_max: int, budget: int) -> None:
        """The settings from now on; who is pinned stays pinned."""
        self.pins = session_state == PIN
        self.limit = min(pinned_max, max(budget - 1, 1))


class ClientSessionState(Allowance):
    """One client of the door.

    Attributes:
        pinned_by: `Effect` bits of what was allowed to it; 0 while it is not pinned.
    """

    __slots__ = ("_peer", "_policy", "_user", "pinned_by")

    def __init__(self, policy: SessionStatePolicy, peer: object, user: str) -> None:
        self._set_up(policy, peer, user)

    def _set_up(self, policy: SessionStatePolicy, peer: object, user: str) -> None:
        self._policy = policy
        self._peer = peer
        self._user = user
        self.pinned_by = 0

    def asked(self) -> int:
        """The `Effect` bits for which `refusal` must be asked."""
        return _ASKED

    def is_timely(self, effects: int) -> bool:
        """Whether the answer depends on what was answered before."""
        return bool(effects & SEQUENCE_READ)

    def standing_refusal(self, effects: int, text: bytes) -> bytes:
        """The error that answers a text that may never run, whenever that would be."""
        if effects & SEQUENCE_TOLD:
            self._policy.is_asked()
        if effects & IMMOVABLE and not self._policy.pins and not self.pinned_by:
            return self._refuse(effects, text)
        return b""

    def refusal(self, effects: int, text: bytes, *, drew: bool, strangers_drew: bool) -> bytes:
        """The error that answers a text with these effects; b"": it may run."""
        policy = self._policy
        if effects & SEQUENCE_TOLD:
            policy.is_asked()
        if effects & SEQUENCE_READ and not drew:
            return self._answer(SequenceReadRefused, Effect.SEQUENCE_READ, text)
        if effects & SEQUENCE_TOLD and strangers_drew:
            return self._answer(SequenceOfOthers, Effect.SEQUENCE_TOLD, text)
        if not effects & IMMOVABLE:
            return b""
        if not self.pinned_by:
            if not policy.pins:
                return self._refuse(effects, text)
            if policy.pinned >= policy.limit:
                effect = next(each for each, _, _ in KINDS if effects & each)
                return self._answer(PinnedMaxReached, effect, text)
            policy.pinned += 1
        self.pinned_by |= effects & IMMOVABLE
        return b""

    def has(self, effects: int) -> None:
        """It left what no text showed: it is pinned, over the limit if need be."""
        found = effects & IMMOVABLE
        if found and not self.pinned_by:
            self._policy.pinned += 1
        self.pinned_by |= found

    def release(self) -> None:
        """What pinned it is gone, or it is itself."""
        if self.pinned_by:
            self.pinned_by = 0
            self._policy.pinned -= 1

    def outlasts_cleaning(self) -> bool:
        """Whether its server connection can be given to nobody after it."""
        return bool(self.pinned_by & LASTING)

    def reasons(self) -> str:
        """Why it is pinned, for people."""
        return ", ".join(name for effect, _, name in KINDS if self.pinned_by & effect)

    def _refuse(self, effects: int, text: bytes) -> bytes:
        effect, refusal = next((each, kind) for each, kind, _ in KINDS if effects & each)
        return self._answer(refusal, effect, text)

    def _answer(self, kind: type[Refusal], effect: Effect, text: bytes) -> bytes:
        policy = self._policy
        refusal = kind(
            door=DOOR,
            seen=witness(text, effect),
            session=policy.session_door() or "not open here",
            pinned=policy.pinned,
            limit=policy.limit,
        )
        policy.refused += 1
        policy.report(self._peer, self._user, refusal)
        return error_response(refusal)


def client_session_state(
    policy: SessionStatePolicy, peer: object, user: str
) -> ClientSessionState:
    """One, made without what it costs to call a class."""
    made = ClientSessionState.__new__(ClientSessionState)
    made._set_up(policy, peer, user)
    return made
