"""The supervisor's side of the memory in which a worker writes what its lanes count."""

import os
import time

from pglane.control.lane_rows import LaneRows
from pglane.engine.lane_board import BoardReader, new_board


class SharedLanes:
    """One board, for one worker after the other.

    Attributes:
        fd: its descriptor, for the worker.
        rows: what is written there, as rows.
    """

    def __init__(self) -> None:
        self.fd = new_board()
        self._reader = BoardReader(self.fd)
        self.rows = LaneRows(lambda: self._reader.read(time.monotonic()), self._reader.left_out)

    def close(self) -> None:
        """Nobody reads it any more."""
        self._reader.close()
        os.close(self.fd)
