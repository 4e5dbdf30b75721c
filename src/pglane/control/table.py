"""What the console's tables are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT_OID = 25
INT4_OID = 23
INT8_OID = 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: key in the worker's rows and name on the wire.
        type_name: text, int4 or int8.
        meaning: one line for people.
        ours: True when PgBouncer has no such column.
    """

    name: str
    type_name: str
    meaning: str
    ours: bool = False

    @property
    def type_oid(self) -> int:
        """PostgreSQL's number of the type."""
        return {"text": TEXT_OID, "int4": INT4_OID, "int8": INT8_OID}[self.type_name]

    @property
    def type_bytes(self) -> int:
        """Its size; -1: variable."""
        return {"text": -1, "int4": 4, "int8": 8}[self.type_name]


@dataclass(frozen=True, slots=True)
class Table:
    """What one SHOW answers with.

    Attributes:
        name: the word behind SHOW, in capitals.
        meaning: one line for SHOW HELP and the reference.
        columns: what a row has.
        row_names: rows that are always the same, and their meaning.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    row_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a row, in order."""
        return tuple(column.name for column in self.columns)
