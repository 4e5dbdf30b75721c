"""The two theorems as numbers."""

import pytest

from pglane.scheduler.bounds import NO_BOUND, loan_s_max, wait_s_max
from pglane.scheduler.policy import GIVE_BACK_S, LanePolicy

BROWSE = LanePolicy("browse", hold_s_max=0.3, give_back_s=0.0)
REPORTS = LanePolicy("reports", hold_s_max=0.0, borrows=False)
ENDLESS = LanePolicy("endless", hold_s_max=0.0)


def otp(**changed: object) -> LanePolicy:
    return LanePolicy("otp", reserve=1, hold_s_max=0.05, **changed)  # type: ignore[arg-type]


def test_a_loan_lasts_as_long_as_the_longest_lease_that_may_borrow() -> None:
    assert loan_s_max(otp(), [otp(), BROWSE, REPORTS]) == 0.3
    assert loan_s_max(otp(), [otp(), REPORTS]) == 0.0


def test_what_is_kept_free_is_never_away() -> None:
    assert loan_s_max(otp(lends=False), [BROWSE, ENDLESS]) == 0.0
    assert loan_s_max(otp(guard=1), [BROWSE, ENDLESS]) == 0.0


def test_a_loan_that_is_taken_back_is_away_until_then() -> None:
    assert loan_s_max(otp(), [BROWSE, ENDLESS]) == NO_BOUND
    assert loan_s_max(otp(borrow_hold_s=0.1), [ENDLESS]) == 0.1 + GIVE_BACK_S
    assert loan_s_max(otp(borrow_hold_s=0.1), [BROWSE]) == 0.1
    assert loan_s_max(otp(borrow_hold_s=0.4), [BROWSE]) == 0.3


def test_an_end_that_is_enforced_takes_its_time() -> None:
    slow = LanePolicy("slow", hold_s_max=0.3)
    assert loan_s_max(otp(), [BROWSE, slow]) == slow.lease_s_max == 0.3 + GIVE_BACK_S


@pytest.mark.parametrize(
    ("reserve", "hold", "loan", "short", "ahead", "expected"),
    [
        (1, 0.05, 0.3, True, 0, 0.3),
        (1, 0.05, 0.3, True, 2, 0.4),
        (1, 0.05, 0.3, False, 2, 0.1),
        (2, 0.05, 0.0, True, 1, 0.0),
        (2, 0.05, 0.0, True, 5, 0.1),
        (0, 0.05, 0.0, False, 0, NO_BOUND),
        (1, 0.05, NO_BOUND, True, 0, NO_BOUND),
        (1, 0.05, NO_BOUND, False, 1, 0.05),
        (1, 0.0, 0.3, True, 0, 0.3),
        (1, 0.0, 0.3, False, 1, NO_BOUND),
    ],
)
def test_the_wait_is_one_loan_and_the_rounds_of_the_lane(
    reserve: int, hold: float, loan: float, short: bool, ahead: int, expected: float
) -> None:
    found = wait_s_max(reserve, hold, loan, short=short, ahead=ahead)
    assert found == pytest.approx(expected)
