"""What settings must be together, wherever each of them came from."""

import ipaddress
from collections.abc import Mapping

from pglane.config.settings import Settings
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import (
    OutOfRange,
    PasswordNeeded,
    PortTwice,
    ServerUnknown,
    TrustNotLocal,
)

DOORS = ("transaction", "session", "direct")
DEFAULT = "the default settings"


def is_loopback(address: str) -> bool:
    """True when only this machine can reach it; a name other than localhost is never sure."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def objections(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    """Everything that is wrong with the settings together.

    Args:
        settings: what was put together from files, URI, variables and command line.
        places: by field name, where it was said; for messages.
    """
    return [
        *_ports(settings, places),
        *_listeners(settings, places),
        *_server(settings, places),
        *_users(settings, places),
    ]


def notes(settings: Settings) -> list[str]:
    """What is allowed and worth a sentence at the start."""
    open_to = [address for address in settings.listen_addresses if not is_loopback(address)]
    if not open_to:
        return []
    told = ", ".join(open_to)
    return [f"listening on {told} without TLS: whoever is on the network can read along"]


def _ports(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    found: list[Refusal] = []
    seen: dict[int, str] = {}
    for door in DOORS:
        name = f"{door}_port"
        port: int = getattr(settings, name)
        if port and port in seen:
            where = places.get(name) or places.get(seen[port]) or DEFAULT
            found.append(PortTwice(where=where, key=name, other=seen[port], port=port))
        seen[port] = name
    return found


def _listeners(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    found: list[Refusal] = []
    where = places.get("listen_addresses", DEFAULT)
    for number, address in enumerate(settings.listen_addresses):
        if address in settings.listen_addresses[:number] or not address.strip():
            found.append(
                OutOfRange(
                    where=where,
                    key="listen.addresses",
                    expected="every address once",
                    seen=repr(address),
                    suggestion="remove it",
                )
            )
        elif settings.auth == "trust" and not is_loopback(address):
            place = places.get("auth", where)
            found.append(TrustNotLocal(where=place, address=address))
    return found


def _server(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    wanted = {
        "host": settings.server_host,
        "user": settings.server_user,
        "database": settings.server_database,
    }
    said = [name for name, value in wanted.items() if value]
    missing = [name for name, value in wanted.items() if not value]
    if not said or not missing:
        return []
    where = places.get(f"server_{said[0]}", DEFAULT)
    seen = f"server.{said[0]} is set; a server needs host, user and database"
    return [ServerUnknown(where=where, missing=f"server.{missing[0]}", seen=seen)]


def _users(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    if settings.auth == "trust" or settings.users or not settings.server_user:
        return []
    if settings.server_password:
        return []
    where = places.get("server_user", DEFAULT)
    return [PasswordNeeded(where=where, user=settings.server_user)]
