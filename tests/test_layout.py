"""Compiled code that serves clients lies together, and the list of it is not outdated."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import build_extensions, measure_order

KNOWN_MIN = 0.9


@pytest.fixture(scope="module")
def addresses() -> dict[str, int]:
    """Of the functions of the library as `make setup` builds it."""
    if build_extensions.how_built() != "compiled" or not shutil.which("nm"):
        pytest.skip("there is no usual library, or no nm to look at it")
    told = subprocess.run(
        ["nm", build_extensions.library()], capture_output=True, check=True, text=True
    )
    words = (line.split() for line in told.stdout.splitlines())
    return {word[2]: int(word[0], 16) for word in words if len(word) == 3 and word[1] in "tT"}


@pytest.fixture(scope="module")
def hot() -> list[str]:
    """Methods and functions that the list names; what Cython adds to each module is not unique."""
    lines = Path(measure_order.HOT_FUNCTIONS).read_text().splitlines()
    names = [line.split()[1] for line in lines if not line.startswith("#")]
    return [name for name in names if name.startswith("__pyx_f_")]


def test_the_list_is_not_outdated(addresses: dict[str, int], hot: list[str]) -> None:
    bare = {name.partition(".")[0] for name in addresses}
    gone = [name for name in hot if name not in bare]
    assert len(gone) < (1 - KNOWN_MIN) * len(hot), f"run `make order`; gone: {gone}"


def test_what_serves_lies_together(addresses: dict[str, int], hot: list[str]) -> None:
    text = max(addresses.values()) - min(addresses.values())
    served = [addresses[name] for name in hot if name in addresses]
    assert max(served) - min(served) < text / 5
