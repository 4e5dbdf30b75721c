"""Opening server connections for one database: addresses, dial, login, failures.

A server's refusal that time does not heal (a wrong password, a database that is not there) is
told at once to everybody who needs the same. Everything else (too many connections, starting up,
out of memory, no answer) is waited out: openings are tried again within the requests' own
deadlines.
"""

from typing import TYPE_CHECKING

from pglane.connection.prepared_statements import ServerStatements
from pglane.engine import failover
from pglane.engine.server_link import ServerLink
from pglane.engine.welcome import Welcome
from pglane.errors.server import AT_28, AT_28P01, ServerRefusesRole
from pglane.pool.ledger import Slot, SlotState
from pglane.wire.server_messages import ErrorResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pglane.doors.need import Need
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.dialer import Address, Dial
    from pglane.engine.transport import Transport
    from pglane.scheduler.request import Request

UNKNOWN_PARAMETER = (b"42704", b"22023")
UNDEFINED_FILE = b"58P01"
"""A library that is not there: any client may ask for one (`local_preload_libraries`)."""
CANNOT_CONNECT_NOW = b"57P03"
TOO_MANY = b"53300"
OF_THE_ROLE = b"InitializeSessionUserId"
"""The routine of PostgreSQL that says it of one role's connections; messages are translated."""
LOGIN_CLASS = b"28"
WRONG_PASSWORD = b"28P01"
OURS = b"(PGL"
"""In a DETAIL: it is our own refusal of what PostgreSQL asked for."""
LASTING_CLASSES = (b"08", b"0A", b"22", b"28", b"3D", b"42", b"55")
"""Classes of SQLSTATE that a login gives for reasons time does not heal; 08 is 08P01, our
protocol refused.

Not among them: 53 (too many connections), 57 (starting up, shutting down), 58 and XX (the system).
"""


class Opening:
    """The server connections of one database that are being opened."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._worker = database.worker
        self._dials: dict[Slot, Dial] = {}
        self._stopped = False

    def begin(self, slot: Slot, request: "Request") -> None:
        """Opens a server connection in `slot` for what `request` needs."""
        self._worker.with_addresses(lambda found, error: self._dial(slot, request, found, error))

    def _generation(self) -> int:
        """Changes whenever server connections that were opened before are to be replaced."""
        return self._database.watch.generation + self._database.reconnects

    def stop(self) -> None:
        """Nothing is opened any more."""
        self._stopped = True
        for dial in list(self._dials.values()):
            dial.abandon()
        self._dials.clear()

    def _dial(
        self, slot: Slot, request: "Request", found: "Sequence[Address]", error: str
    ) -> None:
        if self._stopped:
            return
        if not found:
            self.failed(slot, request, error or "the host name has no address", None)
            return
        client: ClientLink = request.client  # type: ignore[assignment]
        begun = self._generation()
        dial = self._worker.dial(
            self._database,
            client,
            found,
            lambda dial, transport: self._opened(slot, request, dial, transport, begun),
            lambda _, reason, refusal: self.failed(slot, request, reason, refusal),
        )
        self._dials[slot] = dial
        dial.begin()

    def _opened(
        self,
        slot: Slot,
        request: "Request",
        dial: "Dial",
        transport: "Transport",
        begun: int,
    ) -> None:
        del self._dials[slot]
        database = self._database
        link = self._link(slot, dial, transport)
        client: ClientLink = request.client  # type: ignore[assignment]
        login = dial.login
        assert login is not None
        self._worker.logged_in(slot.user, login)
        if client.need.fresh:
            self._opened_fresh(link, request, client, login.rest)
            return
        stale = begun != self._generation()
        link.suspect = stale or link.process_id in database.watch.roleless
        if not link.suspect:
            database.accepted.add(slot.user, link.base)
            database.keep_welcome(
                slot.user, link.base, Welcome(dict(login.parameters), link.harmless)
            )
        database.watch.begin(slot.user)
        if database.paused:
            database.close(link)
        else:
            database.perform(database.desk.opened(slot, database.loop.now))

    def _link(self, slot: Slot, dial: "Dial", transport: "Transport") -> ServerLink:
        worker = self._worker
        login = dial.login
        assert login is not None
        settings = worker.settings
        statements = ServerStatements(worker.statement_prefix, settings.statements_per_server_max)
        number = worker.next_number()
        link = ServerLink(
            self._database, slot, transport, login, statements, str(dial.address), number
        )
        slot.link = link
        transport.set_owner(link)
        link.dialled = dial.address
        self._database.listening.servers[link.process_id] = link
        lifetime_s = self._database.lifetime_s()
        link.expires = worker.loop.now + lifetime_s * (0.75 + 0.5 * worker.random())
        return link

    def _opened_fresh(
        self, link: ServerLink, request: "Request", client: "ClientLink", rest: bytes
    ) -> None:
        """A server connection of the client's own (direct door)."""
        database = self._database
        link.raw = True
        if client.is_gone():
            database.close(link)
            return
        database.perform(database.desk.opened_for(link.slot, request, database.loop.now))
        if rest:
            link.on_data(rest)

    def failed(
        self, slot: Slot, request: "Request", reason: str, error: ErrorResponse | None
    ) -> None:
        """It could not be opened; `error` is what the server said, if it said anything."""
        self._dials.pop(slot, None)
        worker, database = self._worker, self._database
        if (
            error is not None
            and worker.check_interval
            and is_about_interval(error)
            and not _speaks_of_interval(request.client)  # type: ignore[arg-type]
        ):
            worker.check_interval = False
            self.begin(slot, request)
            return
        now = database.loop.now
        error = told_of(error, slot.user) if error is not None else None
        if error is not None and (is_denied(error) or self._goes_on(slot, request, error)):
            if is_about_login(error):
                worker.forget_keys(slot.user)
            if not database.desk.denial(slot.user, now):
                self._tell(slot, reason, error)
            database.perform(database.desk.opening_denied(slot, reason, now))
            database.arm_tick()
            return
        self._tell(slot, reason, error)
        if error is not None and error.get("C") == CANNOT_CONNECT_NOW:
            failover.refuses(worker)
        if error is not None and is_lasting(error):
            worker.forget_keys(slot.user)
            self._refuse_all_like(request, error)
            # The server is well: what one asks for in vain makes nobody else wait.
            decisions = database.desk.gone(slot, now)
        else:
            decisions = database.desk.opening_failed(slot, reason, worker.random(), now)
            database.desk.full = error is not None and error.get("C") == TOO_MANY
        database.perform(decisions)
        database.arm_tick()

    def _goes_on(self, slot: Slot, request: "Request", error: ErrorResponse) -> bool:
        """Whether PostgreSQL refuses the role's login, and connections of before serve it.

        So it is while a password is rotated: who waits gets the next of them that is free.
        """
        need: Need = request.need  # type: ignore[assignment]
        if not is_about_login(error) or need.fresh:
            return False
        return any(
            other.user == slot.user and need.accepts(other.base) and _comes_free(other)
            for other in self._database.desk.ledger
        )

    def _tell(self, slot: Slot, reason: str, error: ErrorResponse | None = None) -> None:
        database = self._database
        found = {} if error is None else {"detail": error.get("D"), "hint": error.get("H")}
        more = {name: text.decode(errors="replace") for name, text in found.items() if text}
        self._worker.log(
            "warning",
            "server_connection_failed",
            f"no server connection for user {slot.user}, database {database.name}: {reason}",
            user=slot.user,
            database=database.name,
            **more,
        )

    def _refuse_all_like(self, request: "Request", error: ErrorResponse) -> None:
        """The server refused this role or its settings: whoever needs the same hears the same."""
        desk = self._database.desk
        need = request.need
        for waiting in desk.queue:
            same = waiting.user == request.user and waiting.need.base is need.base  # type: ignore[attr-defined]
            if same and (waiting is request or not need.fresh):  # type: ignore[attr-defined]
                desk.drop(waiting, self._database.loop.now)
                client: ClientLink = waiting.client  # type: ignore[assignment]
                client.request = None
                client.end_with(error.encode())


def is_about_interval(error: ErrorResponse) -> bool:
    """An old server does not know the setting with which it would notice a vanished client."""
    return error.get("C") in UNKNOWN_PARAMETER and b"check_interval" in (error.get("M") or b"")


def is_denied(error: ErrorResponse) -> bool:
    """Whether the role has as many connections as it may have, and others may have more."""
    return error.get("C") == TOO_MANY and error.get("R") == OF_THE_ROLE


def is_about_login(error: ErrorResponse) -> bool:
    """Whether the server does not let this role in: its password, pg_hba.conf, NOLOGIN."""
    return (error.get("C") or b"")[:2] == LOGIN_CLASS


def _comes_free(slot: Slot) -> bool:
    """Whether it serves one transaction after the other: no session keeps it."""
    link = slot.link
    if slot.state not in (SlotState.IDLE, SlotState.LEASED) or not isinstance(link, ServerLink):
        return False
    return not link.raw and (link.client is None or link.client.door.NAME == "transaction")


def told_of(error: ErrorResponse, user: str) -> ErrorResponse:
    """The same; where it refuses a login, with whose login that was, and what to do.

    A client whose own password was right must not be left to look for a mistake in it.
    """
    detail = error.get("D") or b""
    if not is_about_login(error) or OURS in detail:
        return error
    remedy = AT_28P01 if error.get("C") == WRONG_PASSWORD else AT_28
    refusal = ServerRefusesRole(user=user, remedy=remedy)
    more = {
        "D": b" ".join(filter(None, (detail, refusal.detail_text.encode()))),
        "H": error.get("H") or refusal.hint_text.encode(),
    }
    kept = tuple((code, value) for code, value in error.fields if code not in more)
    return ErrorResponse(kept + tuple(more.items()))


def _speaks_of_interval(client: "ClientLink") -> bool:
    """Whether the server's words may be about what the client itself asked for."""
    asked = client.login_startup.encode().lower()
    return b"check_interval" in asked.replace(b"\\", b"").replace(b"-", b"_")


def is_lasting(error: ErrorResponse) -> bool:
    """Whether trying again would give the same."""
    code = error.get("C") or b""
    return code[:2] in LASTING_CLASSES or code == UNDEFINED_FILE
