"""What /proc says."""

import os
import sys

import pytest

from pglane.lab import procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def test_cpu_time_counts_ourselves_and_only_grows() -> None:
    before = procfs.cpu_s(os.getpid())
    sum(range(200_000))
    assert procfs.cpu_s(os.getpid()) > before > 0


def test_the_machine_and_our_memory() -> None:
    times = procfs.machine_times()
    assert times.total_s >= times.busy_s > 0
    seen = procfs.memory(os.getpid())
    assert seen.resident_bytes >= seen.proportional_bytes > 0
    assert procfs.cpu_model()


def test_who_is_gone_used_nothing() -> None:
    gone = 2**22 + 1
    assert procfs.cpu_s(gone) == 0.0
