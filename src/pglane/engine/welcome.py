# cython: boundscheck=False, wraparound=False
# ruff: noqa: F821 -- the C name is declared in the .pxd
"""What a client is told behind its login: the settings that hold for it; and when they change.

Clients of one role that ask for the same settings are told the same: the messages are made once.
When defaults change, those that are connected get the new values with their next lease, and are
told then: their drivers read values by what is reported, and so does our scanner texts.
"""

from typing import TYPE_CHECKING

from pglane.connection.startup_settings import reported_part
from pglane.engine.origins import REPORTED
from pglane.wire.joining import joined
from pglane.wire.server_messages import parameter_status, ready_for_query

try:
    import cython  # type: ignore[import-untyped]
except ModuleNotFoundError:
    from pglane.wire import uncompiled as cython

if TYPE_CHECKING:
    from pglane.connection.settings import Vector, Vectors
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink


READY_IDLE = ready_for_query(b"I")
KEY_AT = 5
KEY_AND_READY = b"K\x00\x00\x00\x0c" + bytes(8) + READY_IDLE
"""BackendKeyData with a key of 4 bytes, and what follows it."""
_KEY_AT: int = KEY_AT
_KEY_AND_READY_BYTES: int = len(KEY_AND_READY)
if cython.compiled:
    for _at, _byte in enumerate(KEY_AND_READY):
        _key_and_ready[_at] = _byte  # type: ignore[name-defined]


class Welcome:
    """Reported settings.

    Attributes:
        parameters: by the server's spelling.
        encoded: as ParameterStatus messages.
        encoding: client_encoding.
        standard_strings: standard_conforming_strings.
        harmless: the role is known to be no superuser.
        doubted: it may not be true any more (`engine.doubted`).
    """

    __slots__ = ("doubted", "encoded", "encoding", "harmless", "parameters", "standard_strings")

    def __init__(self, parameters: dict[str, str], harmless: bool = False) -> None:
        self.parameters = parameters
        self.doubted = False
        encoding = parameters.get("client_encoding", "UTF8")
        self.encoding = "UTF8" if encoding == "UTF8" else encoding  # as an `Exchange` has it
        self.standard_strings = parameters.get("standard_conforming_strings", "on") == "on"
        self.harmless = harmless and parameters.get(REPORTED) == "off"
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
        size = len(key)
        if cython.compiled and size == 4:
            for at in range(4):
                _key_and_ready[_KEY_AT + at] = process_id >> (24 - 8 * at) & 0xFF  # type: ignore[name-defined]
                _key_and_ready[_KEY_AT + 4 + at] = key[at]  # type: ignore[name-defined]
            return joined(self.encoded, _key_and_ready[:_KEY_AND_READY_BYTES])  # type: ignore[name-defined]
        head = b"K" + (8 + size).to_bytes(4, "big")
        return b"".join([self.encoded, head, process_id.to_bytes(4, "big"), key, READY_IDLE])


def told_as(vectors: "Vectors", user: str, settings: "Vector") -> tuple[str, "Vector"]:
    """What a client is told when it comes in depends on this: its role, and some settings."""
    reported = reported_part(settings.items)
    return user, settings if reported is settings.items else vectors.of(reported)


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
