"""Where clients may come from, looked at when they have shown who they are.

Not before: to somebody without the password, a refusal by address would tell that the user exists.

Whether a role is a superuser PostgreSQL itself says (`is_superuser`, which it reports with each
login): no client is told that it is welcome before a server connection of its role was opened, or
has been. Where it does not say, as other servers may not, the role counts as one: who is neither
known to be harmless nor at a place for superusers is not let in.

A role that becomes a superuser is noticed by the monitor, as other defaults are: welcomes are made
anew then, and a client who is connected is told the new value with its next lease, and goes.
"""

from typing import TYPE_CHECKING

from pglane.config.limits import own_limits
from pglane.config.origins import ANY, Origins
from pglane.engine.syscalls import Peer, peer_text
from pglane.errors.entering import AddressNotAllowed, SuperuserNotHere

if TYPE_CHECKING:
    from pglane.config.settings import Settings
    from pglane.engine.client_link import ClientLink
    from pglane.errors import Refusal

REPORTED = "is_superuser"
SAYS_YES = "PostgreSQL says that the role is a superuser"
SAYS_NOTHING = "PostgreSQL does not say whether the role is a superuser"


class AllowedOrigins:
    """Who may come from where.

    Attributes:
        restricted: somebody may not come from everywhere.
    """

    def __init__(self, settings: "Settings") -> None:
        self._of_others = Origins(settings.allow_from)
        self._own = {
            name: Origins(limit.value) for (_, name), limit in own_limits(settings, "allow_from")
        }
        self._superusers = Origins(settings.superusers_from)
        self.restricted = bool(self._own) or ANY not in settings.allow_from

    def objection(self, user: str, peer: Peer) -> "Refusal | None":
        """Why a user may not come from there."""
        if self._own.get(user, self._of_others).have(host_of(peer)):
            return None
        return AddressNotAllowed(user=user, address=peer_text(peer))

    def may_be_superuser(self, client: "ClientLink", reported: str | None) -> bool:
        """Refuses a superuser, or somebody who may be one, who comes from elsewhere."""
        if self._superusers.have(host_of(client.peer)):
            return True
        client.refuse(
            SuperuserNotHere(
                user=client.user,
                address=peer_text(client.peer),
                seen=SAYS_NOTHING if reported is None else SAYS_YES,
                allowed=", ".join(self._superusers.words) or "nowhere",
            )
        )
        return False


def host_of(peer: Peer) -> str:
    """The address of a peer, or "unix"."""
    return peer_text(peer).rpartition(":")[0].strip("[]") or "unix"
