"""What is left open is told from what only takes its time to close."""

from tests.soak.rest import SERVER_CONNECTIONS, come_to_rest, left_open

BEFORE = {"supervisor": 15, "worker": 13, SERVER_CONNECTIONS: 0}
CLOSING = {"supervisor": 16, "worker": 20, SERVER_CONNECTIONS: 2}
"""Five server connections were closed between the two counts."""
CLOSED = {"supervisor": 16, "worker": 15, SERVER_CONNECTIONS: 2}


def test_server_connections_explain_descriptors() -> None:
    assert left_open(BEFORE, CLOSED) == []
    assert left_open(BEFORE, CLOSING | {SERVER_CONNECTIONS: 3}) == []
    assert left_open(BEFORE, CLOSING) == ["worker: 20 descriptors at rest, 13 at the beginning"]


def test_what_closes_within_a_moment_is_no_leak() -> None:
    looks = iter([CLOSING, CLOSING, CLOSED])
    assert come_to_rest(lambda: next(looks), BEFORE) == CLOSED


def test_what_stays_is_told() -> None:
    looks: list[None] = []

    def look() -> dict[str, int]:
        looks.append(None)
        return CLOSING

    assert come_to_rest(look, BEFORE, within_s=0.05) == CLOSING
    assert len(looks) > 1
