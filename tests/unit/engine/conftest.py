"""A worker in the test's own process."""

from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def rigs() -> Iterator[Callable[..., object]]:
    """Makes rigs, with other settings if wanted, and takes them away."""
    from tests.support.engine_rig import Rig  # noqa: PLC0415 -- the form is chosen by then

    made: list[Rig] = []

    def make(**changes: object) -> Rig:
        made.append(Rig(**changes))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def rig(rigs):
    return rigs()
