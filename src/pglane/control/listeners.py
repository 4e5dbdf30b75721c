"""The doors' listening sockets: bound once, by the supervisor, inherited by every worker.

Because the supervisor keeps them, a worker that crashes refuses nobody: who connects meanwhile
waits in the kernel's backlog. A port of 0 is any free one, the same for all addresses of a door,
so that one connection string works for IPv4, IPv6 and the Unix socket.

IPv6 addresses that nobody asked for by name (the default `::1`, the second half of `*` or of a
name) are left out when the machine has no IPv6. Asked for explicitly they are refused, not left
out: silence would be found out by the clients.
"""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pglane.config.settings import LOOPBACK, Settings
from pglane.errors.processes import (
    AddressInUse,
    AddressNotUsable,
    NowhereToListen,
    SocketPathNotUsable,
)
from pglane.errors.refused import RefusedError

BACKLOG = 4096
"""Connects that may wait for a worker; the kernel lowers it to net.core.somaxconn."""
SILENT_S = 1
"""How long the kernel keeps a connection to itself on which nothing came. Clients speak first, so
a worker is not woken for a connection and for what came on it, but once for both."""
SOCKET_PATH_BYTES_MAX = 107
"""sun_path of unix(7) without its final zero."""
FREE_PORT_TRIES_MAX = 20

_NO_SUCH_FAMILY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket.

    Attributes:
        door: direct, session or transaction.
        sock: non-blocking, listening.
        address: for people and connection strings: host:port, [host]:port or a path.
        path: the Unix socket's file and its inode, when it is one.
    """

    door: str
    sock: socket.socket
    address: str
    path: tuple[Path, int] | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    family: socket.AddressFamily
    host: str
    optional: bool


def door_ports(settings: Settings) -> dict[str, int]:
    """The doors in the order people are told of them, and the ports that were asked for."""
    return {
        "transaction": settings.transaction_port,
        "session": settings.session_port,
        "direct": settings.direct_port,
    }


def bind_listeners(settings: Settings) -> list[Listener]:
    """Opens every door, or none.

    Raises:
        RefusedError: an address, port or path cannot be used.
    """
    if not settings.listen_addresses and not settings.unix_socket_directory:
        raise RefusedError(NowhereToListen())
    opened: list[Listener] = []
    try:
        for door, port in door_ports(settings).items():
            tcp = _bind_door(door, settings.listen_addresses, port)
            opened += tcp
            if settings.unix_socket_directory:
                number = tcp[0].sock.getsockname()[1] if tcp else port or _free_port()
                opened.append(_bind_unix(door, number, settings))
    except BaseException:
        close_listeners(opened)
        raise
    return opened


def close_listeners(listeners: Iterable[Listener]) -> None:
    """Closes the sockets and removes the Unix sockets' files, unless they are somebody else's."""
    for listener in listeners:
        listener.sock.close()
        if listener.path is not None:
            path, inode = listener.path
            with contextlib.suppress(OSError):
                if path.stat().st_ino == inode:
                    path.unlink()


def addresses_by_door(listeners: Iterable[Listener]) -> dict[str, list[str]]:
    """What `on_ready` is told: every address of every door."""
    found: dict[str, list[str]] = {}
    for listener in listeners:
        found.setdefault(listener.door, []).append(listener.address)
    return found


def _bind_door(door: str, hosts: Sequence[str], port: int) -> list[Listener]:
    """All addresses of one door on one port; with port 0 a port that is free on all of them."""
    targets = [target for host in hosts for target in _targets(door, host, port, hosts)]
    tries_left = 1 if port else FREE_PORT_TRIES_MAX
    while True:
        opened: list[Listener] = []
        tries_left -= 1
        try:
            for target in targets:
                same = opened[0].sock.getsockname()[1] if opened else port
                opened += _bind_tcp(door, target, same)
        except RefusedError as error:
            close_listeners(opened)
            if not tries_left or not isinstance(error.refusals[0], AddressInUse):
                raise
        else:
            return opened


def _targets(door: str, host: str, port: int, hosts: Sequence[str]) -> list[_Target]:
    """The socket addresses behind one listen address."""
    if host == "*":
        return [
            _Target(socket.AF_INET, "0.0.0.0", optional=False),  # noqa: S104 -- was asked for
            _Target(socket.AF_INET6, "::", optional=True),
        ]
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RefusedError(AddressNotUsable(door=door, address=host, reason=reason)) from error
    named = {family: str(sockaddr[0]) for family, _, _, _, sockaddr in reversed(found)}
    optional = tuple(hosts) == LOOPBACK or socket.AF_INET in named
    return [
        _Target(family, named[family], optional=optional and family == socket.AF_INET6)
        for family in (socket.AF_INET, socket.AF_INET6)
        if family in named
    ]


def _bind_tcp(door: str, target: _Target, port: int) -> list[Listener]:
    """The listening socket; none for an optional address of a family the machine lacks."""
    text = f"[{target.host}]" if target.family == socket.AF_INET6 else target.host
    try:
        sock = socket.socket(target.family, socket.SOCK_STREAM)
    except OSError as error:
        if target.optional:
            return []
        raise _refused(door, text, port, error) from error
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if target.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_S)
        sock.bind((target.host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if target.optional and error.errno in _NO_SUCH_FAMILY:
            return []
        raise _refused(door, text, port, error) from error
    return [Listener(door, sock, f"{text}:{sock.getsockname()[1]}")]


def _refused(door: str, host: str, port: int, error: OSError) -> RefusedError:
    kind = AddressInUse if error.errno == errno.EADDRINUSE else AddressNotUsable
    reason = error.strerror or str(error)
    return RefusedError(kind(door=door, address=f"{host}:{port}", port=port, reason=reason))


def _free_port() -> int:
    """A number for doors that have a Unix socket only; nobody else counts those."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _bind_unix(door: str, port: int, settings: Settings) -> Listener:
    path = Path(settings.unix_socket_directory).absolute() / f".s.PGSQL.{port}"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        reason = (
            f"the path has {len(os.fsencode(path))} bytes, allowed are {SOCKET_PATH_BYTES_MAX}"
        )
        raise RefusedError(SocketPathNotUsable(door=door, path=path, reason=reason))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_room(door, path)
        sock.setblocking(False)
        sock.bind(os.fspath(path))
        # As PostgreSQL does, everybody may knock: authentication decides. With trust it does not,
        # so the file system does. Nobody can connect before listen().
        path.chmod(0o700 if settings.auth == "trust" else 0o777)
        sock.listen(BACKLOG)
        return Listener(door, sock, str(path), (path, path.stat().st_ino))
    except OSError as error:
        sock.close()
        reason = f"the system answered: {error.strerror or error}"
        raise RefusedError(SocketPathNotUsable(door=door, path=path, reason=reason)) from error
    except RefusedError:
        sock.close()
        raise


def _make_room(door: str, path: Path) -> None:
    """Removes a socket file that a killed process left; refuses one that somebody answers on."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        reason = "something that is no socket has this name"
        raise RefusedError(SocketPathNotUsable(door=door, path=path, reason=reason))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody lives there
    reason = "somebody is listening on it: another pglane, or a PostgreSQL on this port"
    raise RefusedError(SocketPathNotUsable(door=door, path=path, reason=reason))
