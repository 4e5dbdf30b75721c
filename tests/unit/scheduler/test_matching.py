"""Which lane a request belongs to, and which one its client may ask for."""

import pytest

from pglane.scheduler import matching
from pglane.scheduler.matching import (
    COMMENT_CHARACTERS_MAX,
    LaneMatching,
    LaneRule,
    Origin,
    TagRule,
    WishRefused,
    tags_of,
)
from pglane.scheduler.policy import LanePolicy

OTP = LanePolicy("otp", reserve=2, rank=9)
BROWSE = LanePolicy("browse", rank=5)
BULK = LanePolicy("bulk", rank=1)
VIP = LanePolicy("vip", rank=8)
ANNA = Origin("transaction", "anna", "shop", "web-1")


def matching_of(*rules: LaneRule, **more: object) -> LaneMatching:
    return LaneMatching([OTP, BROWSE, BULK, VIP], rules, **more)  # type: ignore[arg-type]


def test_the_first_rule_that_fits_says_the_lane() -> None:
    rules = matching_of(LaneRule("browse", user="anna"), LaneRule("otp"))
    assert rules.place(ANNA).policy is BROWSE
    assert rules.place(ANNA).tenant == "web-1"
    assert rules.place(Origin("session", "berta")).policy is OTP


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (LaneRule("otp", door="transaction"), True),
        (LaneRule("otp", door="session"), False),
        (LaneRule("otp", user="anna", database="shop"), True),
        (LaneRule("otp", user="berta"), False),
        (LaneRule("otp", database="other"), False),
        (LaneRule("otp", application_name="web-*"), True),
        (LaneRule("otp", application_name="web"), False),
        (LaneRule("otp", application_name="WEB-*"), False),
    ],
)
def test_everything_that_a_rule_names_must_fit(rule: LaneRule, fits: bool) -> None:
    assert (matching_of(rule).place(ANNA).policy is OTP) is fits


def test_without_a_rule_each_user_at_each_door_is_a_lane() -> None:
    rules = matching_of()
    lane = rules.place(ANNA)
    assert lane.policy.name == "transaction:anna"
    assert lane.policy.borrows
    assert rules.place(Origin("transaction", "anna", "", "cron")).policy is lane.policy
    session = rules.place(Origin("session", "anna")).policy
    assert session.name == "session:anna"
    assert not session.borrows
    assert session.weight == lane.policy.weight


def test_too_many_users_share_a_lane_and_are_tenants_there(monkeypatch) -> None:
    monkeypatch.setattr(matching, "AUTOMATIC_MAX", 1)
    rules = matching_of()
    assert rules.place(ANNA).policy.name == "transaction:anna"
    shared = rules.place(Origin("transaction", "berta"))
    assert (shared.policy.name, shared.tenant) == ("transaction:*", "berta")
    assert rules.place(ANNA).policy.name == "transaction:anna"


def test_a_wish_may_lower_and_needs_to_be_allowed_otherwise() -> None:
    rules = matching_of(LaneRule("browse"), allow={"otp": frozenset({"anna"})})
    own = rules.place(ANNA)
    assert rules.wish(ANNA, own, "bulk").policy is BULK
    assert rules.wish(ANNA, own, "otp").policy is OTP
    berta = Origin("transaction", "berta", "shop", "web-1")
    refused = rules.wish(berta, own, "otp")
    assert (refused.policy, refused.refused) == (BROWSE, WishRefused.NOT_ALLOWED)
    assert rules.wish(berta, own, "vip").refused is WishRefused.NOT_ALLOWED
    assert rules.wish(berta, own, "gone").refused is WishRefused.UNKNOWN


def test_a_comment_can_wish_for_a_lane_or_have_a_tag_that_is_mapped_to_one() -> None:
    rules = matching_of(tags=[TagRule("route", "/otp/*", "otp"), TagRule("batch", "", "bulk")])
    assert rules.wished_by("lane='browse'") == "browse"
    assert rules.wished_by("route='%2Fotp%2Fsend',lane='browse'") == "otp"
    assert rules.wished_by("route='%2Fshop'") is None
    assert rules.wished_by("batch='yes'") == "bulk"
    assert rules.wished_by("all products") is None


@pytest.mark.parametrize(
    ("comment", "tags"),
    [
        ("lane='otp'", {"lane": "otp"}),
        (" a='1' , b='x%20y' ", {"a": "1", "b": "x y"}),
        (r"a='it\'s'", {"a": "it's"}),
        ("", {}),
        ("lane=otp", {}),
        ("lane='otp' and more", {}),
        ("lane='otp", {}),
        (",".join(f"a{n}='1'" for n in range(17)), {}),
        ("a='" + "x" * COMMENT_CHARACTERS_MAX + "'", {}),
    ],
)
def test_tags_of_a_comment(comment: str, tags: dict[str, str]) -> None:
    assert tags_of(comment) == tags
