"""Clients whose proof is not looked at yet: they wait with their sockets unread.

Nothing a client of them does makes it shorter. One that goes away is noticed when its time has
come, and counts as a login until then: to leave early and come again is no way around.
"""

from typing import TYPE_CHECKING

from pglane.connection.client_login import Stage
from pglane.connection.failed_logins import FailedLogins, Noted
from pglane.engine.syscalls import peer_network, peer_text

if TYPE_CHECKING:
    from pglane.connection.client_login import ClientLogin
    from pglane.engine.login import LoginLink
    from pglane.engine.loop import Timer

IPV4_BYTES = 4
IPV4_LOOPBACK = 127
IPV6_LOOPBACK = bytes(8)
"""The network of ::1."""


def is_local(network: bytes) -> bool:
    """Whether it is this machine: a Unix socket, or loopback."""
    if len(network) == IPV4_BYTES:
        return network[0] == IPV4_LOOPBACK
    return not network or network == IPV6_LOOPBACK


class Waiting:
    """One client that waits.

    Attributes:
        began: when.
    """

    __slots__ = ("_data", "_link", "_login", "_timer", "began")

    def __init__(self, link: "LoginLink", login: "ClientLogin", data: bytes, until: float) -> None:
        self._link = link
        self._login = login
        self._data = data
        self.began = link.loop.now
        link.transport.pause()
        self._timer: Timer = link.loop.call_at(until, self._look)

    def _look(self) -> None:
        link = self._link
        until = link.failures.not_before(self._login.user, peer_network(link.peer))
        if until > link.loop.now:
            self._timer = link.loop.call_at(until, self._look)
            return
        link.transport.resume()
        link.look_at(self._data)

    def end(self) -> None:
        """Its login is over."""
        self._timer.cancel()


def held_back(link: "LoginLink", login: "ClientLogin", data: bytes) -> Waiting | None:
    """What this client sent is a proof that must wait; None: it need not."""
    if login.stage is not Stage.ASKED:
        login.holds_back = True
        return None
    now, network = link.loop.now, peer_network(link.peer)
    link.failures.forget(now)
    until = max(
        link.failures.not_before(login.user, network), now + link.failures.delay_s(network)
    )
    return Waiting(link, login, data, until) if until > now else None


def note_failure(failures: FailedLogins, link: "LoginLink", user: str) -> bool:
    """A proof was wrong; whether that is worth a line in the log of its own."""
    network = peer_network(link.peer)
    noted = failures.failed(user, network, local=is_local(network), now=link.loop.now)
    if noted.summary:
        _tell(link, user, noted)
    return noted.by_itself


def _tell(link: "LoginLink", user: str, noted: Noted) -> None:
    host = peer_text(link.peer).rpartition(":")[0] or "a Unix socket"
    shown = user[:64].encode("ascii", "backslashreplace").decode()
    whose = "of several users" if noted.whole_network else f"of user {shown}"
    link.worker.log(
        "warning",
        "failed_logins",
        f"{noted.summary} more failed logins {whose} from {host}: the next have to wait",
        user="" if noted.whole_network else shown,
        client=host,
        failures=noted.summary,
    )
