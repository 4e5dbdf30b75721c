"""From settings to the scheduler's policies and rules, and what cannot be kept (R0)."""

import dataclasses

import pytest

from pglane.config.lanes import LaneMatch, LaneSettings
from pglane.config.limits import Override
from pglane.config.settings import Settings
from pglane.doors.lane_plan import lane_plan, notes, objections
from pglane.scheduler.matching import Origin, WishRefused
from pglane.scheduler.policy import DoorPolicy, LanePolicy

ANNA = Origin("transaction", "anna", "shop", "web", "10.1.2.3")


def lane(name, **told):
    return LaneSettings(name, **told)


def codes(*lanes, **settings):
    found = objections(Settings(lanes=lanes, **settings), {})
    return [type(refusal).__name__ for refusal in found]


def test_a_policy_has_everything_that_was_said():
    told = lane(
        "otp",
        door="transaction",
        reserve=2,
        guard=1,
        weight=2.0,
        limit=5,
        wait_ms_max=500,
        hold_ms_max=2000,
        borrow_hold_ms=100,
        rank=7,
        order="newest_first",
        tenants_max=9,
        shed_after_ms=250,
    )
    plan = lane_plan(Settings(lanes=(told, lane("rest", lend="no")), session_limit=3), "shop")
    assert plan.policies == (
        LanePolicy(
            "otp", "transaction", 2, 2.0, 5, 0.5, 2.0, True, 0.1, 1, True, 7, True, 9, False, 0.25
        ),
        LanePolicy("rest", lends=False, borrows=False, wait_is_default=True),
    )
    assert plan.doors == (
        DoorPolicy("transaction"), DoorPolicy("session", 3), DoorPolicy("direct"),
    )  # fmt: skip


def test_rules_in_the_order_of_the_file_and_only_where_they_can_fit():
    lanes = (
        lane("other", match=(LaneMatch(database="other"),)),
        lane("web", match=(LaneMatch(application_name="w*"),)),
        lane("anna", match=(LaneMatch(user="anna"),)),
    )
    settings = Settings(lanes=lanes, wait_ms_max=700)
    plan = lane_plan(settings, "shop")
    assert [policy.name for policy in plan.policies] == ["web", "anna"]
    assert plan.matching.place(ANNA).policy.name == "web"
    automatic = plan.matching.place(Origin("session", "berta", "shop")).policy
    assert (automatic.name, automatic.wait_s_max) == ("session:berta", 0.7)


def test_a_tag_is_a_wish_of_whom_the_rest_of_the_entry_fits():
    told = lane("otp", match=(LaneMatch(user="anna", tag="route", value="/login*"),))
    matching = lane_plan(Settings(lanes=(told,)), "shop").matching
    assert matching.wished_by(ANNA, {"route": "/login/2"}) == "otp"
    assert matching.wished_by(Origin("transaction", "b"), {"route": "/login/2"}) is None
    assert matching.place(ANNA).policy.name == "transaction:anna"


@pytest.mark.parametrize(
    ("allow", "address", "allowed"),
    [
        (("anna",), "", True),
        (("berta",), "", False),
        (("*",), "", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "11.1.2.3", False),
        (("10.0.0.0/8",), "", False),
        (("::1",), "10.1.2.3", False),
    ],
)
def test_allow_names_users_and_networks(allow, address, allowed):
    matching = lane_plan(Settings(lanes=(lane("otp", reserve=1, allow=allow),)), "shop").matching
    origin = Origin("transaction", "anna", "shop", "", address)
    placed = matching.wish(origin, matching.place(origin), "otp")
    assert placed.refused is (None if allowed else WishRefused.NOT_ALLOWED)
    assert matching.reads_addresses is any("." in each or ":" in each for each in allow)


def test_more_than_the_budget_is_refused_with_the_sum():
    lanes = (lane("otp", reserve=2), lane("mail", reserve=3, match=(LaneMatch(user="m"),)))
    places = {"lanes.mail": "f:7", "lanes.mail.reserve": "f:8"}
    (refusal,) = objections(Settings(lanes=lanes, budget=4), places)
    assert refusal.text.startswith("f:8: lanes reserve 5 server connections")
    assert refusal.text.endswith("the budget of a database has 4")
    assert "mail 3 + otp 2 = 5, more than server.budget = 4" in refusal.detail_text
    assert codes(*lanes, budget=5) == []


def test_lanes_of_different_databases_do_not_share_a_budget():
    def of(database):
        return lane(database, reserve=3, match=(LaneMatch(database=database),))

    assert codes(of("a"), of("b"), budget=5) == []
    assert codes(of("a"), of("b"), lane("all", reserve=3), budget=5) == ["LanesOverpromise"] * 2


def test_a_database_with_a_budget_of_its_own():
    own = Override("database", "small", "budget", 1, "f:3")
    lanes, reserve = (lane("otp", reserve=2),), {"budget": 5, "overrides": (own,)}
    (refusal,) = objections(Settings(lanes=lanes, **reserve), {})
    assert "more than databases.small.budget = 1" in refusal.detail_text
    elsewhere = lane("otp", reserve=2, match=(LaneMatch(database="shop"),))
    assert codes(elsewhere, **reserve) == []


def test_more_than_a_door_may_have():
    told = lane("otp", door="session", reserve=3)
    (refusal,) = objections(Settings(lanes=(told,), session_limit=2), {})
    assert "the session door has 2" in refusal.text
    assert "session.limit = 3 or more" in refusal.hint_text


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"borrow": "yes"}, ["LaneBorrowsForEver"]),
        ({"borrow": "yes", "door": "session"}, ["LaneBorrowsForEver"]),
        ({"borrow": "yes", "hold_ms_max": 5}, []),
        ({"guard": 2, "reserve": 1}, ["OutOfRange"]),
        ({"limit": 1, "reserve": 2}, ["OutOfRange"]),
        ({"lend": "no", "borrow_hold_ms": 5}, ["OutOfRange"]),
        ({"nested": 3, "limit": 3, "reserve": 1}, []),
        ({"nested": 3, "limit": 3, "reserve": 2}, ["OutOfRange"]),
        ({"nested": 3, "limit": 2}, ["OutOfRange"]),
        ({"door": "direct", "match": (LaneMatch(door="session"),)}, ["OutOfRange"]),
        ({"door": "direct", "match": (LaneMatch(door="direct"),)}, []),
    ],
)
def test_what_contradicts_itself(told, found):
    assert codes(lane("x", **told)) == found


def test_a_rule_that_nobody_comes_to():
    first = lane("a", match=(LaneMatch(user="anna"), LaneMatch(database="shop")))
    second = lane("b", match=(LaneMatch(user="anna", application_name="x"),))
    (refusal,) = objections(Settings(lanes=(first, second)), {"lanes.b.match": "f:9"})
    assert refusal.text == "f:9: nobody comes as far as the entry 1 of lane b"
    assert "the entry 1 of lane a" in refusal.detail_text
    by_door = lane("c", door="session", match=(LaneMatch(user="anna"),))
    assert codes(by_door, first) == []
    assert codes(first, by_door) == ["LaneRuleCovered"]


def test_notes_tell_what_may_not_be_meant():
    any_door = lane("web")
    lends = lane("otp", door="transaction", reserve=1)
    told = notes(Settings(lanes=(any_door, lends)))
    assert [line.split(" ")[1] for line in told] == ["web", "otp"]
    bounded = lane("otp", door="transaction", reserve=1, borrow_hold_ms=200)
    assert notes(Settings(lanes=(bounded,))) == []
    assert notes(Settings(lanes=(any_door, dataclasses.replace(bounded, guard=1)))) == []


def test_golden_tickets_count_among_what_is_promised():
    told = lane("api", nested=3)
    assert lane_plan(Settings(lanes=(told,)), "shop").policies[0].nested == 3
    assert codes(told, lane("otp", reserve=2), budget=4) == []
    assert codes(told, budget=3) == []
    (refusal,) = objections(Settings(lanes=(told,), budget=2), {"lanes.api.nested": "f:3"})
    assert refusal.text.startswith("f:3: ")
    assert "2 for nested = 3 of api + 1 for a first lease = 3" in refusal.detail_text
