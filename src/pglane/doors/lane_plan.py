"""From the configuration of lanes to what the scheduler takes, one plan for each database.

A budget is a database's, so the lanes that nobody of a database can be in are no lanes of its
budget. Whether what is promised can be kept is asked of every database that a rule names, and of
all others together: rule R0, with the sum.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pglane.config.lanes import ANY, DOORS, LaneMatch, LaneSettings, is_network
from pglane.config.limits import limit_of, own_limits
from pglane.config.settings import Settings
from pglane.errors import Refusal
from pglane.errors.configuration import (
    LaneBorrowsForEver,
    LaneRuleCovered,
    LanesOverpromise,
    OutOfRange,
)
from pglane.scheduler.bounds import NO_BOUND, loan_s_max
from pglane.scheduler.matching import Allowed, LaneMatching, LaneRule, Origin, TagRule
from pglane.scheduler.policy import DoorPolicy, LanePolicy, Overpromised, overpromised

DEFAULT = "the default settings"
EVERYBODY = "*"
AUTOMATIC = LanePolicy("a lane that came up by itself", door="transaction")
"""What is there beside every configuration; it borrows, and nothing ends its leases."""


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What lanes there are in one database, and how requests find them."""

    policies: tuple[LanePolicy, ...]
    doors: tuple[DoorPolicy, ...]
    matching: LaneMatching


def lane_plan(settings: Settings, database: str) -> LanePlan:
    """The plan of a database."""
    lanes = [lane for lane in settings.lanes if lane.may_be_in(database)]
    policies = _policies(settings, database)
    rules = [_rule(lane, each) for lane in lanes for each in lane.match if not each.tag]
    tags = [
        TagRule(each.tag, each.value, lane.name, _rule(lane, each))
        for lane in lanes
        for each in lane.match
        if each.tag
    ]
    allow = {lane.name: _allowed(lane.allow) for lane in lanes if lane.allow}
    tenants = {lane.name: lane.tenant for lane in lanes}
    matching = LaneMatching(policies, rules, tags, allow, tenants)
    if any(is_network(each) for lane in lanes for each in lane.allow):
        matching.reads_addresses = True
    matching.wait_s_max = settings.wait_ms_max / 1000
    return LanePlan(tuple(policies), door_policies(settings), matching)


def door_policies(settings: Settings) -> tuple[DoorPolicy, ...]:
    """What each door may have; one that has no limit is a door all the same."""
    return tuple(DoorPolicy(door, getattr(settings, f"{door}_limit")) for door in DOORS)


def _policies(settings: Settings, database: str) -> list[LanePolicy]:
    return [_policy(lane, settings) for lane in settings.lanes if lane.may_be_in(database)]


def _policy(lane: LaneSettings, settings: Settings) -> LanePolicy:
    return LanePolicy(
        name=lane.name,
        door=lane.only_door,
        reserve=lane.reserve,
        weight=lane.weight,
        limit=lane.limit,
        wait_s_max=(lane.wait_ms_max or settings.wait_ms_max) / 1000,
        wait_is_default=not lane.wait_ms_max,
        hold_s_max=lane.hold_ms_max / 1000,
        lends=lane.lend == "yes",
        borrow_hold_s=lane.borrow_hold_ms / 1000,
        guard=lane.guard,
        borrows=lane.borrows,
        rank=lane.rank,
        newest_first=lane.order == "newest_first",
        tenants_max=lane.tenants_max,
        shed_after_s=lane.shed_after_ms / 1000,
        nested=lane.nested,
    )


def _rule(lane: LaneSettings, told: LaneMatch) -> LaneRule:
    return LaneRule(lane.name, told.door, told.user, told.database, told.application_name)


def _allowed(allow: Sequence[str]) -> Allowed:
    """A question that `allow` answers."""
    users = {each for each in allow if not is_network(each)}
    networks = [ipaddress.ip_network(each) for each in allow if is_network(each)]

    def allowed(origin: Origin) -> bool:
        if origin.user in users or EVERYBODY in users:
            return True
        if not networks:
            return False
        try:
            address = ipaddress.ip_address(origin.address)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in networks)

    return allowed


# Whether it can be kept ------------------------------------------------------------------------


def objections(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    """Everything that lanes promise and cannot keep, or say twice.

    Args:
        settings: all of them.
        places: by "lanes.NAME.KEY" or the name of a setting, where it was said.
    """
    found: list[Refusal] = []
    for lane in settings.lanes:
        found += _of_lane(lane, places)
    return [*found, *_covered(settings.lanes, places), *_overpromised(settings, places)]


def notes(settings: Settings) -> list[str]:
    """What is allowed and may not be what was meant."""
    policies = [_policy(lane, settings) for lane in settings.lanes]
    lenders = {policy.name for policy in policies if policy.reserve > policy.kept_free}
    unborrowing = [
        f"lane {lane.name} uses nothing that others reserve: "
        'its leases have no end (door = "transaction" or hold_ms_max gives them one)'
        for lane in settings.lanes
        if lane.borrow == "auto" and not lane.borrows and lenders - {lane.name}
    ]
    unbounded = [
        f"lane {policy.name} lends what it reserves, and nothing bounds how long: "
        "set its borrow_hold_ms, or hold_ms_max of the lanes that borrow"
        for policy in policies
        if policy.reserve and loan_s_max(policy, [*policies, AUTOMATIC]) == NO_BOUND
    ]
    return unborrowing + unbounded


def _place(places: Mapping[str, str], lane: str, key: str = "") -> str:
    whole = places.get(f"lanes.{lane}", DEFAULT)
    return places.get(f"lanes.{lane}.{key}", whole)


def _of_lane(lane: LaneSettings, places: Mapping[str, str]) -> list[Refusal]:
    found: list[Refusal] = []
    if lane.borrow == "yes" and not lane.has_enforced_end:
        doors = lane.only_door or "any door"
        where = _place(places, lane.name, "borrow")
        found.append(LaneBorrowsForEver(where=where, lane=lane.name, doors=doors))
    if lane.guard > lane.reserve:
        found.append(
            _beyond(places, lane, "guard", f"at most its reserve ({lane.reserve})", lane.guard)
        )
    if lane.limit and lane.reserve > lane.limit:
        found.append(
            _beyond(places, lane, "reserve", f"at most its limit ({lane.limit})", lane.reserve)
        )
    if lane.nested > 1 and lane.limit and max(lane.reserve, 1) + lane.nested - 1 > lane.limit:
        expected = f"at most limit - reserve + 1, and limit ({lane.limit})"
        found.append(_beyond(places, lane, "nested", expected, lane.nested))
    others = {each.door for each in lane.match} - {"", lane.door}
    if lane.door != ANY and others:
        seen = ", ".join(sorted(others))
        found.append(_beyond(places, lane, "match", f"no door but {lane.door}", seen))
    if lane.lend == "no" and lane.borrow_hold_ms:
        found.append(
            _beyond(places, lane, "borrow_hold_ms", 'lend = "yes" beside it', 'lend = "no"')
        )
    return found


def _beyond(
    places: Mapping[str, str], lane: LaneSettings, key: str, expected: str, seen: object
) -> Refusal:
    return OutOfRange(
        where=_place(places, lane.name, key),
        key=f"lanes.{lane.name}.{key}",
        expected=expected,
        seen=seen,
        suggestion="change one of the two",
    )


def _covered(lanes: Sequence[LaneSettings], places: Mapping[str, str]) -> list[Refusal]:
    """Rules that nobody comes to, for an earlier one takes all."""
    found: list[Refusal] = []
    before: list[tuple[LaneSettings, int, LaneMatch]] = []
    for lane in lanes:
        for entry, rule in enumerate(lane.match, 1):
            narrow = _narrowed(lane, rule)
            for other, other_entry, earlier in before:
                if earlier.covers(narrow):
                    found.append(
                        LaneRuleCovered(
                            where=_place(places, lane.name, "match"),
                            entry=entry,
                            lane=lane.name,
                            other_entry=other_entry,
                            other=other.name,
                        )
                    )
                    break
            before.append((lane, entry, narrow))
    return found


def _narrowed(lane: LaneSettings, rule: LaneMatch) -> LaneMatch:
    """The rule with the door of its lane."""
    door = rule.door or lane.only_door
    return LaneMatch(door, rule.user, rule.database, rule.application_name, rule.tag, rule.value)


def _overpromised(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    found: dict[Overpromised, Refusal] = {}
    named = {each.database for lane in settings.lanes for each in lane.match}
    owning = {name for (_, name), _ in own_limits(settings, "budget")}
    for database in sorted(named | owning | {"", settings.server_database}):
        policies = _policies(settings, database)
        budget = limit_of(settings, "budget", database=database).value
        for excess in overpromised(budget, policies, door_policies(settings)):
            largest = max(policies, key=lambda p: (p.reserve, p.golden))
            where = _place(places, largest.name, "reserve" if largest.reserve else "nested")
            setting = f"databases.{database}.budget" if database in owning else "server.budget"
            found.setdefault(excess, _told(excess, where, setting))
    return list(found.values())


def _told(excess: Overpromised, where: str, budget: str) -> Refusal:
    place = f"the {excess.door} door" if excess.door else "the budget of a database"
    return LanesOverpromise(
        where=where,
        promised=excess.promised,
        place=place,
        places=excess.places,
        reservations=excess.reservations,
        setting=f"{excess.door}.limit" if excess.door else budget,
    )
