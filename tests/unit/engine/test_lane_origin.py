"""Where a client comes from."""

from types import SimpleNamespace

import pytest

from pglane.doors import transaction
from pglane.engine.lane_origin import origin_of
from pglane.scheduler.matching import Origin


@pytest.mark.parametrize(
    ("peer", "address"),
    [(("10.0.0.7", 5000), "10.0.0.7"), (("::1", 5000), "::1"), (b"", "")],
)
def test_door_user_database_name_and_address(peer, address):
    matching = SimpleNamespace(reads_addresses=True)
    client = SimpleNamespace(
        door=transaction,
        user="anna",
        database=SimpleNamespace(name="shop", placing=SimpleNamespace(matching=matching)),
        vector=SimpleNamespace(items={"application_name": "web-1"}),
        peer=peer,
    )
    assert origin_of(client) == Origin("transaction", "anna", "shop", "web-1", address)
    client.vector.items = {"application_name": "x" * 8000}
    assert origin_of(client).application_name == "x" * 64
    client.vector.items = {}
    assert origin_of(client).application_name == ""
    matching.reads_addresses = False
    assert origin_of(client).address == ""
