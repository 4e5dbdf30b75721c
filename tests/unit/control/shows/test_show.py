"""The commands."""

import asyncio

import pytest

from pglane.control import columns
from pglane.control.shows import COMMANDS, SHOWS
from pglane.version import VERSION


async def ask(what):
    return [{"asked": what}]


def rows(name):
    return asyncio.run(SHOWS[name].rows(ask))


@pytest.mark.parametrize("name", ["CLIENTS", "SERVERS", "POOLS", "LISTS"])
def test_the_worker_answers(name):
    assert rows(name) == [{"asked": name.lower()}]


def test_the_supervisor_answers():
    assert rows("VERSION") == [{"version": f"pglane {VERSION}"}]


def test_help_names_every_command():
    assert [row["command"] for row in rows("HELP")] == COMMANDS.split(", ")
    assert all(set(row) == set(columns.HELP.keys) for row in rows("HELP"))


def test_every_table_has_a_command():
    assert [show.table for show in SHOWS.values()] == list(columns.TABLES)
    assert SHOWS["POOLS"].columns is columns.POOLS.columns
