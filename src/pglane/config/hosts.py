"""Several servers in one text: `a,b:5433,[::1]:5434,/run/postgresql`, tried in that order.

The form of libpq's host list, with each host's port behind it, as in a URI.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pglane.config.settings import Settings

PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Host:
    """One server: a name, an address, or the folder of a Unix socket; and its port."""

    name: str
    port: int

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{name}:{self.port}"


def hosts_of(text: str, port: int) -> tuple[Host, ...]:
    """All of them; `port` is of those that have none of their own."""
    return tuple(_host(part.strip(), port) for part in text.split(","))


def _host(text: str, port: int) -> Host:
    if text.startswith("["):
        name, _, own = text[1:].partition("]")
        own = own.removeprefix(":")
    elif text.count(":") == 1:
        name, _, own = text.partition(":")
    else:
        return Host(text, port)  # an IPv6 address may stand without brackets
    return Host(name, int(own) if own.isascii() and own.isdecimal() else port)


def objection(text: str) -> str:
    """What is wrong with a list, in words; empty: nothing."""
    hosts = hosts_of(text, 1)
    if any(not host.name for host in hosts):
        return "a host without a name"
    if any(not 0 < host.port <= PORT_MAX for host in hosts):
        return f"a port that is none (1 to {PORT_MAX})"
    return "a host twice" if len(set(hosts)) < len(hosts) else ""


def servers_text(text: str, port: int) -> str:
    """All of them for people, with their ports."""
    return ",".join(str(host) for host in hosts_of(text, port))


def server_hosts(settings: "Settings") -> tuple[Host, ...]:
    """Those of the configuration."""
    return hosts_of(settings.server_host, settings.server_port)
