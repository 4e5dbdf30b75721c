"""What becomes of a lease of the transaction door."""

import pytest

from pglane.connection.exchange import FAILED_STATUS, IDLE_STATUS, IN_TRANSACTION
from pglane.doors import DOORS, transaction
from pglane.doors.ending import Ending
from pglane.wire.statements import Effect


def test_it_is_known_by_its_name() -> None:
    assert DOORS["transaction"] is transaction


@pytest.mark.parametrize("status", [IN_TRANSACTION, FAILED_STATUS])
def test_a_transaction_keeps_its_server_connection(status: int) -> None:
    assert transaction.after_answer(status, 0, pinned=False) is Ending.KEEP


def test_a_pinned_client_keeps_its_server_connection() -> None:
    assert transaction.after_answer(IDLE_STATUS, 0, pinned=True) is Ending.KEEP


@pytest.mark.parametrize(
    ("effects", "ending"),
    [
        (0, Ending.RELEASE),
        (~transaction.LASTING & int(~Effect(0)), Ending.RELEASE),
        (Effect.SETTING, Ending.READ_BACK),
        (Effect.ROLE, Ending.READ_BACK),
        (Effect.SETTING | Effect.MALFORMED, Ending.CLEAN),
        (Effect.OPAQUE, Ending.PROBE),
        (Effect.UNSEEN | Effect.SETTING, Ending.PROBE),
        (Effect.UNSEEN | Effect.ADVISORY, Ending.PIN),
        (Effect.UNSEEN | Effect.LISTEN, Ending.STOP_LISTENING),
        (Effect.DBLINK | Effect.UNSEEN, Ending.PIN),
        (Effect.TEMP | Effect.SEED | Effect.SETTING, Ending.PIN),
        (Effect.UNKNOWN, Ending.PIN),
        (Effect.LISTEN, Ending.STOP_LISTENING),
        (Effect.LISTEN | Effect.SETTING, Ending.STOP_LISTENING),
    ],
)
def test_effects_decide(effects: int, ending: Ending) -> None:
    assert transaction.after_answer(IDLE_STATUS, int(effects), pinned=False) is ending


def test_every_effect_of_a_session_has_its_ending() -> None:
    """The three groups share no effect."""
    groups = (transaction.PINNING, transaction.TRAVELLING, transaction.DIRTYING)
    assert sum(groups) == groups[0] | groups[1] | groups[2]
