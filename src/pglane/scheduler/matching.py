"""How a request finds its lane: by rules, by what its client asks for, or by itself.

**Rules** are read in order and the first that fits says the lane: door, user, database, and the
application's name with wildcards. What no rule fits is not one heap: each user at each door is
an *automatic* lane of equal weight, and inside it each application's name a tenant. So without
any configuration a flood of one user cannot keep another one waiting.

**Wishes** come from the client: the startup option `pglane.lane`, `SET pglane.lane`, or a tag in
a comment before its first statement (`/*lane='otp'*/`, or another tag that is mapped to lanes). A
wish is free where it only lowers: to a lane that reserves nothing and is of no higher rank than
the client's own. Anything else needs the lane's `allow`: if naming a reservation were enough to
have it, it would belong to the next flood.

Names come from clients, so their number has a limit: beyond `AUTOMATIC_MAX` lanes, users of a door
share one, and are tenants there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import translate
from urllib.parse import unquote

from pglane.scheduler.policy import LanePolicy

AUTOMATIC_MAX = 1000
COMMENT_CHARACTERS_MAX = 1000
TAGS_MAX = 16
BORROWING_DOORS = frozenset({"transaction"})
"""Leases of the other doors last as long as the client likes, so they never borrow."""
TAG = re.compile(r"\s*([A-Za-z0-9_.%-]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    door: str
    user: str
    database: str = ""
    application_name: str = ""


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
    """Which lane a client wishes for whose comment has this tag, its value fitting a pattern."""

    tag: str
    value: str
    lane: str


class WishRefused(Enum):
    """Why a client stays where it is."""

    UNKNOWN = "unknown"
    """There is no such lane."""
    NOT_ALLOWED = "not_allowed"
    """It reserves something or is of a higher rank, and its `allow` does not name the user."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Lane and tenant of a client; `refused` says why a wish was not granted."""

    policy: LanePolicy
    tenant: str
    refused: WishRefused | None = None


class LaneMatching:
    """All rules of a configuration, and the automatic lanes that came up so far."""

    def __init__(
        self,
        lanes: Iterable[LanePolicy] = (),
        rules: Iterable[LaneRule] = (),
        tags: Iterable[TagRule] = (),
        allow: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._rules = [(rule, _pattern(rule.application_name)) for rule in rules]
        self._tags = [(rule, _pattern(rule.value)) for rule in tags]
        self._allow = dict(allow or {})
        self._automatic: dict[tuple[str, str], LanePolicy] = {}

    def place(self, origin: Origin) -> Placed:
        """The lane that is a client's own."""
        for rule, pattern in self._rules:
            if _fits(rule, pattern, origin):
                return Placed(self._lanes[rule.lane], origin.application_name)
        key = (origin.door, origin.user)
        policy = self._automatic.get(key)
        if policy is None:
            if len(self._automatic) >= AUTOMATIC_MAX:
                return Placed(self._shared(origin.door), origin.user)
            policy = self._automatic[key] = _automatic(f"{origin.door}:{origin.user}", origin.door)
        return Placed(policy, origin.application_name)

    def wish(self, origin: Origin, own: Placed, lane: str) -> Placed:
        """What becomes of a client that asks for a lane."""
        wanted = self._lanes.get(lane)
        if wanted is None:
            return Placed(own.policy, own.tenant, WishRefused.UNKNOWN)
        lowers = not wanted.reserve and wanted.rank <= own.policy.rank
        if lowers or origin.user in self._allow.get(lane, ()):
            return Placed(wanted, origin.application_name)
        return Placed(own.policy, own.tenant, WishRefused.NOT_ALLOWED)

    def wished_by(self, comment: str) -> str | None:
        """The lane that a comment asks for; None: it asks for none."""
        tags = tags_of(comment)
        for rule, pattern in self._tags:
            value = tags.get(rule.tag)
            if value is not None and (pattern is None or pattern.fullmatch(value)):
                return rule.lane
        return tags.get("lane")

    def _shared(self, door: str) -> LanePolicy:
        return _automatic(f"{door}:*", door)


def tags_of(comment: str) -> dict[str, str]:
    """The tags of a comment's inside, `key='value',...` with the values percent-encoded.

    A comment that has anything else in it is prose and has no tags.
    """
    tags: dict[str, str] = {}
    if len(comment) > COMMENT_CHARACTERS_MAX:
        return {}
    at = 0
    while at < len(comment):
        found = TAG.match(comment, at)
        if found is None or len(tags) >= TAGS_MAX:
            return {}
        tags[unquote(found[1])] = unquote(found[2].replace("\\'", "'"))
        at = found.end()
    return tags


def _automatic(name: str, door: str) -> LanePolicy:
    return LanePolicy(name, door=door, borrows=door in BORROWING_DOORS)


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
