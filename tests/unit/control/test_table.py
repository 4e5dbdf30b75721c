"""Columns and tables."""

import pytest

from pglane.control.table import Column, Table


@pytest.mark.parametrize(
    ("type_name", "oid", "size"), [("text", 25, -1), ("int4", 23, 4), ("int8", 20, 8)]
)
def test_types_are_postgresqls(type_name, oid, size):
    column = Column("x", type_name, "m")
    assert (column.type_oid, column.type_bytes) == (oid, size)


def test_keys_are_the_columns_names_in_order():
    assert Table("T", "m", (Column("b", "text", "m"), Column("a", "int4", "m"))).keys == ("b", "a")
