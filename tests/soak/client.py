"""What all clients of a soak have in common: connect, do units of work, note, again.

Every client has values of its own for settings, and a text of its own behind names that all
clients use; what it sees of somebody else's is noted as strange.
"""

import contextlib
import random
import signal
import threading
from collections.abc import Callable, Sequence

from tests.soak.told import Teller
from tests.support.target import Target

CANCELLED = "57014"
SHOWN = (
    "SELECT current_setting('work_mem'), current_setting('application_name'), "
    "coalesce(nullif(current_setting('soak.who', true), ''), '-'), "
    "current_setting('TimeZone'), current_setting('search_path'), "
    "current_user::text, coalesce(to_regclass('pg_temp.mine')::text, '-'), "
    "(SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
)
BREAKAGE = ("08", "57P", "53300", "58")
"""Beginnings of SQLSTATEs that faults may cause; any other error is wrong."""


class UnexpectedError(Exception):
    """An answer was not what it must be; the message says what was seen."""


class Client:
    """One client process.

    Args:
        target: the door and role it uses.
        teller: where it notes what it was told.
        number: its number among all that ever ran.
        rate: units of work a second.
    """

    units: Sequence[str] = ()
    errors: tuple[type[BaseException], ...] = (OSError,)

    def __init__(self, target: Target, teller: Teller, number: int, rate: float) -> None:
        self.target = target
        self.teller = teller
        self.number = number
        self.name = f"soak-{number}"
        self.work_mem = f"{4096 + number % 50000}kB"
        self.connected = False
        self.ready = False
        self._rate = rate
        self._random = random.Random(number)
        self._over = threading.Event()

    # -------------------------------------------------- what a driver fills in

    def connect(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def is_closed(self) -> bool:
        raise NotImplementedError

    def ask(self, sql: str) -> list[tuple]:
        """The rows of a statement outside a transaction."""
        raise NotImplementedError

    def state_of(self, error: BaseException) -> str | None:
        """The SQLSTATE that PostgreSQL or the gateway sent; None: nothing was sent."""
        raise NotImplementedError

    def in_transaction(self) -> bool:
        """Whether a failed unit left a transaction open."""
        return False

    def roll_back(self) -> None:
        """Ends it."""

    # ------------------------------------------------------------ the frame

    def run(self) -> None:
        """Until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        while not self._over.is_set():
            if self._attempt(self._connection, "connect"):
                unit = self._random.choice(self.units)
                self._attempt(getattr(self, unit), unit)
            self._over.wait(self._random.uniform(0.5, 1.5) / self._rate)
        self._attempt(self.close, "close")

    def _stop(self, *_: object) -> None:
        self._over.set()

    def _connection(self) -> None:
        """Connects unless it is, and makes its session what it is to be.

        What is refused in a live connection leaves that to the next attempt, on a new one.
        """
        if self.ready and not self.is_closed():
            return
        self._drop()
        self.connect()
        self.connected = True
        self.look(None)
        self.ask(f"SET work_mem = '{self.work_mem}'")
        self.ask(f"SET soak.who = '{self.name}'")
        if self.target.keeps_session:
            self.ask(f"CREATE TEMP TABLE mine AS SELECT {self.number} AS number")
            self.ask(f"SELECT pg_advisory_lock({self.number})::text")
        self.ready = True

    def _attempt(self, unit: Callable[[], None], name: str) -> bool:
        """One unit of work, and what was said when it failed."""
        try:
            unit()
        except UnexpectedError as wrong:
            self.teller.wrong(f"{self.target.door} {name}: {wrong}")
            self._failed("wrong")
        except self.errors as error:
            self._failed_by(error, name)
        else:
            if name in self.units:
                self.teller.done(name)
            return True
        return False

    def _failed_by(self, error: BaseException, name: str) -> None:
        state = self.state_of(error)
        if state == CANCELLED:
            self.teller.strange(f"{self.target.door} {name}: cancelled, but not by itself")
        elif state is not None and not state.startswith(BREAKAGE):
            self.teller.wrong(f"{self.target.door} {name}: {type(error).__name__} {state} {error}")
        self._failed(state)

    def _failed(self, state: str | None) -> None:
        self.teller.failed(state)
        if not self.connected:
            return
        try:
            if self.in_transaction() and not self.is_closed():
                self.roll_back()
                return
        except self.errors:
            pass
        else:
            if not self.is_closed() and state is not None:
                return
        self._drop()

    def _drop(self) -> None:
        """Leaves a connection that is broken or of which nothing is known."""
        self.ready = False
        if self.connected:
            with contextlib.suppress(*self.errors):
                self.close()
        self.connected = False

    # ------------------------------------------------------- units of them all

    def look(self, who: str | None = "me") -> None:
        """Everything that could be seen of others is as it must be."""
        keeps = self.target.keeps_session and who is not None
        expected = (
            self.work_mem if who else "4MB",
            self.name,
            self.name if who else "-",
            "UTC",
            '"$user", public',
            self.target.user,
            "mine" if keeps else "-",
            1 if keeps else 0,
        )
        seen = self.ask(SHOWN)
        if tuple(seen[0]) != _as_shown(expected):
            self.teller.strange(f"{self.target.door}: sees {seen[0]}, not {expected}")
        if keeps:
            self.expect(self.ask("SELECT number FROM mine"), [(self.number,)])

    def expect(self, seen: object, wanted: object) -> None:
        if seen != wanted:
            raise UnexpectedError(f"{str(seen)[:300]} instead of {str(wanted)[:300]}")


def _as_shown(expected: tuple) -> tuple:
    """PostgreSQL shows a memory setting in the largest unit that divides it."""
    amount = expected[0]
    if amount.endswith("kB") and int(amount[:-2]) % 1024 == 0:
        amount = f"{int(amount[:-2]) // 1024}MB"
    return (amount, *expected[1:])
