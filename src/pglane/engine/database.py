"""One PostgreSQL database in the engine: carries out what its lease desk decides.

The desk (pure) says who gets what; here it is done. Opening is told in `opening`, what happens
between two clients in `handover`, what a client hears of a lost server connection in `loss`.
"""

from typing import TYPE_CHECKING

from pglane.config.limits import Limits, limit_of
from pglane.connection.riding import AcceptedStates
from pglane.connection.traffic import Traffic
from pglane.doors.decisions import Close, Decision, Grant, Open, Recall, Reject
from pglane.doors.lane_plan import lane_plan
from pglane.doors.lease import LeaseDesk
from pglane.doors.session_state import SessionStatePolicy
from pglane.engine import hearing
from pglane.engine.dismissal import role_is_gone
from pglane.engine.doubted import doubt_at_end, unsettle
from pglane.engine.give_back import note_leases, take_back, takes_back
from pglane.engine.handover import abandoned
from pglane.engine.lane_origin import origin_of
from pglane.engine.listening import Listening
from pglane.engine.loss import tell_loss
from pglane.engine.opening import Opening
from pglane.engine.pipeline import Pipelines, Serving
from pglane.engine.server_link import CLOSE_S_MAX, TERMINATE, LeaseHolder, ServerLink
from pglane.engine.standstills import Standstills
from pglane.engine.waiting import Notices, Refusals
from pglane.engine.watch import Watch
from pglane.engine.welcome import told_as
from pglane.pool.ledger import SlotState
from pglane.scheduler.placing import LanePlacing
from pglane.scheduler.request import Request
from pglane.scheduler.tree import NEVER
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pglane.config.settings import Settings
    from pglane.connection.settings import Vector
    from pglane.engine.client_connection import ClientConnection
    from pglane.engine.client_link import ClientLink
    from pglane.engine.loop import Timer
    from pglane.engine.welcome import Welcome
    from pglane.engine.worker import Worker
    from pglane.errors import Refusal
    from pglane.pool.ledger import Slot
    from pglane.scheduler.matching import WishRefused

_NEVER: float = NEVER
LEFT = Request(None, None, "", None, None)
"""In place of the lease of a client that left: without it the two would hold each other."""
_LEFT: Request = LEFT
CUSTOM_NAMES_MAX = 64
"""Remembered names of custom settings; those that come later count for their own client only."""
PREPARES = int(
    Effect.PREPARED
    | Effect.DEALLOCATE
    | Effect.DEALLOCATE_ALL
    | Effect.OPAQUE
    | Effect.UNSEEN
    | Effect.UNKNOWN
)
"""Effects after which it is not known what is prepared by SQL."""
WELCOMES_MAX = 1_000
"""Remembered welcomes; beyond it the table starts anew."""
LIMITS_MAX = 10_000
"""Roles and doors whose limits are kept; beyond it they are made for each client anew."""


class Database(Serving):
    """Everything about one database.

    Attributes:
        name: of the database at the server.
        desk: who has and who waits.
        placing: to which lanes clients belong.
        reads_tags: comments of clients may say a lane.
        vacating: nobody is in it and it may be about to be dropped: no server connection is kept
            until a client comes.
        session_state: what clients of the transaction door may leave behind.
        welcomes: what a new client is told, by what that depends on (`told_as`).
        welcomes_kept: how often that table was changed.
        accepted: states that its server connections took: they need not be confirmed again.
        pipelines: whose reads are behind others' on one server connection.
        watch: what the monitor says about it.
        custom_names: custom settings that some client made: no view of PostgreSQL lists them.
        traffic: what passed through.
        takes_back: some lane may ask for a lease.
        notices_due: when somebody who waits is told why; `NEVER`: nobody is.
        asks_sequences: a text, or something in its catalogs, asks for a sequence's last value.
        disabled: no new client is let in until ENABLE.
        forgotten: nobody used it, and the worker has it no more.
        reconnects: how often all server connections were to be replaced.
    """

    def __init__(self, worker: "Worker", name: str) -> None:
        Serving.__init__(self)
        settings = worker.settings
        self.worker = worker
        self.loop = worker.loop
        self.entrance = worker.entrance
        self.cancel_keys = worker.cancel_keys
        self.name = name
        plan = lane_plan(settings, name)
        budget = self._own("budget", settings)
        self.desk: LeaseDesk = LeaseDesk(budget, settings.opening_max, plan)
        self.placing = LanePlacing(self.desk.queue, plan.matching)
        self.reads_tags = plan.matching.reads_tags
        self.desk.rotated = settings.rotate
        self.welcomes: dict[tuple[str, Vector], Welcome] = {}
        self.welcomes_kept = 0
        self.accepted = AcceptedStates()
        self.custom_names: dict[str, None] = {}
        self.traffic: Traffic = Traffic()
        self.vacating = False
        self.disabled = False
        self.forgotten = False
        self.reconnects = 0
        self._limits: dict[tuple[str, str], Limits] = {}
        self._server_idle_s = self._own("server_idle_ms_max", settings) / 1000
        self._tick_timer: Timer | None = None
        self._armed = NEVER  # when the timer is due
        self.takes_back = takes_back(self)
        self.notices_due = _NEVER
        self.notices = Notices(self)
        self.standstills = Standstills(self)
        self.refusals = Refusals(self)
        self.opening = Opening(self)
        self.pipelines = Pipelines(self, settings.pipeline_depth)
        self.watch: Watch = Watch(self)
        self.listening = Listening(self)
        self.session_state: SessionStatePolicy = SessionStatePolicy(
            lambda: worker.door_address("session"), worker.log_login_refusal, self.note_sequences
        )
        self.asks_sequences = False
        self.note_sequences()
        self._apply_session_state(settings)
        self._pending: list[Decision] = []
        self._performing = False

    def _apply_session_state(self, settings: "Settings") -> None:
        self.session_state.apply(
            settings.transaction_session_state,
            settings.pinned_max,
            self._own("budget", settings),
        )

    def _own(self, key: str, settings: "Settings") -> int:
        return int(limit_of(settings, key, database=self.name).value)

    def lifetime_s(self) -> float:
        """How old a server connection may be."""
        return self._own("server_lifetime_ms_max", self.worker.settings) / 1000

    def limits_for(self, user: str, door: str) -> Limits:
        """The limits in time of a role at a door; changed in place when settings change."""
        known = self._limits.get((user, door))
        if known is None:
            known = Limits(self.worker.settings, user=user, database=self.name, door=door)
            if len(self._limits) < LIMITS_MAX:
                self._limits[user, door] = known
        return known

    # Lanes ---------------------------------------------------------------------------------

    def enter_lane(self, client: "ClientConnection") -> "WishRefused | None":
        """The next lease of a client belongs where its origin and its wish say; see `placing`.

        What it holds or waits for now stays where it is. Where a tag is not granted, what it
        wished for otherwise counts.
        """
        client.lease = client.another_lease()
        origin = origin_of(client)
        tagged = client.lane_tagged
        if tagged and self.placing.enter(client.lease, origin, tagged) is None:
            return None
        return self.placing.enter(client.lease, origin, client.lane_wished)

    def was_never_used(self) -> bool:
        """Whether nobody was ever given a server connection, and none is being opened."""
        ledger, queue = self.desk.ledger, self.desk.queue
        return not self.traffic.leases and not ledger.used and queue.is_empty()

    def forget(self) -> None:
        """The worker has it no more: nothing calls it any more, or it would stay until then."""
        self.forgotten = True
        timer = self._tick_timer
        if timer is not None:
            timer.cancel()
        self.pipelines.stop()
        self.notices.end()

    def part(self, client: "LeaseHolder") -> None:
        """The client goes."""
        self.placing.part(client.lease)
        client.lease = _LEFT

    # Waiting -------------------------------------------------------------------------------

    def wait(self, client: "ClientLink") -> None:
        """The client found nothing free."""
        client.request = lease = client.lease
        lease.patience_s = client.limits.wait_s
        now = self.loop.now
        if not self.desk.lines_up(lease, now):
            self.perform(self.desk.arrived(lease, now))
        self.arm_tick()
        if lease.stamp is not None:
            self.standstills.begin()
        due = (lease.arrived + lease.deadline) / 2
        if due < self.notices_due:
            self.notices_due = due
            self.notices.begin(due)

    def arm_tick(self) -> None:
        """Wakes the desk when it has something to do without being told of anything."""
        due = self.desk.next_deadline(self.loop.now)
        if due >= self._armed:
            return
        timer = self._tick_timer
        if timer is not None:
            timer.cancel()
        self._armed = due
        self._tick_timer = self.worker.loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._tick_timer = None
        self._armed = _NEVER
        if self.takes_back:
            note_leases(self)
        self.perform(self.desk.tick(self.loop.now))
        self.arm_tick()

    def perform(self, decisions: "list[Decision]") -> None:
        """Carries decisions out, in order; those that fall meanwhile come behind them.

        So a crowd of requests that all fail is a loop and not a recursion. What fails costs the
        client it was for.
        """
        pending = self._pending
        pending += decisions
        if self._performing:
            return
        self._performing = True
        while pending:
            decision = pending.pop(0)
            try:
                self._carry_out(decision)
            except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
                self._failed(decision, error)
        self._performing = False

    def _pass_on(self, request: Request, slot: "Slot") -> None:
        """A grant that nothing else was decided with: the path of a busy budget."""
        client: LeaseHolder = request.client  # type: ignore[assignment]
        self._performing = True
        try:
            client.granted(slot.link)  # type: ignore[arg-type]
            self.pipelines.feed(slot.link)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 -- it costs one connection, not the worker
            self._failed(Grant(request, slot), error)
        self._performing = False
        if self._pending:
            self.perform([])

    def _grant(self, grant: Grant) -> None:
        client: LeaseHolder = grant.request.client  # type: ignore[assignment]
        if client.request is grant.request:
            client.granted(grant.slot.link)  # type: ignore[arg-type]
            self.pipelines.feed(grant.slot.link)  # type: ignore[arg-type]
            return
        # It left, or cancelled, between the decision and now.
        link: ServerLink = grant.slot.link  # type: ignore[assignment]
        if link.raw:
            self.close(link)
        else:
            self.release(link)

    def _carry_out(self, decision: "Decision") -> None:
        match decision:
            case Open(slot, request):
                self.opening.begin(slot, request)
            case Close(slot):
                self._close_link(slot.link)  # type: ignore[arg-type]
            case Reject(request):
                self.refusals.tell(request)
            case Grant():
                self._grant(decision)
            case Recall(lease):
                take_back(self, lease)

    def _failed(self, decision: "Decision", error: Exception) -> None:
        """An error of ours: it must neither keep a slot nor let anybody wait."""
        self.worker.failed(error)
        try:
            match decision:
                case Grant(request, slot):
                    self._take_back(request, slot)
                case Open(slot, request):
                    self.opening.failed(slot, request, "an internal error", None)
                case Reject(request):
                    request.client.transport.fail()  # type: ignore[attr-defined]
                case Close(slot):
                    slot.link.transport.fail()  # type: ignore[attr-defined]
                case Recall(lease):
                    lease.client.transport.fail()  # type: ignore[attr-defined]
        except Exception as another:  # noqa: BLE001 -- whoever waits must not pay for it
            self.worker.failed(another)

    def _take_back(self, request: Request, slot: "Slot") -> None:
        """Ends the client and the server connection of a grant that failed."""
        link: ServerLink = slot.link  # type: ignore[assignment]
        link.suspect = True
        try:
            request.client.transport.fail()  # type: ignore[attr-defined]
        finally:
            if link.client is None or link.client is request.client:
                link.unlease()
                self.close(link)

    def cancel_waiting(self, client: "ClientLink", refusal: "Refusal") -> None:
        """The client cancelled a request that waits."""
        if client.request is not None:
            self.withdraw(client)
            client.rejected(refusal)

    def withdraw(self, client: "LeaseHolder") -> None:
        """What it asked for does not wait any more.

        It may have been refused already, and not been told yet: that finds nobody then.
        """
        if client.follows is not None:
            self.pipelines.drop(client)
        request = client.request
        client.request = None
        if request is not None:
            self.perform(self.desk.leave(request, self.loop.now))

    def keep_welcome(self, user: str, settings: "Vector", welcome: "Welcome") -> None:
        """What clients with the same role and settings are told from now on.

        Where it is not what was told before, those who are here are told with their next lease.
        """
        if len(self.welcomes) >= WELCOMES_MAX:
            self.welcomes.clear()
        key = told_as(self.worker.vectors, user, settings)
        known = self.welcomes.get(key)
        if known is not None and known.parameters != welcome.parameters:
            unsettle(self)
        self.welcomes[key] = welcome
        self.welcomes_kept += 1

    def note_custom_names(self, names: "Iterable[str]") -> None:
        """These exist; a function may set them where no text shows it."""
        for name in names:
            if "." in name and len(self.custom_names) < CUSTOM_NAMES_MAX:
                self.custom_names[name] = None

    def note_sequences(self) -> None:
        """Looks anew whether anybody could see what others drew from sequences."""
        self.asks_sequences = self.session_state.asked or self.watch.sight.names.asks

    # Leases --------------------------------------------------------------------------------

    def release(self, server: ServerLink) -> None:
        """A clean server connection goes to whoever is next."""
        if server.followers:
            self.pipelines.next_turn(server)
            return
        now = self.loop.now
        if server.exchange.outstanding():  # reads that are nobody's: then it is abandoned
            self.desk.cleaning(server.slot, now)
            self.pipelines.bound(server)
            return
        if server.suspect or server.exchange.mixed or now >= server.expires or self.draining:
            self.close(server)
            return
        if self.paused:
            self.close(server)
            return
        if self.desk.rests(server.slot, now):
            return
        request = None if self._performing else self.desk.pass_on(server.slot, now)
        if request is not None:
            self._pass_on(request, server.slot)
            if self.desk.queue.refused:
                self.perform(self.desk.rejections(now))
            return
        decisions = self.desk.released(server.slot, now)
        if decisions:
            self.perform(decisions)

    # Clients that leave --------------------------------------------------------------------

    def client_left(self, client: "ClientLink", polite: bool) -> None:
        """Puts in order what a client leaves behind."""
        self.entrance.client_gone(client)
        server = client.server
        if client.follows is not None:
            self.pipelines.drop(client)
        elif server is not None:
            self.pipelines.fall_back(server)
        self.withdraw(client)
        self.part(client)
        requests = client.requests
        if requests.subscriptions is not None:
            hearing.left(client, server)
        if server is not None:
            client.server = None
            self._left_behind(client, server, polite=polite)

    def _left_behind(self, client: "ClientLink", server: ServerLink, *, polite: bool) -> None:
        """A server connection whose client left it as it is."""
        server.unlease()
        if server.raw:
            self.close(server)
            return
        server.must_discard = (
            server.must_discard
            or client.pinned
            or not client.door.REWRITES_NAMES
            or client.requests.effects & PREPARES != 0
        )
        server.dirty = server.dirty or server.must_discard or client.requests.effects != 0
        exchange = server.exchange
        if client.requests.reader.stream_left:
            self.close(server)
            return
        cancel = not polite and exchange.executes_unanswered()
        exchange.abandon()
        if exchange.drops():
            self.pipelines.bound(server)
        server.flush()
        if exchange.outstanding() == 0:
            abandoned(server)
        elif cancel:
            self.worker.cancel_request(server, lambda: None)
        if server.transport.paused:
            server.transport.resume()

    def abandoned(self, server: ServerLink) -> None:
        """A server connection that nobody holds has nothing outstanding any more."""
        abandoned(server)

    # Endings -------------------------------------------------------------------------------

    def close(self, server: ServerLink) -> None:
        """Ends a server connection; its slot is used until its backend is gone."""
        if server.closing:
            return
        self.pipelines.fall_back(server)
        decisions = self.desk.closing(server.slot, self.loop.now)
        self._close_link(server)
        self.perform(decisions)

    def _close_link(self, server: ServerLink) -> None:
        if server.closing:
            return
        server.closing = True
        if server.exchange.outstanding() or server.raw:
            self.worker.cancel_server(server)
        server.transport.resume()
        if not server.raw:
            server.transport.write(TERMINATE)
        server.transport.flush()
        server.transport.shut_writing()
        self.worker.loop.call_later(CLOSE_S_MAX, lambda: self._give_up(server))

    def _give_up(self, server: ServerLink) -> None:
        """The server keeps its end open; what more there is to do, it must do itself."""
        if not server.transport.ended:
            server.transport.abort()
            self.ended(server, "the server did not close its end")

    def role_is_gone(self, server: ServerLink) -> None:
        """The role that it logged in as was dropped: it and those like it are replaced."""
        role_is_gone(server)

    def lost(self, server: ServerLink, reason: str) -> None:
        """The server said that this connection ends, or made no sense."""
        tell_loss(server, reason)
        doubt_at_end(self, server.exchange.ending)
        self.close(server)

    def ended(self, server: ServerLink, reason: str) -> None:
        """The server's end is closed: its backend is gone."""
        self.pipelines.fall_back(server)
        if not server.closing:
            server.closing = True
            tell_loss(server, reason)
            doubt_at_end(self, server.exchange.ending)
        server.free_cancels(strike=False)
        self.listening.servers.pop(server.process_id, None)
        self.perform(self.desk.gone(server.slot, self.loop.now))
        self.arm_tick()

    def keep_house(self, now: float) -> None:
        """Idle too long or too old: closed."""
        self.listening.keep_house(now)
        self.watch.keep_house()
        self.desk.queue.drop_removed()
        for slot in self.desk.ledger.in_state(SlotState.IDLE):
            link: ServerLink = slot.link  # type: ignore[assignment]
            if now - slot.since > self._server_idle_s or now >= link.expires or self.vacating:
                self.close(link)

    def apply(self, settings: "Settings") -> None:
        """The settings changed."""
        self._server_idle_s = self._own("server_idle_ms_max", settings) / 1000
        for limits in self._limits.values():
            limits.apply(settings)
        self.desk.rotated = settings.rotate
        self._apply_session_state(settings)
        plan, now = lane_plan(settings, self.name), self.loop.now
        budget = self._own("budget", settings)
        decisions = self.desk.resize(budget, settings.opening_max, now, plan)
        self.takes_back = takes_back(self)
        self.pipelines.apply(settings.pipeline_depth)
        self.placing.adopt(plan.matching)
        self.reads_tags = plan.matching.reads_tags
        for client in list(self.worker.clients.values()):
            if client.database is self:
                client.lane_tagged = ""
                self.enter_lane(client)
        self.perform(decisions)
        self.arm_tick()

    def close_idle(self) -> None:
        """The worker drains: what nobody uses goes, and what is released."""
        self.draining = True
        self._close_unused()

    def vacate(self) -> None:
        """No client is in it: on private connections, no server process would be either."""
        self.vacating = True
        self._close_unused()

    def _close_unused(self) -> None:
        for slot in self.desk.ledger.in_state(SlotState.IDLE):
            self.close(slot.link)  # type: ignore[arg-type]

    def stop(self) -> None:
        """The worker stops: everything is told to end."""
        self.opening.stop()
        self.listening.stop()
        for slot in self.desk.ledger:
            if isinstance(slot.link, ServerLink) and not slot.link.closing:
                self.close(slot.link)
