"""Lanes that something happened to, as a worker writes them and others read them."""

import os
from collections.abc import Sequence

from pglane.control.lane_rows import LaneRows
from pglane.engine.lane_board import BoardReader, LaneBoard, LaneReading, new_board
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", door="transaction", reserve=1, borrow_hold_s=0.25)
BROWSE = LanePolicy("browse", weight=2.0)


class WrittenLanes:
    """A rig of two lanes on a board."""

    def __init__(self) -> None:
        self.rig = LaneRig(2, OTP, BROWSE, doors=(DoorPolicy("transaction"),))
        self._fd = new_board()
        self._board = LaneBoard(self._fd)
        self._reader = BoardReader(self._fd)
        self.rows = LaneRows(self.read, self._reader.left_out)

    def read(self) -> Sequence[LaneReading]:
        self._board.write([("shop", self.rig.queue)], self.rig.now)
        return self._reader.read(self.rig.now)

    def flood(self) -> None:
        """Both places are lent, and an OTP waits two seconds for the first to end."""
        one, _ = self.rig.fill("browse", 2)
        self.rig.ask("otp")
        self.rig.now += 2.0
        self.rig.end(one)

    def close(self) -> None:
        self._reader.close()
        os.close(self._fd)


def written_lanes() -> WrittenLanes:
    """Two lanes after a flood."""
    written = WrittenLanes()
    written.flood()
    return written
