"""What clients share that sent the same startup packet at the same door.

An application that connects for each transaction sends the same packet each time. Its database,
its settings as interned vectors, and what they are for the pool are worked out for the first, and
are here for all others.
"""

from typing import TYPE_CHECKING, Any

from pglane.connection.requests import ClientRequests, client_requests
from pglane.connection.startup_settings import LANE, WORK
from pglane.doors import transaction
from pglane.doors.lane_wishes import wished_lane
from pglane.doors.need import Need, need_of
from pglane.engine.welcome import Welcome, told_as

if TYPE_CHECKING:
    from types import ModuleType

    from pglane.connection.settings import Vectors
    from pglane.connection.user_list import Greeting
    from pglane.doors.session_state import SessionStatePolicy
    from pglane.engine.database import Database
    from pglane.engine.worker import Worker
    from pglane.scheduler.placing import Place


SHARED = frozenset({"application_name", LANE, WORK})
"""Settings of clients that no server connection of the transaction door is opened with."""


class Admission:
    """One way in.

    Attributes:
        user: the role.
        door: where it came in.
        startup: the startup packet.
        long_keys: whether the clients can take a cancel key of more than 4 bytes.
        database: which they are in.
        settings: the vector of the settings that they ask for.
        session_state: the policy for what they leave behind; None: anything.
        lasting: effects behind which their leases do not simply end.
        virtual: names of their statements are rewritten.
        limits: in time, for them.
        keeps_keys: they show keys that their server connections need.
        lane_wished: the lane that they ask for; "": none.
        place: where their leases belong, where that does not depend on anything else.
        work: the name of the work that they belong to; "": of none.
        role: what PostgreSQL says of the role; None: it was not asked.
        unread_bytes_max: of what they do not read.
    """

    __slots__ = (
        "_base",
        "_fresh",
        "_generation",
        "_message_bytes_max",
        "_shapes",
        "_statements_max",
        "_told_as",
        "_told_of",
        "_vectors",
        "_verdicts",
        "_welcome",
        "database",
        "door",
        "keeps_keys",
        "lane_wished",
        "lasting",
        "limits",
        "long_keys",
        "place",
        "role",
        "session_state",
        "settings",
        "startup",
        "unread_bytes_max",
        "user",
        "virtual",
        "work",
    )

    def __init__(
        self, worker: "Worker", door: "ModuleType", greeting: "Greeting", database: "Database"
    ) -> None:
        wanted: Any = greeting.wanted()
        vectors = worker.vectors
        self.user = greeting.user
        self.role = greeting.role
        self.door = door
        self.startup = greeting.startup
        self.long_keys = greeting.negotiation.long_keys
        self.database = database
        self.limits = database.limits_for(greeting.user, door.NAME)
        self.settings = vectors.of(wanted.settings)
        self._told_as = told_as(vectors, self.user, self.settings)
        self._welcome: Welcome | None = None
        self._told_of = 0  # of `welcomes_kept`, when it was looked for
        self.lane_wished = wished_lane(self.settings.items, self.settings.items)
        self.work = self.settings.items.get(WORK, "")
        self.place: Place | None = None
        self.session_state: SessionStatePolicy | None = (
            database.session_state if door is transaction else None
        )
        self.keeps_keys = worker.lacks_password(greeting.user)
        self.unread_bytes_max = worker.settings.unread_bytes_max
        self.lasting = int(door.LASTING)
        self.virtual = bool(door.REWRITES_NAMES)
        self._base = (
            self.settings if door.EXACT_BASE else vectors.of(shared_base(self.settings.items))
        )
        self._fresh = door.NAME == "direct"
        self._vectors: Vectors = vectors
        self._generation = vectors.generation
        self._verdicts = database.watch.verdicts
        self._shapes = worker.shapes
        self._message_bytes_max = worker.settings.statement_bytes_max
        self._statements_max = worker.settings.statements_per_client_max

    def is_current(self) -> bool:
        """Whether others get the same vectors for the same settings still, and the database."""
        return self._generation == self._vectors.generation and not self.database.forgotten

    def need(self) -> Need:
        """What a server connection for a client must be like."""
        return need_of(self.settings, self._base, True, self._fresh)

    def welcome(self) -> Welcome | None:
        """What clients are told when they come in; None: the database does not know it now."""
        database = self.database
        if self._told_of != database.welcomes_kept:
            self._told_of = database.welcomes_kept
            self._welcome = database.welcomes.get(self._told_as)
        return self._welcome

    def requests(self) -> ClientRequests:
        """For the messages of a client."""
        return client_requests(
            self._verdicts,
            self._shapes,
            self.virtual,
            self._message_bytes_max,
            self._statements_max,
        )


def shared_base(startup: dict[str, str]) -> dict[str, str]:
    """What a server connection of the transaction door is opened with for a client.

    RESET goes back to what the connection was opened with, so that must be what the client asked
    for. Two would keep connections apart that are meant for all: application_name, which drivers
    fill with process ids, and the lane and the work. RESET of these gives the server's default
    (docs/reference/differences.md).
    """
    return {name: value for name, value in startup.items() if name not in SHARED}
