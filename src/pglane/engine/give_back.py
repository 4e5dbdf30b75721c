"""Takes leases back whose places are needed; which ones, `scheduler.give_back` says.

What runs is cancelled, as its client would cancel it, and told in words that name the lane; the
client stays. What has not ended a quarter of a second later, or only thinks in a transaction,
loses its server connection, and PostgreSQL rolls back. The place counts as used until the backend
is gone.

Who thinks stays connected, in a failed transaction (`connection.own_block`), and hears of it as
the answer to its next statement. Who has left something that a rollback does not undo, or is owed
an answer, is ended with what is true: that it was rolled back, or, where it may have been
committed, that this is not known (08007).

What a decision needs to know of a lease is looked up when one may be asked for (`note_leases`),
not kept from request to request: a database whose lanes take nothing back pays nothing.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.own_block import OwnBlock
from pglane.doors.transaction import LASTING
from pglane.engine.loss import outcome_is_unknown
from pglane.engine.server_link import ServerLink
from pglane.errors.server import OutcomeUnknown
from pglane.errors.waiting import LeaseCancelled, LeaseTakenBack, TransactionTakenBack
from pglane.pool.ledger import SlotState
from pglane.wire.server_messages import error_response
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.errors import Refusal
    from pglane.pool.ledger import Slot
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease

PATIENCE_S = 0.25
"""From a cancel to the end of the server connection."""
OUTLASTS_ROLLBACK = LASTING | int(Effect.EXECUTES | Effect.CATALOG)
"""After these more may be lost than a transaction, or be there that nobody has looked at yet."""


def takes_back(database: "Database") -> bool:
    """Whether any lane of the database may ask for a lease."""
    lanes = database.desk.queue.lanes.values()
    return any(lane.takes_back or lane.hold_s_max for lane in lanes)


def note_leases(database: "Database") -> None:
    """What those who hold a server connection do right now."""
    for slot in database.desk.ledger.in_state(SlotState.LEASED):
        link, lease = slot.link, slot.lease
        if lease is None or not isinstance(link, ServerLink) or link.client is None:
            continue
        running = link.exchange.outstanding() > 0 or link.raw
        lease.idle = not running and link.exchange.status != IDLE_STATUS  # type: ignore[attr-defined]
        client, requests = link.client, link.client.requests
        lease.reads_only = client.rewrites and not requests.wrote  # type: ignore[attr-defined]
        ends = requests.unanswered_effects & Effect.TRANSACTION
        lease.committing = bool(running and ends)  # type: ignore[attr-defined]


def take_back(database: "Database", lease: "Lease") -> None:
    """The place of the lease is needed."""
    slot = _slot_of(database, lease)
    if slot is None:
        return  # it ends already
    server: ServerLink = slot.link  # type: ignore[assignment]
    client = server.client
    if server.followers:
        database.pipelines.fall_back(server)
        return  # who follows gave it back; the head is asked if that is not enough
    if client is None:
        return
    if server.raw or not server.exchange.outstanding():
        _end(database, lease, client, server)
        return
    refusal = LeaseCancelled(**_told(database, lease))
    database.worker.log_refusal(client, refusal)
    exchange = server.exchange

    def over() -> None:
        if not exchange.outstanding():
            exchange.instead = b""

    if not server.busy or server.guarded:
        exchange.instead = error_response(refusal)
        database.worker.cancel_request(server, over)
    recalled = lease.recalled
    database.loop.call_later(PATIENCE_S, lambda: _insist(database, lease, recalled))


def _insist(database: "Database", lease: "Lease", recalled: float) -> None:
    """It was cancelled a while ago."""
    slot = _slot_of(database, lease)
    if slot is None or lease.recalled != recalled:
        database.arm_tick()  # its place may have gone to another than it was for
        return
    server: ServerLink = slot.link  # type: ignore[assignment]
    if server.client is not None:
        _end(database, lease, server.client, server)


def _slot_of(database: "Database", lease: "Lease") -> "Slot | None":
    for slot in database.desk.ledger.in_state(SlotState.LEASED):
        if slot.lease is lease and isinstance(slot.link, ServerLink) and not slot.link.closing:
            return slot
    return None


def _end(database: "Database", lease: "Lease", client: "ClientLink", server: ServerLink) -> None:
    """Ends the server connection; its client stays, or ends with what is true for it."""
    if _loses_a_transaction_only(client, server):
        _fail(database, lease, client, server)
        return
    refusal = LeaseTakenBack(**_told(database, lease))
    database.worker.log_refusal(client, refusal)
    told: Refusal = refusal
    if not server.raw and outcome_is_unknown(client, server):
        told = OutcomeUnknown(reason=refusal.text)
    client.end_without(server, error_response(told))
    database.close(server)


def _loses_a_transaction_only(client: "ClientLink", server: ServerLink) -> bool:
    """Whether all that goes with its server connection is a transaction that it thinks in."""
    exchange, requests = server.exchange, client.requests
    if not client.rewrites or client.pinned or client.dismissal is not None or server.busy:
        return False
    if exchange.status == IDLE_STATUS or not exchange.is_quiet() or exchange.unit_open:
        return False
    if requests.subscriptions is not None or requests.changes_channels:
        return False
    lasts = requests.effects & OUTLASTS_ROLLBACK or exchange.changed
    return not lasts and not requests.reader.stream_left


def _fail(database: "Database", lease: "Lease", client: "ClientLink", server: ServerLink) -> None:
    """The client is in a failed transaction from now on."""
    refusal = TransactionTakenBack(**_told(database, lease))
    database.worker.log_refusal(client, refusal)
    client.block = OwnBlock(b"")
    client.block.fail(error_response(refusal))
    client.unlease()
    database.close(server)
    client.want()  # what it is just sending


def _told(database: "Database", lease: "Lease") -> dict[str, object]:
    lane: Lane = lease.lane  # type: ignore[assignment]
    held_s = database.loop.now - lease.since
    if lane.hold_s_max and held_s >= lane.hold_s_max:
        rule = f"hold_ms_max of lane {lane.name} is {lane.hold_s_max * 1000:.0f}"
    else:
        owed = [one for one in database.desk.queue.lanes.values() if one.takes_back]
        rule = ", ".join(
            f"borrow_hold_ms of lane {one.name} is {one.policy.borrow_hold_s * 1000:.0f}"
            for one in owed
        )
    return {"lane": lane.name, "held_ms": held_s * 1000, "rule": rule}
