"""The record of a lane and what follows from its settings."""

import dataclasses
import json

import pytest

from pglane.config.lanes import LaneMatch, LaneSettings, is_network, lane_descriptions


def test_json_round_trip():
    lane = LaneSettings("otp", match=(LaneMatch(user="mailer"),), allow=("anna",), weight=2.5)
    again = json.loads(json.dumps(dataclasses.asdict(lane)))
    assert LaneSettings.from_json(again) == lane


def test_every_default_is_within_its_own_limits():
    for setting in lane_descriptions():
        if isinstance(setting.default, int | float):
            assert setting.minimum <= setting.default <= setting.maximum, setting.name
            assert setting.unit, setting.name
        if setting.choices:
            assert setting.default in setting.choices


def test_the_door_of_a_lane_is_its_own_or_that_of_all_its_rules():
    by_rules = (LaneMatch("session", "a"), LaneMatch("session", "b"), LaneMatch(tag="t"))
    assert LaneSettings("x", match=by_rules).only_door == "session"
    assert LaneSettings("x", match=(*by_rules, LaneMatch(user="c"))).only_door == ""
    assert LaneSettings("x", door="direct").only_door == "direct"
    assert LaneSettings("x").only_door == ""


@pytest.mark.parametrize(
    ("told", "borrows"),
    [
        ({}, False),
        ({"door": "transaction"}, True),
        ({"door": "transaction", "borrow": "no"}, False),
        ({"door": "session"}, False),
        ({"door": "session", "hold_ms_max": 100}, True),
        ({"borrow": "yes"}, True),
    ],
)
def test_who_borrows(told, borrows):
    assert LaneSettings("x", **told).borrows is borrows


def test_a_lane_is_in_the_databases_that_its_rules_name():
    lane = LaneSettings("x", match=(LaneMatch(database="shop"), LaneMatch(tag="t")))
    assert lane.may_be_in("shop")
    assert not lane.may_be_in("other")
    assert LaneSettings("x").may_be_in("other")
    assert LaneSettings("x", match=(*lane.match, LaneMatch(user="a"))).may_be_in("other")


def test_a_rule_covers_what_is_narrower():
    everybody, anna = LaneMatch(), LaneMatch(user="anna")
    assert everybody.covers(anna)
    assert anna.covers(anna)
    assert not anna.covers(everybody)
    assert not everybody.covers(LaneMatch(tag="t"))
    assert LaneMatch(tag="t").covers(LaneMatch(tag="t", value="v"))


@pytest.mark.parametrize(
    ("allowed", "network"), [("10.0.0.0/8", True), ("::1", True), ("anna", False), ("*", False)]
)
def test_networks_and_users(allowed, network):
    assert is_network(allowed) is network
