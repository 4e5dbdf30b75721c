"""Rows in the forms drivers ask for."""

import pytest

from pglane.control.columns import Column
from pglane.control.console_rows import column_formats, data_row, row_description
from pglane.errors.refused import RefusedError
from pglane.wire.server_messages import DataRow, RowDescription

COLUMNS = (Column("t", "text", "m"), Column("i", "int4", "m"), Column("b", "int8", "m"))


def values(row, formats=(0, 0, 0)):
    return DataRow.decode(data_row(COLUMNS, formats, row)[5:]).values


def test_text():
    assert values({"t": "é", "i": -7, "b": 2**40}) == ("é".encode(), b"-7", b"1099511627776")


def test_binary():
    row = {"t": "é", "i": -7, "b": 2**40}
    assert values(row, (1, 1, 1)) == (
        "é".encode(),
        b"\xff\xff\xff\xf9",
        b"\0\0\x01\0\0\0\0\0",
    )


def test_what_is_missing_is_null_and_what_is_too_much_is_not_sent():
    assert values({"i": None, "unknown": 1}) == (None, None, None)


def test_bytes_that_are_no_utf8_are_replaced():
    assert values({"t": b"a\xff".decode("utf-8", "surrogateescape")})[0] == "a\ufffd".encode()


@pytest.mark.parametrize("value", [2**31, "many", [1]])
def test_a_value_that_does_not_fit_is_told(value):
    with pytest.raises(RefusedError, match="int4 column i"):
        values({"i": value})


@pytest.mark.parametrize(
    ("asked", "given"), [((), (0, 0, 0)), ((1,), (1, 1, 1)), ((0, 1, 0), (0, 1, 0))]
)
def test_formats(asked, given):
    assert column_formats(asked, COLUMNS) == given


@pytest.mark.parametrize("asked", [(0, 1), (2,), (0, 0, 0, 0)])
def test_formats_that_cannot_be(asked):
    with pytest.raises(RefusedError, match="result formats"):
        column_formats(asked, COLUMNS)


def test_a_command_without_rows_takes_any_single_format():
    assert column_formats((1,), ()) == ()


def test_the_description():
    fields = RowDescription.decode(row_description(COLUMNS, (0, 1, 0))[5:]).fields
    assert [(each.name, each.type_oid, each.type_size, each.format) for each in fields] == [
        (b"t", 25, -1, 0),
        (b"i", 23, 4, 1),
        (b"b", 20, 8, 0),
    ]
