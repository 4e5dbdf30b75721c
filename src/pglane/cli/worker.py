"""`pglane worker`: the process that moves the bytes. The supervisor starts it; people do not."""

import argparse

from pglane.engine import worker


def run(arguments: argparse.Namespace) -> int:
    """Serves until the supervisor says to end, or is gone."""
    return int(worker.run(arguments.control_fd) or 0)
