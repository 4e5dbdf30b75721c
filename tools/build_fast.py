"""Lays the compiled code out as it is run: `make fast`, for those who run it in production.

GCC counts what is run while the gateway serves the workloads of the benchmark (`bench`), each for
two seconds, with TLS and without; then it compiles once more, what was run together lies together,
and what was never run lies elsewhere. The result is the same program. It takes some minutes and
needs GCC, PostgreSQL and pgbench; whoever edits a compiled module is back at the usual build.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools import build_extensions

PROFILE = Path("build", "profile").absolute()
WORKLOADS = ["--rounds", "1", "--seconds", "2", "--sizes", "8", "--scale", "1"]


def main() -> int:
    """Builds twice, with a run between."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not is_gcc():
        print("make fast: this needs GCC; another compiler's profiles are unknown here")
        return 1
    shutil.rmtree(PROFILE, ignore_errors=True)
    if not (build(f"write:{PROFILE}") and is_counted() and build(f"read:{PROFILE}")):
        build_extensions.library().unlink(missing_ok=True)
        print("make fast: it did not work; `make setup` builds as usual", file=sys.stderr)
        return 1
    build_extensions.stamp("built")
    return build_extensions.stamp(build_extensions.FAST)


def is_gcc() -> bool:
    """Whether the compiler of this Python says that it is."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    said = subprocess.run(
        [*shlex.split(command), "--version"], capture_output=True, text=True, check=False
    )
    return "Free Software Foundation" in said.stdout


def build(profile: str) -> bool:
    """The library anew; False if it did not compile."""
    print(f"make fast: compiling, {profile.partition(':')[0]} a profile", flush=True)
    for objects in Path("build").glob("temp.*/profile"):
        shutil.rmtree(objects)
    build_extensions.unstamp("built")
    build_extensions.library().unlink(missing_ok=True)
    done = build_extensions.build(profile)
    if not build_extensions.is_fresh():
        print(done.stdout, file=sys.stderr)
    return build_extensions.is_fresh()


def is_counted() -> bool:
    """Runs the workloads, all that there are; the worker writes its counts when it ends."""
    command = [sys.executable, "-m", "bench.end_to_end", "--contenders", "pglane", "--no-files"]
    for options in ([], ["--tls"]):
        print("make fast: running the benchmark's workloads", *options, flush=True)
        done = subprocess.run(
            [*command, *WORKLOADS, *options], capture_output=True, text=True, check=False
        )
        if not any(PROFILE.glob("*client_link.gcda")):
            print(done.stdout + done.stderr, file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
