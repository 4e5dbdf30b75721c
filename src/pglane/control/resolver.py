"""Names to addresses, off every event loop and within a stated time.

`loop.getaddrinfo` is not used: its threads are joined when the interpreter ends, so one name
server that does not answer would hold up a stop by half a minute. Here each look-up is a daemon
thread of its own, few of them at a time, and whoever asks for a name that is being looked up joins
in.
"""

import asyncio
import ipaddress
import socket
import threading
from typing import TypedDict

from pglane.config.hosts import hosts_of

LOOKUP_MS_MAX = 5_000
LOOKUPS_MAX = 8
"""Threads at a time; one that hangs keeps its place until the system gives up."""


class Address(TypedDict, total=False):
    """One place a server may listen; the worker tries them in order.

    Attributes:
        family: inet, inet6 or unix.
        address: an IP address, or the folder of a Unix socket; the socket's name is the dialer's
            to make from the port.
        port: the server's.
        host: what it was named, where there are several.
    """

    family: str
    address: str
    port: int
    host: str


class Resolver:
    """Looks names up; `resolve` never raises for a name that is wrong."""

    def __init__(self, timeout_ms: int = LOOKUP_MS_MAX) -> None:
        self._timeout_ms = timeout_ms
        self._running: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}
        self._threads = 0

    async def resolve(self, host: str, port: int) -> tuple[list[Address], str | None]:
        """Addresses in the system's order of preference, and what went wrong if there are none.

        Several hosts, as in `hosts`, are looked up side by side; one that cannot be found is left
        out.
        """
        if "," not in host:
            return await self._resolve_one(*_parts(host, port))
        hosts = hosts_of(host, port)
        told = await asyncio.gather(*(self._resolve_one(one.name, one.port) for one in hosts))
        found = [
            Address(**address, host=one.name)
            for one, (addresses, _) in zip(hosts, told, strict=True)
            for address in addresses
        ]
        return found, None if found else "; ".join(error for _, error in told if error)

    async def _resolve_one(self, host: str, port: int) -> tuple[list[Address], str | None]:
        if not host:
            return [], "no server is configured (server.host is empty)"
        literal = _literal(host, port)
        if literal is not None:
            return [literal], None
        try:
            lookup = self._running.get((host, port)) or self._start(host, port)
            async with asyncio.timeout(self._timeout_ms / 1000):
                return await asyncio.shield(lookup), None
        except TimeoutError:
            return [], f"the name {host} was not resolved within {self._timeout_ms} ms"
        except (OSError, UnicodeError) as error:
            return [], f"the name {host} cannot be resolved: {_reason(error)}"

    def _start(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        if self._threads >= LOOKUPS_MAX:
            msg = f"{LOOKUPS_MAX} look-ups are already waiting for the name server"
            raise OSError(msg)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Address]] = loop.create_future()
        self._running[host, port] = future
        self._threads += 1
        thread = threading.Thread(
            target=self._look_up, args=(loop, host, port), name="pglane-resolve", daemon=True
        )
        thread.start()
        return future

    def _look_up(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        found: list[Address] | Exception
        try:
            found = _getaddrinfo(host, port)
        except (OSError, UnicodeError) as error:
            found = error
        try:
            loop.call_soon_threadsafe(self._finish, host, port, found)
        except RuntimeError:
            return  # the loop is closed: nobody asks any more

    def _finish(self, host: str, port: int, found: list[Address] | Exception) -> None:
        self._threads -= 1
        future = self._running.pop((host, port))
        if isinstance(found, Exception):
            future.set_exception(found)
            future.exception()  # whoever asked may have stopped waiting
        else:
            future.set_result(found)


def _getaddrinfo(host: str, port: int) -> list[Address]:
    found: list[Address] = []
    for family, _, _, _, sockaddr in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        name = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}.get(family)
        if name is None:
            continue
        address = Address(family=name, address=str(sockaddr[0]), port=port)
        if address not in found:
            found.append(address)
    return found


def _literal(host: str, port: int) -> Address | None:
    """What needs no look-up: a directory of Unix sockets, or an address."""
    if host.startswith(("/", "@")):
        return Address(family="unix", address=host, port=port)
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return Address(family="inet" if version == 4 else "inet6", address=host, port=port)


def _parts(host: str, port: int) -> tuple[str, int]:
    """Name and port of one host."""
    one = hosts_of(host, port)[0]
    return one.name, one.port


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
