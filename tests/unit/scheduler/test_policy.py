"""What is promised, and whether it can be kept."""

from pglane.scheduler.policy import (
    DoorPolicy,
    LanePolicy,
    Overpromised,
    kept_reservations,
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
