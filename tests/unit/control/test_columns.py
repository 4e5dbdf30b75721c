"""The console's tables."""

import pytest

from pglane.control import columns
from pglane.control.columns import TABLES, markdown


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_well_formed(table):
    assert len(set(table.keys)) == len(table.keys)
    assert all(column.name.islower() for column in table.columns)
    assert all(column.meaning and not column.meaning.endswith(".") for column in table.columns)


@pytest.mark.parametrize(
    ("table", "first_of_ours"), [("CLIENTS", "door"), ("POOLS", "door"), ("SERVERS", "door")]
)
def test_columns_of_ours_come_behind_the_known_ones(table, first_of_ours):
    known = getattr(columns, table)
    ours = [column.ours for column in known.columns]
    assert ours == sorted(ours)
    assert known.keys[ours.index(True)] == first_of_ours


def test_the_page_has_every_column_and_row():
    page = markdown()
    for table in TABLES:
        assert f"## SHOW {table.name}\n" in page
        for column in table.columns:
            assert f"| `{column.name}` | {column.type_name} | {column.meaning} |" in page
    for name in columns.LIST_NAMES:
        assert f"| `{name}` |" in page
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
