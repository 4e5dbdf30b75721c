"""Feeds the target: `python -m tests.fuzz.run --seconds 60`.

With atheris (libFuzzer, coverage-guided) if it is installed, else with mutations drawn blindly;
`--engine` chooses. Under atheris all of pglane runs from its sources, instrumented, and the
compiled reader beside them. A failing input is written to `--findings` and its path printed; give
paths to run them again. What is found becomes a test of the module it was found in.

The target is imported late: which form of pglane it gets is decided first.
"""

import argparse
import importlib
import importlib.util
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support import pure

CORPUS = Path(__file__).parent / "corpus"
TARGET = "tests.fuzz.target"
INPUT_BYTES_MAX = 4096
INTERESTING = (b"\0", b"\xff", b"\0\0\0\4", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b",", b"=")


def mutated(source: random.Random, inputs: list[bytes]) -> bytes:
    """One of `inputs`, changed in a few places."""
    data = bytearray(source.choice(inputs))
    for _ in range(source.choice((1, 1, 2, 3, 8))):
        at = source.randrange(len(data) + 1)
        match source.randrange(6):
            case 0:
                data[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                data[at:at] = source.choice(INTERESTING)
            case 2:
                token = source.choice(INTERESTING)
                data[at : at + len(token)] = token
            case 3:
                del data[at : at + source.randrange(1, 9)]
            case 4:
                data[at:at] = data[at : at + source.randrange(1, 33)]
            case _:
                data[at:] = source.choice(inputs)[-source.randrange(1, 65) :]
    return bytes(data[:INPUT_BYTES_MAX])


def mutate(check: Callable[[bytes], None], seconds: float, seed: int, findings: Path) -> int:
    """Runs until the time is over; gives 1 if something was found."""
    source = random.Random(seed)
    inputs = [file.read_bytes() for file in sorted(CORPUS.iterdir())]
    print(f"mutations, seed {seed}, {len(inputs)} inputs to begin with")
    for data in inputs:
        check(data)
    runs = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        runs += 1
        data = mutated(source, inputs)
        try:
            check(data)
        except Exception:
            findings.mkdir(parents=True, exist_ok=True)
            file = findings / f"finding-{seed}-{runs}"
            file.write_bytes(data)
            print(f"found after {runs} runs: {file}")
            raise
    print(f"{runs} runs, nothing found")
    return 0


def guided(seconds: float, seed: int, findings: Path, work: Path) -> None:
    """Hands over to libFuzzer, which ends the process."""
    atheris = importlib.import_module("atheris")
    pure.prefer_pure()
    with atheris.instrument_imports(include=["pglane"]):
        target = importlib.import_module(TARGET)
    work.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    flags = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-seed={seed}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        "-timeout=20",
    ]
    atheris.Setup([sys.argv[0], *flags, str(work), str(CORPUS)], target.check)
    atheris.Fuzz()


def main() -> int:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--engine", choices=("auto", "atheris", "mutate"), default="auto")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings"))
    parser.add_argument("--work", type=Path, default=Path("build/fuzz/corpus"))
    parser.add_argument("again", nargs="*", type=Path, help="inputs to run once, nothing else")
    options = parser.parse_args()
    seed = options.seed
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "big") or 1
    if not options.again and chosen(options.engine) == "atheris":
        guided(options.seconds, seed, options.findings, options.work)
    target = importlib.import_module(TARGET)
    for file in options.again:
        target.check(file.read_bytes())
    if options.again:
        return 0
    return mutate(target.check, options.seconds, seed, options.findings)


def chosen(engine: str) -> str:
    """What `auto` means here."""
    if engine != "auto":
        return engine
    return "mutate" if importlib.util.find_spec("atheris") is None else "atheris"


if __name__ == "__main__":
    sys.exit(main())
