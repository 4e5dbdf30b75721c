"""Who holds server connections and what they do with them; who waits, and behind whom.

Everybody who is told why somebody waits is told from here: the client itself (`waiting`), the
console (SHOW HOLDERS, SHOW QUEUE), the metrics and the log. Made when asked for, from what a
transaction keeps anyway (`ClientLink.asked`): it costs those who do not ask nothing.

What a holder does is said in the words of pg_stat_activity, which people on call know. Through the
direct door bytes pass unread, so of its clients it is only known that they hold a connection.

Clients hear who of their own user holds one, and of others how many do what; the console is for
people who may know all, and so is what `admin_users` hear. A name is what a stranger chose: where
it becomes part of a text, it is cut, and what a terminal would obey is left out.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import FAILED_STATUS, IDLE_STATUS
from pglane.engine.server_link import ServerLink
from pglane.pool.ledger import SlotState

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.pool.ledger import Slot

HOLDERS_TOLD_MAX = 3
NAME_CHARACTERS_MAX = 63
"""What PostgreSQL keeps of a name."""
ACTIVE, IDLE, UNREAD = "active", "idle", "unread"
IDLE_IN_TRANSACTION = "idle in transaction"
IDLE_FAILED = "idle in transaction (aborted)"
DOING = (ACTIVE, IDLE_IN_TRANSACTION, IDLE_FAILED, IDLE, UNREAD)


class Holder:
    """One lease of this moment.

    Attributes:
        client: whose it is.
        server: the server connection.
        slot: its place.
        doing: one of `DOING`.
        since: from when on it does that.
    """

    __slots__ = ("client", "doing", "server", "since", "slot")

    def __init__(self, client: "ClientLink", server: ServerLink, slot: "Slot") -> None:
        self.client = client
        self.server = server
        self.slot = slot
        self.doing, self.since = _doing(client, server, slot)

    @property
    def application(self) -> str:
        """What the client calls itself."""
        return self.client.vector.items.get("application_name", "")

    @property
    def lane(self) -> str:
        """Whose place it has; "": none's."""
        lease = self.slot.lease
        return str(lease.lane.name) if lease is not None else ""  # type: ignore[attr-defined]

    @property
    def thinks(self) -> bool:
        """Whether it keeps a transaction open and asks nothing."""
        return self.doing in (IDLE_IN_TRANSACTION, IDLE_FAILED)


def _doing(client: "ClientLink", server: ServerLink, slot: "Slot") -> tuple[str, float]:
    if server.raw:
        return UNREAD, slot.since
    exchange = server.exchange
    if client.asked >= 0 or exchange.outstanding() or server.busy:
        return ACTIVE, max(client.asked, slot.since)
    since = max(quiet_since(client), slot.since)
    if exchange.status == IDLE_STATUS:
        return IDLE, since
    return (IDLE_FAILED if exchange.status == FAILED_STATUS else IDLE_IN_TRANSACTION), since


def quiet_since(client: "ClientLink") -> float:
    """When the last request was answered, or the first bytes of one came."""
    return client.asked if client.asked >= 0 else -1.0 - client.asked


def holders_of(database: "Database") -> list[Holder]:
    """Who holds a server connection of a database; who does nothing for longest comes first."""
    found = [
        Holder(slot.link.client, slot.link, slot)
        for slot in database.desk.ledger.in_state(SlotState.LEASED)
        if isinstance(slot.link, ServerLink) and slot.link.client is not None
    ]
    return sorted(found, key=lambda each: (each.doing == ACTIVE, each.since))


def youngest_s(database: "Database") -> float:
    """How long the latest of the leases of a database has lasted, in seconds; 0.0 without one."""
    leased = database.desk.ledger.in_state(SlotState.LEASED)
    return database.loop.now - leased[-1].since if leased else 0.0


def told(database: "Database", user: str | None = None) -> str:
    """Who holds the server connections: how many of each door do what; by name those of a user.

    Without a user, for people who may know all, those of each.
    """
    holders = holders_of(database)
    now = database.loop.now
    counts: dict[str, int] = {}
    for each in holders:
        counts[each.client.door.NAME] = counts.get(each.client.door.NAME, 0) + 1
    text = ", ".join(f"{door}: {count}" for door, count in counts.items()) or "none leased"
    thinking = [now - each.since for each in holders if each.thinks]
    if thinking:
        text += f"; {len(thinking)} idle in transaction, for up to {max(thinking):.1f} s"
    named = [each for each in holders if user is None or each.client.user == user]
    if named:
        names = ", ".join(_named(each, now) for each in named[:HOLDERS_TOLD_MAX])
        text += f"; {'of your user' if user is not None else 'first of them'}: {names}"
    return text


def _named(holder: Holder, now: float) -> str:
    name = holder.application[:NAME_CHARACTERS_MAX] or "without a name"
    name = "".join(each if each.isprintable() else "?" for each in name)
    text = f"{name} for {now - holder.slot.since:.1f} s in lane {holder.lane}"
    if holder.doing == ACTIVE:
        return text
    return f"{text} ({holder.doing} for {now - holder.since:.1f} s)"
