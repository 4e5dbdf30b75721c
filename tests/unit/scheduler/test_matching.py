"""Which lane a request belongs to, and which one its client may ask for."""

import pytest

from pglane.scheduler import matching
from pglane.scheduler.matching import (
    LaneMatching,
    LaneRule,
    Origin,
    TagRule,
    WishRefused,
    tenant_name,
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
    assert rules.names == ["otp", "browse", "bulk", "vip"]
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


def test_names_of_lanes_are_known() -> None:
    rules = matching_of()
    for known in ("otp", "bulk", "transaction:anna", "transaction:*"):
        assert rules.knows(ANNA, known)
    for unknown in ("", "OTP", "transaction:berta", "session:anna"):
        assert not rules.knows(ANNA, unknown)


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
    rules = matching_of(LaneRule("browse"), allow={"otp": lambda origin: origin.user == "anna"})
    own = rules.place(ANNA)
    assert rules.wish(ANNA, own, "bulk").policy is BULK
    assert rules.wish(ANNA, own, "otp").policy is OTP
    berta = Origin("transaction", "berta", "shop", "web-1")
    refused = rules.wish(berta, own, "otp")
    assert (refused.policy, refused.refused) == (BROWSE, WishRefused.NOT_ALLOWED)
    assert rules.wish(berta, own, "vip").refused is WishRefused.NOT_ALLOWED
    assert rules.wish(berta, own, "gone").refused is WishRefused.UNKNOWN


def test_a_wish_for_ones_own_lane_changes_nothing() -> None:
    rules = matching_of()
    own = rules.place(ANNA)
    assert rules.wish(ANNA, own, "transaction:anna") == own


def test_more_weight_is_no_lowering() -> None:
    rules = LaneMatching([LanePolicy("heavy", weight=2.0), LanePolicy("light", weight=0.5)])
    own = rules.place(ANNA)
    assert rules.wish(ANNA, own, "heavy").refused is WishRefused.NOT_ALLOWED
    assert rules.wish(ANNA, own, "light").refused is None


def test_a_lane_of_one_door_is_not_entered_through_another() -> None:
    policy = LanePolicy("pooled", door="transaction")
    rules = LaneMatching([policy], [LaneRule("pooled", user="anna")])
    session = Origin("session", "anna")
    assert rules.place(ANNA).policy is policy
    own = rules.place(session)
    assert own.policy.name == "session:anna"
    assert rules.wish(session, own, "pooled").refused is WishRefused.OTHER_DOOR
    assert rules.door_of("pooled") == "transaction"


def test_tags_can_wish_for_a_lane_or_be_mapped_to_one() -> None:
    mailers = LaneRule("otp", user="mailer")
    tags = [
        TagRule("route", "/otp/*", "otp"),
        TagRule("batch", "", "bulk"),
        TagRule("job", "", "otp", mailers),
    ]
    rules = matching_of(tags=tags)
    assert rules.reads_tags
    assert not LaneMatching().reads_tags
    assert rules.wished_by(ANNA, {"lane": "browse"}) == "browse"
    assert rules.wished_by(ANNA, {"route": "/otp/send", "lane": "browse"}) == "otp"
    assert rules.wished_by(ANNA, {"route": "/shop"}) is None
    assert rules.wished_by(ANNA, {"batch": "yes"}) == "bulk"
    assert rules.wished_by(ANNA, {"job": "7"}) is None
    assert rules.wished_by(Origin("session", "mailer"), {"job": "7"}) == "otp"


@pytest.mark.parametrize(
    ("application_name", "tenant"),
    [
        ("web", "web"),
        ("pg15 app-2", "pg15 app-2"),
        ("puma: cluster worker 3: 12345 [shop]", "puma: cluster worker 3: # [shop]"),
        ("worker[99821]", "worker[#]"),
        ("celery@0f3a9b2c4d5e", "celery@#"),
        ("run-6f1e9c2a-1b2c-4d3e-8f90-aabbccddeeff", "run-#"),
        ("decade", "decade"),
        ("x" * 200, "x" * 64),
    ],
)
def test_ids_of_processes_do_not_make_tenants(application_name: str, tenant: str) -> None:
    assert tenant_name(application_name) == tenant


def test_what_tenants_have_in_common_is_the_lanes_choice() -> None:
    lanes = [LanePolicy("a"), LanePolicy("b"), LanePolicy("c")]
    rules = [LaneRule("a", user="a"), LaneRule("b", user="b"), LaneRule("c", user="c")]
    kinds = {"a": "user", "b": "address"}
    matching = LaneMatching(lanes, rules, tenants=kinds)

    def tenant(user: str) -> str:
        return matching.place(Origin("direct", user, "", "app 4711", "10.0.0.1")).tenant

    assert matching.reads_addresses
    assert not matching_of().reads_addresses
    assert [tenant("a"), tenant("b"), tenant("c")] == ["a", "10.0.0.1", "app #"]
