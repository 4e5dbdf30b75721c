"""The rows that answer a question have exactly the console's columns."""

import pytest

from pglane.control.columns import TABLES
from pglane.engine.questions import MAKERS, snapshot_rows
from tests.support.engine_rig import READY, query

TABLES_BY_WORD = {table.name.lower(): table for table in TABLES}
ANSWERED_BY_THE_WORKER = sorted(set(MAKERS) - {"traffic", "dns_hosts", "memory", "holding"})


@pytest.fixture
def busy(rigs):
    """One client holds the only server connection, one waits for it."""
    rig = rigs(budget=1)
    client, server = rig.pair(application_name="shop")
    waiting = rig.client(application_name="shop")
    waiting.gets(READY)
    rig.turn()
    client.send(query("SELECT 1"))
    server.gets(b"SELECT 1")
    waiting.send(query("SELECT 2"))
    rig.turn(2)
    return rig


@pytest.mark.parametrize("what", ANSWERED_BY_THE_WORKER)
def test_keys_are_the_columns(busy, what) -> None:
    table = TABLES_BY_WORD[what]
    rows = list(snapshot_rows(busy.worker, what))
    assert rows
    for row in rows:
        assert set(row) == set(table.keys)
        for column in table.columns:
            kind = str if column.type_name == "text" else int
            assert isinstance(row[column.name], kind | None), column.name


def test_an_unknown_table_has_no_rows(rig) -> None:
    assert list(snapshot_rows(rig.worker, "nonsense")) == []
