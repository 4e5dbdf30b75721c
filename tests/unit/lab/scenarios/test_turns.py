"""Bulk work beside a client that comes for the first time; and the same when bulk is silent."""

from pglane.lab.scenarios.turns import FIRST_TURN


def test_without_load_the_bulk_is_over_before_anybody_comes() -> None:
    loaded, idle = FIRST_TURN.variants
    bulk, otp = idle.streams
    assert bulk.end_s + bulk.work_s < otp.begin_s
    assert loaded.streams[0].end_s == 0.0
    assert otp.each_time


def test_whoever_asks_last_is_refused_before_the_run_ends() -> None:
    assert FIRST_TURN.grace_s > FIRST_TURN.wait_s_max
