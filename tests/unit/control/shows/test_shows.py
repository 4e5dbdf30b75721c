"""All commands together."""

from pglane.control import columns
from pglane.control.shows import COMMANDS, SHOWS


def test_every_table_has_a_command():
    assert [show.table for show in SHOWS.values()] == list(columns.TABLES)


def test_a_hint_names_them_all():
    assert COMMANDS.split(", ") == [f"SHOW {name}" for name in SHOWS]
