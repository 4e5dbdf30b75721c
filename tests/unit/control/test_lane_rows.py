"""Rows about lanes, made of what a worker wrote."""

import pytest

from pglane.control.columns_of_lanes import LANES, TENANTS, WAITS
from pglane.scheduler.reasons import REASONS, REFUSALS
from tests.support.lane_readings import written_lanes


@pytest.fixture
def written():
    lanes = written_lanes()
    yield lanes
    lanes.close()


def row_of(rows, lane):
    return next(row for row in rows if row["lane"] == lane)


def test_a_lane_with_all_that_happened_to_it(written):
    otp = row_of(written.rows.lanes(), "otp")
    assert set(LANES.keys) <= otp.keys()
    told = {key: otp[key] for key in ("database", "door", "weight", "reserve", "kept", "busy")}
    assert told == {
        "database": "shop", "door": "transaction", "weight": "1", "reserve": 1, "kept": 1,
        "busy": 1,
    }  # fmt: skip
    assert (otp["grants"], otp["waiting"], otp["head_wait"]) == (1, 0, 0)
    assert (otp["continuing"], otp["tickets"], otp["tickets_busy"]) == (0, 0, 0)
    assert otp["wait_max"] == otp["wait_p50"] == otp["wait_p99"] == otp["wait_time"] == 2_000_000
    assert otp["wait_bound"] == 750_000
    assert otp["violations"] == 1
    browse = row_of(written.rows.lanes(), "browse")
    assert (browse["grants"], browse["wait_p99"], browse["wait_bound"]) == (2, 0, None)
    assert browse["borrowed_time"] + browse["service_time"] > 0


def test_give_back_is_told_where_something_was_asked_back(written):
    assert row_of(written.rows.lanes(), "otp")["give_back_avg"] == 0
    lane = written.rig.lane("browse")
    lane.counters.recalls = 1
    assert row_of(written.rows.lanes(), "browse")["give_back_avg"] == 0, "none has come back"
    for took_s in (0.5, 0.001, 0.001):
        lane.counters.recalls += 1
        lane.counters.given_back(took_s)
    told = row_of(written.rows.lanes(), "browse")
    assert (told["give_back_avg"], told["give_back_max"]) == (167_333, 500_000)
    assert told["give_back_p99"] == 500_000
    assert (told["give_back_seconds"], told["leases_given_back"]) == (0.502, 3)
    buckets = [row for row in written.rows.give_backs() if row["lane"] == "browse"]
    assert [row["count"] for row in buckets if float(row["le"]) < 0.002] == [0, 0, 0, 2]
    assert [row["count"] for row in buckets[-1:]] == [3]


def test_a_quantile_is_the_end_of_its_bucket(written):
    counters = written.rig.lane("otp").counters
    for wait_s in [0.000_003] * 97 + [0.001] * 2:
        counters.grants += 1
        counters.waited(wait_s)
    told = row_of(written.rows.lanes(), "otp")
    assert (told["wait_p50"], told["wait_p99"], told["wait_max"]) == (4, 1024, 2_000_000)


def test_tenants(written):
    told = row_of(written.rows.tenants(), "browse")
    assert set(TENANTS.keys) <= told.keys()
    assert (told["tenant"], told["grants"], told["busy"]) == ("", 2, 1)
    assert told["held_time"] == 2_000_000
    assert (told["wait_p50"], told["wait_p99"], told["head_wait"]) == (0, 0, 0)
    waited = row_of(written.rows.tenants(), "otp")
    assert waited["wait_p50"] == waited["wait_p99"] == waited["wait_max"] == 2_000_000
    assert (waited["wait_seconds"], waited["leases_waited"]) == (2.0, 1)
    buckets = [row for row in written.rows.tenant_histograms() if row["lane"] == "otp"]
    assert [row["count"] for row in buckets if float(row["le"]) >= 2.0] == [1] * 7
    assert {row["tenant"] for row in buckets} == {""}


def test_a_deadline_that_was_missed_is_told_of_lane_and_tenant(written):
    late = written.rig.ask("browse", "late")
    written.rig.now += 0.5
    told = next(row for row in written.rows.tenants() if row["tenant"] == "late")
    assert (told["waiting"], told["head_wait"], told["deadline_misses"]) == (1, 500_000, 0)
    written.rig.now = late.expires
    assert written.rig.queue.expired(written.rig.now) == [late]
    told = next(row for row in written.rows.tenants() if row["tenant"] == "late")
    assert (told["waiting"], told["refused"], told["deadline_misses"]) == (0, 1, 1)
    lane = row_of(written.rows.lanes(), "browse")
    assert (lane["refused"], lane["deadline_misses"]) == (1, 1)
    reasons = [row for row in written.rows.tenant_reasons() if row["tenant"] == "late"]
    assert {row["reason"]: row["count"] for row in reasons if row["count"]} == {"expired": 1}


def test_only_what_happened_is_among_the_waits(written):
    assert [(row["lane"], row["kind"], row["count"]) for row in written.rows.waits()] == [
        ("otp", "wait", 1),
        ("otp", "violation", 1),
    ]
    assert set(WAITS.keys) == written.rows.waits()[0].keys()
    every = [row for row in written.rows.reasons() if row["lane"] == "otp"]
    assert len(every) == len(REASONS) + len(REFUSALS) + 3


def test_buckets_hold_all_that_is_shorter(written):
    told = [row for row in written.rows.histograms() if row["lane"] == "otp"]
    assert [row["count"] for row in told if float(row["le"]) < 2.0] == [0] * 9
    assert [row["count"] for row in told if float(row["le"]) >= 2.0] == [1] * 7
    assert (told[0]["le"], told[-1]["le"]) == ("1.6e-05", "+Inf")
    at_once = [row for row in written.rows.histograms() if row["lane"] == "browse"]
    assert {row["count"] for row in at_once} == {2}


def test_fairness_is_that_of_the_last_periods(written):
    assert written.rows.fairness() == [{"database": "shop", "fairness": 1.0}]
    assert row_of(written.rows.lanes(), "otp")["fairness"] == "1.00"
    written.rows.period_ends()
    written.rows.period_ends()
    counters = written.rig.lane("browse").counters
    counters.backlogged_s += 1.0
    counters.backlogged_service_s += 1.0
    written.rig.lane("otp").counters.backlogged_s += 1.0
    written.rig.lane("otp").counters.grants += 1
    assert written.rows.fairness()[0]["fairness"] == 0.5


def test_what_was_left_out(written):
    assert written.rows.left_out() == [{"count": 0}]
