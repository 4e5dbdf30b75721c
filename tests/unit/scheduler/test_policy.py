"""What is promised, and whether it can be kept."""

from pglane.scheduler.policy import (
    GIVE_BACK_S,
    DoorPolicy,
    LanePolicy,
    Overpromised,
    kept_reservations,
    kept_tickets,
    overpromised,
)

OTP = LanePolicy("otp", reserve=2, rank=9)
MAIL = LanePolicy("mail", door="session", reserve=3)
BROWSE = LanePolicy("browse")


def test_a_reservation_that_is_not_lent_is_kept_free_as_a_whole() -> None:
    assert LanePolicy("a", reserve=3, lends=False).kept_free == 3
    assert LanePolicy("a", reserve=3).kept_free == 0
    assert LanePolicy("a", reserve=3, guard=1).kept_free == 1
    assert LanePolicy("a", reserve=3, guard=9).kept_free == 3


def test_what_can_be_kept_is_not_objected_to() -> None:
    assert overpromised(5, [OTP, MAIL, BROWSE], [DoorPolicy("session", 3)]) == []
    assert overpromised(5, [OTP, MAIL], [DoorPolicy("session")]) == []


def test_more_than_there_is_is_refused_with_the_sum() -> None:
    assert overpromised(4, [OTP, MAIL, BROWSE]) == [Overpromised("", 4, 5, "mail 3 + otp 2")]


def test_a_door_that_promises_more_than_it_has_is_refused() -> None:
    found = overpromised(9, [OTP, MAIL], [DoorPolicy("session", 2)])
    assert found == [Overpromised("session", 2, 3, "mail 3")]


def test_where_there_are_fewer_the_highest_rank_is_served_first() -> None:
    assert kept_reservations(9, [MAIL, OTP]) == {"otp": 2, "mail": 3}
    assert kept_reservations(3, [MAIL, OTP]) == {"otp": 2, "mail": 1}
    assert kept_reservations(1, [MAIL, OTP]) == {"otp": 1, "mail": 0}


def test_golden_tickets_are_promised_too() -> None:
    api = LanePolicy("api", nested=3)
    assert (api.golden, MAIL.golden) == (2, 0)
    assert overpromised(7, [OTP, MAIL, api]) == []
    told = "mail 3 + otp 2 + 2 for nested = 3 of api"
    assert overpromised(6, [api, OTP, MAIL]) == [Overpromised("", 6, 7, told)]
    told = "2 for nested = 3 of api + 1 for nested = 2 of web + 1 for a first lease"
    web = LanePolicy("web", door="session", nested=2)
    assert overpromised(4, [web, api, BROWSE]) == []
    assert overpromised(3, [web, api, BROWSE]) == [Overpromised("", 3, 4, told)]
    found = overpromised(9, [web, api], [DoorPolicy("session", 1)])
    assert found == [
        Overpromised("session", 1, 2, "1 for nested = 2 of web + 1 for a first lease")
    ]


def test_tickets_are_kept_by_rank_and_one_place_for_first_leases() -> None:
    low, high = LanePolicy("low", nested=3, rank=1), LanePolicy("high", nested=2, rank=9)
    assert kept_tickets(9, [low, high]) == {"high": 1, "low": 2}
    assert kept_tickets(3, [low, high]) == {"high": 1, "low": 1}
    assert kept_tickets(1, [low, high]) == {"high": 0, "low": 0}
    assert kept_tickets(3, [low, high, OTP]) == {"high": 1, "low": 2, "otp": 0}


def test_an_end_that_is_enforced_takes_its_time() -> None:
    assert LanePolicy("browse", hold_s_max=1.0).lease_s_max == 1.0 + GIVE_BACK_S
    assert LanePolicy("browse", hold_s_max=1.0, give_back_s=0.25).lease_s_max == 1.25
    assert LanePolicy("browse").lease_s_max == 0.0
