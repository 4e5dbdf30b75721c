"""The memory between supervisor and worker."""

import os
import time

import pytest

from pglane.control.shared_lanes import SharedLanes
from pglane.engine.lane_board import LaneBoard
from pglane.scheduler.policy import LanePolicy
from tests.support.lane_rig import LaneRig


def test_what_a_worker_writes_is_read_and_a_new_one_begins_anew():
    shared = SharedLanes()
    LaneBoard(shared.fd).write([("shop", LaneRig(1, LanePolicy("otp")).queue)], time.monotonic())
    assert [row["lane"] for row in shared.rows.lanes()] == ["otp"]
    LaneBoard(shared.fd)
    assert shared.rows.lanes() == []
    shared.close()
    with pytest.raises(OSError):
        os.fstat(shared.fd)
