"""What worker and supervisor share of the lanes: written by one, read by the other."""

import os

import pytest

from pglane.engine import lane_board
from pglane.engine.lane_board import BoardReader, LaneBoard, new_board
from pglane.scheduler.bounds import NO_BOUND
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.statistics import statistics, tenant_statistics
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1, borrow_hold_s=0.25)
BROWSE = LanePolicy("browse", weight=2.0)


@pytest.fixture
def shared():
    fd = new_board()
    board, reader = LaneBoard(fd), BoardReader(fd)
    yield board, reader
    reader.close()
    os.close(fd)


def test_what_is_written_is_read(shared):
    board, reader = shared
    rig = LaneRig(2, OTP, BROWSE)
    rig.fill("browse", 2)
    rig.now += 1.0
    rig.ask("otp")
    rig.now += 2.0
    board.write([("shop", rig.queue)], rig.now)
    browse, otp = reader.read(rig.now)
    seen = {lane.name: lane for lane in statistics(rig.queue, rig.now).lanes}
    assert (otp.lane, browse.lane) == (seen["otp"], seen["browse"])
    assert {otp.database, browse.database} == {"shop"}
    assert (otp.bound_s, browse.bound_s) == (0.75, NO_BOUND)
    assert browse.tenants == tenant_statistics(rig.queue.lanes["browse"], 5, rig.now)
    assert browse.tenants_known == len(browse.tenants) > 0
    assert reader.left_out() == 0


def test_the_oldest_request_ages_while_nobody_writes(shared):
    board, reader = shared
    rig = LaneRig(1, OTP, BROWSE)
    rig.fill("browse", 1)
    rig.ask("otp")
    board.write([("shop", rig.queue)], rig.now)
    read = reader.read(rig.now + 3.0)
    assert {each.lane.name: each.lane.head_age_s for each in read} == {"otp": 3.0, "browse": 0.0}
    ages = {each.lane.name: [one.head_age_s for one in each.tenants] for each in read}
    assert ages == {"otp": [3.0], "browse": [0.0]}


def test_what_did_not_change_is_not_written_again(shared):
    board, reader = shared
    rig = LaneRig(2, OTP, BROWSE)
    board.write([("shop", rig.queue)], 1.0)
    board.write([("shop", rig.queue)], 2.0)
    assert {each.moment for each in reader.read(3.0)} == {1.0}
    rig.fill("otp", 1)
    board.write([("shop", rig.queue)], 4.0)
    assert {each.lane.name: each.moment for each in reader.read(5.0)} == {
        "otp": 4.0,
        "browse": 1.0,
    }


def test_lanes_that_are_gone_are_not_shown_and_make_room(shared):
    board, reader = shared
    rig, other = LaneRig(2, OTP), LaneRig(2, BROWSE)
    board.write([("shop", rig.queue), ("jobs", other.queue)], 1.0)
    assert [each.database for each in reader.read(1.0)] == ["jobs", "shop"]
    board.write([("jobs", other.queue)], 1.0)
    assert [each.database for each in reader.read(1.0)] == ["jobs"]
    board.write([("jobs", other.queue), ("more", rig.queue)], 1.0)
    assert [each.database for each in reader.read(1.0)] == ["jobs", "more"]


def test_more_lanes_than_there_is_room_for_are_counted(shared, monkeypatch):
    monkeypatch.setattr(lane_board, "LANES_MAX", 2)
    fd = new_board()
    board, reader = LaneBoard(fd), BoardReader(fd)
    rig = LaneRig(3, LanePolicy("a"), LanePolicy("b"), LanePolicy("c"))
    board.write([("shop", rig.queue)], 1.0)
    assert [each.lane.name for each in reader.read(1.0)] == ["a", "b"]
    assert reader.left_out() == 1
    os.close(fd)


def test_busy_lanes_take_turns(shared, monkeypatch):
    monkeypatch.setattr(lane_board, "EFFORT_MAX", 1)
    board, reader = shared
    rig = LaneRig(3, LanePolicy("a"), LanePolicy("b"))
    rig.fill("a", 1)
    rig.fill("b", 1)
    for moment in (1.0, 2.0, 3.0):
        board.write([("shop", rig.queue)], moment)
    assert {each.lane.name: each.moment for each in reader.read(5.0)} == {"a": 3.0, "b": 2.0}


def test_a_record_that_is_being_written_is_not_believed(shared):
    board, reader = shared
    rig = LaneRig(2, OTP, BROWSE)
    board.write([("shop", rig.queue)], 1.0)
    board._memory[40] ^= 1  # within the first record
    assert [each.lane.name for each in reader.read(1.0)] == ["browse"]


def test_long_names_are_cut_between_characters(shared):
    board, reader = shared
    rig = LaneRig(1, LanePolicy("é" * 50))
    board.write([("é" * 33 + "x", rig.queue)], 1.0)
    (only,) = reader.read(1.0)
    assert (only.lane.name, only.database) == ("é" * 40, "é" * 32)


def test_where_memory_has_no_descriptor_a_file_without_a_name_will_do(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    fd = new_board()
    LaneBoard(fd).write([("shop", LaneRig(1, OTP).queue)], 1.0)
    reader = BoardReader(fd)
    assert [each.lane.name for each in reader.read(1.0)] == ["otp"]
    os.close(fd)
