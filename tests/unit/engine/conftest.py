"""A worker in the test's own process."""

from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def rigs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., object]]:
    """Makes rigs, with other settings if wanted, and takes them away.

    Their databases hold nothing that could have effects which no text shows.
    """
    from pglane.wire import unseen  # noqa: PLC0415 -- the form is chosen by then
    from pglane.wire.mentions import Names  # noqa: PLC0415
    from tests.support.engine_rig import Rig  # noqa: PLC0415

    calls = (b"dblink_exec", b"generate_series", b"pg_sleep", b"values")
    monkeypatch.setattr(unseen, "UNREAD", Names((), (), calls))

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
