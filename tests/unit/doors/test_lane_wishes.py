"""What a client asks for, and what it hears when it does not get it."""

import pytest

from pglane.doors.lane_wishes import wish_refusal, wished_lane
from pglane.scheduler.matching import LaneMatching, Origin, WishRefused
from pglane.scheduler.policy import LanePolicy

ANNA = Origin("session", "anna", "shop")


@pytest.mark.parametrize(
    ("settings", "startup", "wish"),
    [
        ({}, {}, ""),
        ({"pglane.lane": "otp"}, {}, "otp"),
        ({"pglane.lane": "otp"}, {"pglane.lane": "web"}, "otp"),
        ({"pglane.lane": ""}, {"pglane.lane": "web"}, "web"),
        ({}, {"pglane.lane": "web"}, "web"),
    ],
)
def test_the_setting_is_the_wish_and_an_empty_one_the_wish_of_the_beginning(
    settings, startup, wish
):
    assert wished_lane(settings, startup) == wish


def told(why, wish, *lanes):
    return wish_refusal(why, wish, "session:anna", ANNA, LaneMatching(lanes), "db:6543")


def test_an_unknown_lane_is_told_with_what_there_is():
    refusal = told(WishRefused.UNKNOWN, "opt", LanePolicy("otp"), LanePolicy("web"))
    assert (refusal.sqlstate, refusal.text) == ("42704", 'there is no lane "opt"')
    assert refusal.hint_text == 'Did you mean "otp"?'
    refusal = told(WishRefused.UNKNOWN, "mail", LanePolicy("otp"), LanePolicy("web"))
    assert refusal.hint_text == "Lanes are otp, web."
    many = [LanePolicy(f"x{n}") for n in range(11)]
    assert told(WishRefused.UNKNOWN, "mail", *many).hint_text.endswith("x9, ....")
    assert "No lanes are configured" in told(WishRefused.UNKNOWN, "mail").hint_text


def test_a_lane_that_does_not_allow_it():
    refusal = told(WishRefused.NOT_ALLOWED, "otp", LanePolicy("otp", reserve=1))
    assert refusal.sqlstate == "42501"
    assert refusal.text == 'user "anna" may not enter lane "otp"'
    assert "[lanes.otp]" in refusal.hint_text


def test_a_lane_of_another_door_is_told_with_the_doors_address():
    refusal = told(WishRefused.OTHER_DOOR, "web", LanePolicy("web", door="transaction"))
    assert refusal.text == 'lane "web" is not for the session door'
    assert refusal.hint_text == "Connect to the transaction door: db:6543."
