"""How a request finds its lane: by rules, by what its client asks for, or by itself.

**Rules** are read in order and the first that fits says the lane: door, user, database, and the
application's name with wildcards. What no rule fits is not one heap: each user at each door is
an *automatic* lane of equal weight, and inside it each application's name a tenant. So without
any configuration a flood of one user cannot keep another one waiting.

**Wishes** come from the client: the startup option `pglane.lane`, `SET pglane.lane`, or a tag in
a comment before its first statement (`/*lane='otp'*/`, or another tag that is mapped to lanes). A
wish is free where it only lowers: to a lane that reserves nothing and is of no higher rank and
weight than the client's own. Anything else needs the lane's `allow`: if naming a reservation were
enough to have it, it would belong to the next flood.

**Tenants** are told apart by what their clients call themselves. Drivers and job runners put
process ids and container ids into `application_name`; these are taken out, or each process of one
program would have a turn of its own.

Names come from clients, so their number has a limit: beyond `AUTOMATIC_MAX` lanes, users of a door
share one, and are tenants there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import translate
from typing import NamedTuple

from pglane.scheduler.policy import LanePolicy

AUTOMATIC_MAX = 1000
BORROWING_DOORS = frozenset({"transaction"})
"""Leases of the other doors last as long as the client likes, so they never borrow."""
PROCESS_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8,}(?:-[0-9a-f]+)*|\d{3,}")
"""A number of three digits or more, or a container's or session's hexadecimal name."""
NUMBERLESS = "#"
TENANT_CHARACTERS_MAX = 64
"""What PostgreSQL keeps of an application's name, too."""


class Origin(NamedTuple):
    """Where a request comes from; a tuple, for it is made and looked up where time counts."""

    door: str
    user: str
    database: str = ""
    application_name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LaneRule:
    """Who belongs to a lane; what is empty fits everybody, the application's name is a pattern."""

    lane: str
    door: str = ""
    user: str = ""
    database: str = ""
    application_name: str = ""


@dataclass(frozen=True, slots=True)
class TagRule:
    """Which lane a client wishes for whose comment has this tag, its value fitting a pattern.

    Only those wish whom `who` fits; None: everybody.
    """

    tag: str
    value: str
    lane: str
    who: LaneRule | None = None


class WishRefused(Enum):
    """Why a client stays where it is."""

    UNKNOWN = "unknown"
    """There is no such lane."""
    NOT_ALLOWED = "not_allowed"
    """It reserves something or is of a higher rank, and its `allow` does not name the client."""
    OTHER_DOOR = "other_door"
    """Only clients of another door may be in it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Lane and tenant of a client; `refused` says why a wish was not granted."""

    policy: LanePolicy
    tenant: str
    refused: WishRefused | None = None


Allowed = Callable[[Origin], bool]
"""Whether a lane's `allow` names somebody."""
TENANT_NAMES: Mapping[str, Callable[[Origin], str]] = {
    "application_name": lambda origin: tenant_name(origin.application_name),
    "user": lambda origin: origin.user,
    "address": lambda origin: origin.address,
}


class LaneMatching:
    """All rules of a configuration, and the automatic lanes that came up so far.

    Attributes:
        reads_tags: some wish can come by a comment.
        reads_addresses: something depends on where clients come from; if not, an `Origin` need
            not tell, and all that differ in nothing else are one.
        wait_s_max: the longest wait of a request of an automatic lane.
    """

    def __init__(
        self,
        lanes: Iterable[LanePolicy] = (),
        rules: Iterable[LaneRule] = (),
        tags: Iterable[TagRule] = (),
        allow: Mapping[str, Allowed] | None = None,
        tenants: Mapping[str, str] | None = None,
    ) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._rules = [(rule, _pattern(rule.application_name)) for rule in rules]
        self._tags = [(rule, _pattern(rule.value)) for rule in tags]
        self._who = {rule: _pattern(rule.who.application_name) for rule in tags if rule.who}
        self._allow = dict(allow or {})
        self._tenants = dict(tenants or {})
        self._automatic: dict[tuple[str, str], LanePolicy] = {}
        self.reads_tags = bool(self._lanes)
        self.reads_addresses = "address" in self._tenants.values()
        self.wait_s_max = LanePolicy("").wait_s_max

    @property
    def names(self) -> list[str]:
        """Of the lanes that can be asked for."""
        return list(self._lanes)

    def door_of(self, lane: str) -> str:
        """The only door whose clients may be in a configured lane; "": any."""
        return self._lanes[lane].door

    def place(self, origin: Origin) -> Placed:
        """The lane that is a client's own."""
        for rule, pattern in self._rules:
            policy = self._lanes[rule.lane]
            if _admits(policy, origin) and _fits(rule, pattern, origin):
                return self._placed(policy, origin)
        key = (origin.door, origin.user)
        own = self._automatic.get(key)
        if own is None:
            if len(self._automatic) >= AUTOMATIC_MAX:
                return Placed(self._named(_common_name(origin), origin.door), origin.user)
            own = self._named(_automatic_name(origin), origin.door)
            self._automatic[key] = own
        return self._placed(own, origin)

    def knows(self, origin: Origin, lane: str) -> bool:
        """Whether it may be the name of a lane, for a client that comes from there."""
        if lane in self._lanes:
            return True
        return lane in (_automatic_name(origin), _common_name(origin))

    def wish(self, origin: Origin, own: Placed, lane: str) -> Placed:
        """What becomes of a client that asks for a lane."""
        wanted = self._lanes.get(lane)
        if lane == own.policy.name:
            return Placed(own.policy, own.tenant)
        if wanted is None:
            return Placed(own.policy, own.tenant, WishRefused.UNKNOWN)
        if not _admits(wanted, origin):
            return Placed(own.policy, own.tenant, WishRefused.OTHER_DOOR)
        if not _lowers(own.policy, wanted):
            allowed = self._allow.get(lane)
            if allowed is None or not allowed(origin):
                return Placed(own.policy, own.tenant, WishRefused.NOT_ALLOWED)
        return self._placed(wanted, origin)

    def wished_by(self, origin: Origin, tags: Mapping[str, str]) -> str | None:
        """The lane that a statement's tags ask for; None: they ask for none."""
        for rule, pattern in self._tags:
            value = tags.get(rule.tag)
            if value is None or not (pattern is None or pattern.fullmatch(value)):
                continue
            if rule.who is None or _fits(rule.who, self._who[rule], origin):
                return rule.lane
        return tags.get("lane")

    def _placed(self, policy: LanePolicy, origin: Origin) -> Placed:
        kind = self._tenants.get(policy.name, "application_name")
        return Placed(policy, TENANT_NAMES[kind](origin))

    def _named(self, name: str, door: str) -> LanePolicy:
        return LanePolicy(
            name,
            door=door,
            borrows=door in BORROWING_DOORS,
            wait_s_max=self.wait_s_max,
            wait_is_default=True,
        )


def tenant_name(application_name: str) -> str:
    """An application's name without the ids of its processes."""
    return PROCESS_ID.sub(NUMBERLESS, application_name)[:TENANT_CHARACTERS_MAX]


def _automatic_name(origin: Origin) -> str:
    return f"{origin.door}:{origin.user}"


def _common_name(origin: Origin) -> str:
    """Of the lane of those for whom there is no other."""
    return f"{origin.door}:*"


def _lowers(own: LanePolicy, wanted: LanePolicy) -> bool:
    """Whether nothing is gained by the change."""
    if wanted.reserve:
        return False
    return wanted.rank <= own.rank and wanted.weight <= own.weight


def _admits(policy: LanePolicy, origin: Origin) -> bool:
    return policy.door in ("", origin.door)


def _pattern(glob: str) -> re.Pattern[str] | None:
    return re.compile(translate(glob)) if glob else None


def _fits(rule: LaneRule, pattern: re.Pattern[str] | None, origin: Origin) -> bool:
    if rule.door and rule.door != origin.door:
        return False
    if rule.user and rule.user != origin.user:
        return False
    if rule.database and rule.database != origin.database:
        return False
    return pattern is None or pattern.fullmatch(origin.application_name) is not None
