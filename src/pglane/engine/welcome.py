"""What a client is told behind its login: the settings that hold for it; and when they change.

Clients of one role that ask for the same settings are told the same: the messages are made once.
When defaults change, those that are connected get the new values with their next lease, and are
told then: their drivers read values by what is reported, and so does our scanner texts.
"""

from typing import TYPE_CHECKING

from pglane.engine.origins import REPORTED
from pglane.wire.server_messages import parameter_status, ready_for_query

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink


class Welcome:
    """Reported settings.

    Attributes:
        parameters: by the server's spelling.
        encoded: as ParameterStatus messages.
        encoding: client_encoding.
        standard_strings: standard_conforming_strings.
        harmless: the role is known to be no superuser.
    """

    __slots__ = ("encoded", "encoding", "harmless", "parameters", "standard_strings")

    def __init__(self, parameters: dict[str, str]) -> None:
        self.parameters = parameters
        encoding = parameters.get("client_encoding", "UTF8")
        self.encoding = "UTF8" if encoding == "UTF8" else encoding  # as an `Exchange` has it
        self.standard_strings = parameters.get("standard_conforming_strings", "on") == "on"
        self.harmless = parameters.get(REPORTED) == "off"
        self.encoded = b"".join(
            [
                parameter_status(
                    name.encode("utf-8", "surrogateescape"),
                    value.encode("utf-8", "surrogateescape"),
                )
                for name, value in parameters.items()
            ]
        )

    def message(self, process_id: int, key: bytes) -> bytes:
        """All of it, with the key of one client's (BackendKeyData), and that it may begin."""
        head = SHORT_KEY if len(key) == SHORT_KEY_BYTES else _key_head(len(key))
        return b"".join([self.encoded, head, process_id.to_bytes(4, "big"), key, READY_IDLE])


def tell_defaults(client: "ClientLink", server: "ServerLink") -> None:
    """What is reported otherwise than the client was told, and is not its own setting.

    A server connection whose defaults are the old ones is used once more at most: what it reports
    does not settle anything.
    """
    reported, own = server.exchange.parameters, client.vector.items
    changed = {
        name: value
        for name, value in reported.items()
        if client.told.get(name) != value and name.lower() not in own
    }
    if changed:
        if changed.get(REPORTED, "off") != "off" and not may_be_superuser(client, "on"):
            return
        client.told = client.told | changed
        client.transport.write(Welcome(changed).encoded)
    client.settled = client.rewrites and not server.suspect
    client.parameters_changed(server.exchange)


def may_be_superuser(client: "ClientLink", reported: str | None) -> bool:
    """Refuses a client whose role is a superuser, or may be one, if it may not be that here."""
    origins = client.database.worker.entrance.origins
    return origins.may_be_superuser(client, reported)


def _key_head(key_bytes: int) -> bytes:
    return b"K" + (8 + key_bytes).to_bytes(4, "big")


SHORT_KEY_BYTES = 4
SHORT_KEY = _key_head(SHORT_KEY_BYTES)
READY_IDLE = ready_for_query(b"I")
