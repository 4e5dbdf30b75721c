"""Loads both forms of a module, times cases on them, prints them side by side."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from pglane import compiled

REPEATS = 7
# A repeat that lasts less is run more often, so that the clock's grain does not count.
REPEAT_S_MIN = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """Something to time.

    Attributes:
        name: for the table.
        things: how many of them one call does.
        prepare: makes, from the module under test, the call that is timed.
    """

    name: str
    things: int
    prepare: Callable[[Any], Callable[[], object]]


def load_pure(name: str) -> ModuleType:
    """The module as its `.py` says, whatever is compiled."""
    source = compiled.FOLDER.parent / f"{name.replace('.', '/')}.py"
    return _load(name, source, SourceFileLoader(name, str(source)))


def load_compiled(name: str) -> ModuleType | None:
    """The module of the library; None when that is not built."""
    path = compiled.library()
    return None if path is None else _load(name, path, ExtensionFileLoader(name, str(path)))


def _load(name: str, path: Path, loader: SourceFileLoader | ExtensionFileLoader) -> ModuleType:
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def ns_each(case: Case, module: ModuleType) -> float:
    """Nanoseconds for one thing: the least of `REPEATS`."""
    call = case.prepare(module)
    call()
    calls = 1
    while _elapsed_s(call, calls) < REPEAT_S_MIN:
        calls *= 2
    least_s = min(_elapsed_s(call, calls) for _ in range(REPEATS))
    return least_s / (calls * case.things) * 1e9


def _elapsed_s(call: Callable[[], object], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - begin


def main(name: str, cases: Sequence[Case]) -> int:
    """Prints every case in both forms; 1 when there is no compiled one to compare with."""
    pure, fast = load_pure(name), load_compiled(name)
    print(f"{name}\n{'ns each':<44} {'pure':>10} {'compiled':>10} {'ratio':>8}")
    for case in cases:
        slow_ns = ns_each(case, pure)
        if fast is None:
            print(f"{case.name:<44} {slow_ns:>10.1f} {'not built':>10} {'':>8}")
            continue
        fast_ns = ns_each(case, fast)
        print(f"{case.name:<44} {slow_ns:>10.1f} {fast_ns:>10.1f} {slow_ns / fast_ns:>7.1f}x")
    if fast is None:
        print("not built: python setup.py build_ext --inplace", file=sys.stderr)
        return 1
    return 0
