"""Rows of the console in the forms drivers ask for: text, and the binary forms of three types."""

from collections.abc import Sequence
from typing import Any

from pglane.control.table import Column
from pglane.errors.processes import ConsoleProtocolUnsupported, ConsoleSnapshotUnanswered
from pglane.errors.refused import RefusedError
from pglane.wire.server_messages import DataRow, FieldDescription, RowDescription

TEXT_FORMAT = 0
BINARY_FORMAT = 1


def column_formats(asked: Sequence[int], columns: Sequence[Column]) -> tuple[int, ...]:
    """One format per column: Bind may give none (all text), one for all, or one each.

    Raises:
        RefusedError: another number of formats, or a format that does not exist.
    """
    if len(asked) not in {0, 1, len(columns)} or set(asked) - {TEXT_FORMAT, BINARY_FORMAT}:
        seen = f"{len(asked)} result formats for {len(columns)} columns"
        raise RefusedError(
            ConsoleProtocolUnsupported(
                what="these result formats", seen=seen, commands="SHOW HELP"
            )
        )
    if len(asked) == len(columns):
        return tuple(asked)
    return tuple(asked or (TEXT_FORMAT,)) * len(columns)


def row_description(columns: Sequence[Column], formats: Sequence[int]) -> bytes:
    """The RowDescription message."""
    return RowDescription(
        tuple(
            FieldDescription(
                name=column.name.encode(),
                table_oid=0,
                column_number=0,
                type_oid=column.type_oid,
                type_size=column.type_bytes,
                type_modifier=-1,
                format=form,
            )
            for column, form in zip(columns, formats, strict=True)
        )
    ).encode()


def data_row(columns: Sequence[Column], formats: Sequence[int], row: dict[str, Any]) -> bytes:
    """The DataRow message.

    Raises:
        RefusedError: a value of the worker does not fit its column.
    """
    values = [
        _value(column, form, row.get(column.name))
        for column, form in zip(columns, formats, strict=True)
    ]
    return DataRow(tuple(values)).encode()


def _value(column: Column, form: int, value: Any) -> bytes | None:
    if value is None:
        return None
    if column.type_name == "text":
        # A client's bytes that are no UTF-8 come as lone surrogates; we promised UTF-8.
        raw = str(value).encode("utf-8", "surrogateescape")
        return raw.decode("utf-8", "replace").encode()
    try:
        binary = int(value).to_bytes(column.type_bytes, "big", signed=True)
    except (ValueError, TypeError, OverflowError) as error:
        reason = f"its answer has {value!r:.40} in the {column.type_name} column {column.name}"
        raise RefusedError(ConsoleSnapshotUnanswered(reason=reason)) from error
    return binary if form == BINARY_FORMAT else b"%d" % int(value)
