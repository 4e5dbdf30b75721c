"""A suite's checkout, and the virtual environment beside it that it runs in."""

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.compat.suites import Suite


class CheckoutMissing(Exception):
    """There is no checkout of a suite; the text says how to get one."""


def found(suite: Suite, sources: Path) -> Path:
    """The checkout of `suite` below `sources`.

    Raises:
        CheckoutMissing: it is not there.
    """
    checkout = sources / suite.checkout
    if not (checkout / suite.version_file).exists():
        raise CheckoutMissing(
            f"{suite.name}: no checkout in {checkout} (there is no {suite.version_file}). "
            f"Get one ({suite.origin}) as {checkout}, "
            "or name another folder with --sources or PGLANE_COMPAT_SOURCES."
        )
    return checkout


def python_for(suite: Suite, checkout: Path) -> Path:
    """The interpreter of the suite's environment, made when it is missing or outdated."""
    environment = checkout.parent / f"environment-{suite.checkout}"
    python = environment / "bin" / "python"
    needs = [need.format(version=suite.version_of(checkout)) for need in suite.needs]
    stamp = environment / hashlib.sha256("\n".join(needs).encode()).hexdigest()
    if not stamp.exists():
        print(f"{suite.name}: making {environment}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *needs], check=True)
        stamp.touch()
    return python.absolute()
