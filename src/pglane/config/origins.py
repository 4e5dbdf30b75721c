"""Where clients may come from: `allow_from` and `superusers_from`.

Words are addresses and networks of both families, `unix` (the doors' Unix sockets), `loopback`
(this machine by TCP) and `any`. An IPv4 address that comes to an IPv6 socket (::ffff:192.0.2.1)
is the IPv4 address. Names are no words: who answers for a name says where clients may come from.
"""

import ipaddress
from collections.abc import Iterable

from pglane.config.description import Description
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import OutOfRange

ANY = "any"
LOOPBACK = "loopback"
UNIX = "unix"
WORDS = (ANY, LOOPBACK, UNIX)
SETTINGS = ("allow_from", "superusers_from")
EXPECTED = "addresses and networks such as 10.1.0.0/16 and 2001:db8::/32, unix, loopback, any"
MAPPED = ipaddress.ip_network("::ffff:0:0/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Origins:
    """A set of places."""

    def __init__(self, words: Iterable[str]) -> None:
        """Takes words that `objection` has nothing against."""
        self.words = tuple(words)
        self._networks = [_network(word) for word in self.words if word not in WORDS]

    def have(self, host: str) -> bool:
        """Whether a client of this address is in it; "unix" has none."""
        if ANY in self.words or host == UNIX:
            return ANY in self.words or UNIX in self.words
        address = address_of(host)
        if address.is_loopback and LOOPBACK in self.words:
            return True
        return any(address in network for network in self._networks)


def address_of(host: str) -> Address:
    """An address, IPv4 where it is one in the clothes of IPv6."""
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(word: str) -> Network:
    network = ipaddress.ip_network(word)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):  # type: ignore[arg-type]
        inside = network.network_address.ipv4_mapped
        return ipaddress.ip_network(f"{inside}/{network.prefixlen - MAPPED.prefixlen}")
    return network


def objection(setting: Description, words: Iterable[str], where: str) -> Refusal | None:
    """What is wrong with them."""
    if setting.name not in SETTINGS:
        return None
    words = tuple(words)
    if not words and setting.name == "allow_from":
        return _wrong(setting, where, "none", 'say "any" for everywhere')
    for word in words:
        try:
            if word not in WORDS:
                _network(word)
        except ValueError as error:
            suggestion = "a network has no bits behind its prefix"
            if "host bits" not in str(error):
                suggestion = "names are not looked up: say the address"
            return _wrong(setting, where, repr(word[:60]), suggestion)
    return None


def _wrong(setting: Description, where: str, seen: str, suggestion: str) -> Refusal:
    return OutOfRange(
        where=where, key=setting.place, expected=EXPECTED, seen=seen, suggestion=suggestion
    )
