"""Where and when a comparison was made: what somebody needs who wants to repeat it."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pglane.lab import processors, procfs
from pglane.lab.gateway import version_told


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of one command."""

    date: str
    commit: str
    command: str
    cpu: str
    cores: int
    kernel: str
    python: str
    postgresql: str
    pglane: str
    rounds: int
    seed: int
    pinned: str = "nothing is pinned"
    load_before: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """Name and value."""
        return [(name, str(value)) for name, value in asdict(self).items()]


def look(command: Sequence[str], postgresql: str, rounds: int, seed: int) -> Circumstances:
    """Here and now."""
    return Circumstances(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=commit(),
        command=" ".join(command),
        cpu=cpu(),
        cores=processors.count(),
        kernel=".".join(platform.release().split(".")[:2]),
        python=platform.python_version(),
        postgresql=postgresql,
        pglane=version_told(),
        rounds=rounds,
        seed=seed,
    )


def load_average() -> str:
    """Of the machine over the last minute, as far as it is told."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except OSError:
        return "unknown"


def cpu() -> str:
    """The processor's name, as far as it is told."""
    try:
        return procfs.cpu_model()
    except OSError:
        return platform.processor() or "unknown"


def commit() -> str:
    """Short id of the sources, `-dirty` when files differ; `unknown` outside git."""

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 -- fixed words, no shell
                ["git", *arguments],  # noqa: S607 -- whichever git there is
                cwd=Path(__file__).parent,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            return "unknown"
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    dirty = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "--short", "HEAD") + ("-dirty" if dirty not in {"", "unknown"} else "")
