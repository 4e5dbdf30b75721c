"""Lanes as they are configured: one frozen record a lane, which describes its own settings.

A lane is a class of traffic with its promise. Who belongs to it is said in `match`, a list that is
read in the order of the file over all lanes: the first entry that fits a client says its lane. An
entry with a `tag` is no rule about clients but about requests: it maps a tag of an SQL comment to
the lane. Such wishes of clients are free where they only lower; a lane with a reservation is
entered by wish only by those whom it names in `allow`.

`borrow = "auto"` is where most mistakes would be made by hand. Whoever sits on a place that is
reserved for others must leave it within a time. Leases of the transaction door can be ended; those
of the other doors last as long as the client likes. So a lane borrows if it is the transaction
door's alone, or if its leases have an end (`hold_ms_max`).
"""

import ipaddress
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Self

from pglane.config.description import DAY_MS, Description, setting

ANY = "any"
DOORS = ("transaction", "session", "direct")
SECTION = "lanes"
LANES_MAX = 200
MATCHES_MAX = 200
TEXT_CHARACTERS_MAX = 255
MATCH_KEYS = {
    "door": "door the client came in by",
    "user": "its role",
    "database": "its database",
    "application_name": "its name; * is any text, ? one character, [ab] one of these",
    "tag": "name of a tag in an SQL comment before its first statement",
    "value": "value of that tag, with the same wildcards; any if it is left out",
}


@dataclass(frozen=True, slots=True)
class LaneMatch:
    """Who, or with a `tag` which requests, belong to a lane; what is empty fits everybody."""

    door: str = ""
    user: str = ""
    database: str = ""
    application_name: str = ""
    tag: str = ""
    value: str = ""

    def covers(self, other: "LaneMatch") -> bool:
        """Whether everything that the other one fits is fitted by this one."""
        if bool(self.tag) != bool(other.tag):
            return False
        return all(
            getattr(self, each.name) in ("", getattr(other, each.name)) for each in fields(self)
        )


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """One table [lanes.NAME]."""

    name: str
    door: str = setting(
        "lanes.door",
        ANY,
        "the only door whose clients may be in it",
        choices=(ANY, *DOORS),
    )
    match: tuple[LaneMatch, ...] = ()
    allow: tuple[str, ...] = setting(
        "lanes.allow",
        (),
        "who may ask for it though it reserves something or is of a higher rank: users, networks "
        '(10.0.0.0/8), or "*" for everybody',
    )
    reserve: int = setting(
        "lanes.reserve",
        0,
        "server connections that it gets before anybody has more than his own reservation",
        unit="connections",
        limits=(0, 10_000),
    )
    guard: int = setting(
        "lanes.guard",
        0,
        "how many of them stay free even while it does not use them",
        unit="connections",
        limits=(0, 10_000),
    )
    lend: str = setting(
        "lanes.lend",
        "yes",
        "whether others may use the rest of them meanwhile",
        choices=("yes", "no"),
    )
    borrow_hold_ms: int = setting(
        "lanes.borrow_hold_ms",
        0,
        "what it lent is taken back after so long when it is needed, and its holder hears an "
        "error; 0: it waits for the end of the borrowed lease",
        unit="ms",
        limits=(0, DAY_MS),
    )
    borrow: str = setting(
        "lanes.borrow",
        "auto",
        "whether it may use what others lend; auto: if it is the transaction door's alone, or has "
        "a hold_ms_max",
        choices=("auto", "yes", "no"),
    )
    limit: int = setting(
        "lanes.limit",
        0,
        "the most server connections it may have; 0: the budget",
        unit="connections",
        limits=(0, 10_000),
    )
    weight: float = setting(
        "lanes.weight",
        1.0,
        "its share of what is beyond all reservations, relative to other lanes that wait; a lane "
        "that came up by itself has 1.0",
        unit="shares",
        limits=(0.01, 1000),
    )
    nested: int = setting(
        "lanes.nested",
        1,
        "server connections that one work of it (pglane.work) may need at once and is sure to "
        "get, one work after the other; one less than that are kept for works that have one",
        unit="connections",
        limits=(1, 16),
    )
    wait_ms_max: int = setting(
        "lanes.wait_ms_max",
        0,
        "longest wait of a request; 0: clients.wait_ms_max",
        unit="ms",
        limits=(0, DAY_MS),
    )
    shed_after_ms: int = setting(
        "lanes.shed_after_ms",
        0,
        "where the oldest request waits longer for a second, the newest are refused: of lanes of "
        "a lower rank, then of this one; 0: nobody is",
        unit="ms",
        limits=(0, DAY_MS),
    )
    hold_ms_max: int = setting(
        "lanes.hold_ms_max",
        0,
        "longest lease while somebody waits for it; 0: no end enforced",
        unit="ms",
        limits=(0, DAY_MS),
    )
    rank: int = setting(
        "lanes.rank",
        5,
        "where too many wait, lanes of the lowest rank are refused first; a lane that came up by "
        "itself has 5",
        unit="rank",
        limits=(0, 100),
    )
    order: str = setting(
        "lanes.order",
        "oldest_first",
        "newest_first: once the oldest has waited half its time, for clients that give up by "
        "themselves",
        choices=("oldest_first", "newest_first"),
    )
    tenant: str = setting(
        "lanes.tenant",
        "application_name",
        "what those have in common who share a turn",
        choices=("application_name", "user", "address"),
    )
    tenants_max: int = setting(
        "lanes.tenants_max",
        1000,
        "tenants that are told apart; the others share queues",
        unit="tenants",
        limits=(1, 10_000),
    )

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, whose tuples JSON made lists."""
        match = tuple(LaneMatch(**each) for each in told["match"])
        return cls(**told | {"match": match, "allow": tuple(told["allow"])})

    @property
    def only_door(self) -> str:
        """The door whose clients alone can be in it; "": there is none."""
        if self.door != ANY:
            return self.door
        doors = {each.door for each in self.match if not each.tag}
        return doors.pop() if len(doors) == 1 else ""

    @property
    def has_enforced_end(self) -> bool:
        """Whether each of its leases ends within a time when somebody waits for it."""
        return self.only_door == "transaction" or self.hold_ms_max > 0

    @property
    def borrows(self) -> bool:
        """Whether it may use what others lend."""
        return self.borrow == "yes" or (self.borrow == "auto" and self.has_enforced_end)

    def may_be_in(self, database: str) -> bool:
        """Whether any client of a database can be in it."""
        named = {each.database for each in self.match if not each.tag}
        return not named or "" in named or database in named


@cache
def lane_descriptions() -> tuple[Description, ...]:
    """Every setting of a lane, but for `match`."""
    return tuple(
        Description(name=known.name, default=known.default, **known.metadata)
        for known in fields(LaneSettings)
        if known.metadata
    )


def is_network(allowed: str) -> bool:
    """Whether an entry of `allow` means addresses; else it is a user's name."""
    try:
        ipaddress.ip_network(allowed)
    except ValueError:
        return False
    return True
