"""Random sessions of many clients, against a scripted server that behaves as PostgreSQL does.

Nobody gets what is another's, everybody gets all that it is owed, in order, and nothing is left of
those who have gone (`tests/support/sessions`). A play is a seed; PGLANE_SESSIONS_SEED is the first
and PGLANE_SESSIONS_EXAMPLES how many there are (`make sessions` plays thousands).

Each mutant is the engine that ships with one precaution taken out. If a search no longer finds
what that breaks, the search has gone blind.
"""

import os
from collections import Counter

import pytest

from pglane.engine import database, handover
from pglane.engine.cancel import ServerCancel
from tests.support.sessions.play import FoundSomething, play

EXAMPLES = int(os.environ.get("PGLANE_SESSIONS_EXAMPLES", "300"))
SEED = int(os.environ.get("PGLANE_SESSIONS_SEED", "0"))
SEARCHED_MAX = 400
"""Plays in which a mutant must be found."""


def found_in(plays: int) -> str:
    """What is wrong in the first play in which something is."""
    for seed in range(plays):
        try:
            play(seed)
        except FoundSomething as found:
            return str(found)
    return ""


def test_everybody_gets_what_it_is_owed_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts: Counter[str] = Counter()
    for seed in range(SEED, SEED + EXAMPLES):
        counts += play(seed)
    with capsys.disabled():
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        print(f"\nsessions: seeds {SEED} to {seed}: {told}")


FOUND = (19215, 20016)
"""Seeds that found something once: a client's CopyFail taken for our cancel; our words for one
given up before the answer to what it had hit."""


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_not_found_again(seed: int) -> None:
    play(seed, shared=False)


def test_a_seed_gives_the_same_play_again() -> None:
    assert [play(seed) for seed in range(10)] == [play(seed) for seed in range(10)]


def test_without_quarantine_a_cancel_hits_a_stranger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin, over = ServerCancel.__init__, ServerCancel._over

    def begins(self, loop, link, *more):
        begin(self, loop, link, *more)
        link.cancels -= 1

    def is_over(self):
        if self._done is not None:
            self._link.cancels += 1
        over(self)

    monkeypatch.setattr(ServerCancel, "__init__", begins)
    monkeypatch.setattr(ServerCancel, "_over", is_over)
    assert found_in(SEARCHED_MAX)


def test_without_cleaning_a_client_finds_what_another_one_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    abandoned = handover.abandoned

    def leaves_it(server):
        server.dirty = False
        abandoned(server)

    monkeypatch.setattr(handover, "abandoned", leaves_it)
    monkeypatch.setattr(database, "abandoned", leaves_it)
    assert found_in(SEARCHED_MAX)


def test_without_forgetting_a_session_binds_what_others_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handover, "has_statements", lambda _: False)
    assert found_in(SEARCHED_MAX)
