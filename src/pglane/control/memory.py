"""Resident memory of our processes, as Linux tells it."""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def memory_rows(processes: Mapping[str, int], proc: Path = PROC) -> list[dict[str, Any]]:
    """One row for each process, by name and id; none for one that nothing is known of."""
    rows = []
    for name, process_id in processes.items():
        try:
            pages = int((proc / str(process_id) / "statm").read_text().split()[1])
        except (OSError, LookupError, ValueError):
            continue
        size = mmap.PAGESIZE
        told = {"name": name, "size": size, "used": pages, "free": 0, "memtotal": pages * size}
        rows.append({**told, "resident": pages * size})
    return rows
