"""All commands together."""

from pglane.control import columns
from pglane.control.shows import SHOWS


def test_every_table_has_a_command():
    assert [show.table for show in SHOWS.values()] == list(columns.TABLES)
