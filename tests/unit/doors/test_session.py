"""What becomes of a lease of the session door: nothing."""

import pytest

from pglane.connection.exchange import FAILED_STATUS, IDLE_STATUS, IN_TRANSACTION
from pglane.doors import DOORS, session
from pglane.doors.ending import Ending


def test_it_is_known_by_its_name() -> None:
    assert DOORS["session"] is session


@pytest.mark.parametrize("status", [IDLE_STATUS, IN_TRANSACTION, FAILED_STATUS])
@pytest.mark.parametrize("effects", [0, -1])
def test_the_client_keeps_its_server_connection(status: int, effects: int) -> None:
    assert session.after_answer(status, effects, pinned=False) is Ending.KEEP


def test_names_are_the_clients_own() -> None:
    assert not session.REWRITES_NAMES
    assert session.EXACT_BASE
