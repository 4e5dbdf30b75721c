"""Installs the distribution's PostgreSQL, PgBouncer and more for the tests, if they are absent.

The embedded PostgreSQL comes with the package; this second, older server shows that nothing needs
the newest one. Only as root and with apt-get; elsewhere the tests that need them are skipped with
the reason that is printed here. In CI as root the servers' absence is a failure. What single tests
need is asked for once and never missed, for not every distribution has it: Spin, which checks a
model (`tests/simulation/lease_races.pml`), and the JDBC driver, where there is a Java.

Nothing may be started: while the packages are installed a `policy-rc.d` forbids services, and no
cluster is created. Both files are put back as they were.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

POSTGRESQL = "postgresql-15"
POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
START_SERVICES = Path("/usr/sbin/policy-rc.d")
MODEL_CHECKER = "spin"
JDBC = "libpostgresql-jdbc-java"
JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")
APT = ["apt-get", "-q", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0"]


def main() -> int:
    """Leaves the servers installed, or says why they are not."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        if missing():
            print(f"make servers: installing {' and '.join(missing())} with apt-get", flush=True)
            install()
        maybe_install(extras(), Path(sys.prefix, ".asked_for_extras"))
    if not missing():
        return 0
    print(f"make servers: {absence()}", file=sys.stderr)
    return 1 if is_required() else 0


def missing() -> list[str]:
    """Which of the two programs are absent."""
    found = {
        "PostgreSQL 15": (POSTGRESQL_PROGRAMS / "initdb").exists(),
        "PgBouncer": pgbouncer() is not None,
    }
    return [name for name, there in found.items() if not there]


def pgbouncer() -> str | None:
    """The program's path; Debian puts it where an ordinary user's PATH does not lead."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


def absence() -> str:
    """The reason a test gives when it is skipped."""
    names = " and ".join(missing())
    if os.geteuid() != 0:
        return f"{names} not installed; as root: apt-get install {POSTGRESQL} pgbouncer"
    if not shutil.which("apt-get"):
        return f"{names} not installed, and there is no apt-get: install them by hand"
    return f"{names} not installed: apt-get failed, see above"


def is_required() -> bool:
    """In CI as root nothing excuses a skipped test."""
    return os.environ.get("CI") == "true" and os.geteuid() == 0


def install() -> None:
    """Installs both; a failure is seen by the programs' absence."""
    apt("update")
    with replaced(START_SERVICES, "#!/bin/sh\nexit 101\n", mode=0o755):
        apt("install", "--yes", "--no-install-recommends", "postgresql-common")
        with replaced(CREATE_CLUSTER, "create_main_cluster = false\n", mode=0o644):
            apt("install", "--yes", "--no-install-recommends", POSTGRESQL, "pgbouncer")


def extras() -> list[str]:
    """Packages that single tests need and that are absent."""
    wanted = [] if shutil.which(MODEL_CHECKER) else [MODEL_CHECKER]
    if shutil.which("javac") and not JDBC_DRIVER.exists():
        wanted.append(JDBC)
    return wanted


def maybe_install(packages: list[str], asked: Path) -> None:
    """One attempt for each environment; `asked` is made then. One that fails spoils no other."""
    if not packages or asked.exists():
        return
    asked.touch()
    print(f"make servers: installing {' and '.join(packages)} with apt-get", flush=True)
    apt("update")
    for package in packages:
        apt("install", "--yes", "--no-install-recommends", package)


def apt(*arguments: str) -> None:
    """Runs apt-get without questions."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    subprocess.run([*APT, *arguments], check=False, env=environment, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def replaced(path: Path, text: str, mode: int) -> Iterator[None]:
    """`path` holds `text` for a while; afterwards it is what it was, or absent."""
    before = path.read_bytes() if path.exists() else None
    mode_before = path.stat().st_mode if before is not None else mode
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
            path.chmod(mode_before)


if __name__ == "__main__":
    sys.exit(main())
