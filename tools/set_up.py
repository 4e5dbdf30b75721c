"""Makes the virtual environment `.venv` and installs the package in it, editable.

`make setup` runs this under the interpreter it found, which may be too old to say so in a new
syntax: nothing outside functions may need more than Python 3.6.

Build requirements are installed in the environment itself and the package without build isolation,
so that building the extensions (`build_extensions.py`) needs neither network nor minutes. The
installation itself compiles nothing: a module that does not compile must not stop lint and types.
"""

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = Path(".venv")
PYTHON = ENVIRONMENT / "bin" / "python"
PYTHON_MIN = (3, 11)


def main(extras: "list[str]") -> int:
    """Installs the package with `extras`; stamps `.venv/.up` and `.venv/.test` say it is done."""
    complaint = complaint_about_python()
    if complaint:
        print("make setup: " + complaint, file=sys.stderr)
        return 1
    if not runs(PYTHON):
        say("making {} with Python {}.{}.{}".format(ENVIRONMENT, *sys.version_info[:3]))
        run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
    say("installing pglane and " + ", ".join(extras) + " (the first time takes a minute)")
    pip_install(*build_requirements())
    pip_install("--no-build-isolation", "--editable", ".[{}]".format(",".join(extras)))
    touch("test" if "test" in extras else "up", "up")
    return 0


def complaint_about_python() -> str:
    """What is wrong with the interpreter that runs this; "" if nothing."""
    if sys.version_info[:2] < PYTHON_MIN:
        seen = "{} is Python {}.{}.{}".format(sys.executable, *sys.version_info[:3])
        return seen + ", pglane needs 3.11 or newer. Name one: make PYTHON=python3.12 setup"
    try:
        import ensurepip  # noqa: F401, PLC0415  (Debian splits it off; to import is to know)
        import venv  # noqa: F401, PLC0415
    except ImportError as error:
        version = "{}.{}".format(*sys.version_info[:2])
        return (
            f"{sys.executable} cannot make virtual environments ({error}). On Debian and Ubuntu: "
            f"apt-get install python{version}-venv. Or name another: make PYTHON=python3.12 setup"
        )
    return ""


def runs(python: Path) -> bool:
    """False for an interpreter that is not there, broken, too old or without pip."""
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([str(python), "-c", probe], stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return done.returncode == 0


def build_requirements() -> "list[str]":
    """What pyproject.toml says a build needs."""
    import tomllib  # noqa: PLC0415  (not before the check of the version)

    with Path("pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["build-system"]["requires"])


def pip_install(*arguments: str) -> None:
    """Runs pip quietly; pip's own message is the one a person needs when it fails."""
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", *arguments], PGLANE_PURE="1")


def run(command: "list[str]", **environment: str) -> None:
    """Runs a command and leaves with its exit code if it fails."""
    code = subprocess.run(command, check=False, env={**os.environ, **environment}).returncode
    if code:
        print("make setup: failed: " + " ".join(command), file=sys.stderr)
        sys.exit(code if code > 0 else 1)


def touch(*stamps: str) -> None:
    """Leaves the stamps that make looks at."""
    for stamp in stamps:
        (ENVIRONMENT / ("." + stamp)).touch()


def say(text: str) -> None:
    """One line of progress."""
    print("make setup: " + text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
