"""SHOW CONFIG."""

import dataclasses

from pglane.config.settings import Settings, User
from pglane.control.settings_rows import HIDDEN, PGBOUNCER_NAMES, settings_rows


def rows_of(**changes):
    settings = dataclasses.replace(Settings(), **changes)
    return {row["key"]: row for row in settings_rows(settings)}


def test_our_settings_stand_by_their_place():
    rows = rows_of(budget=7, listen_addresses=("127.0.0.1", "::1"))
    told = {"key": "server.budget", "value": "7", "default": "20", "changeable": "yes"}
    assert rows["server.budget"] == told
    assert rows["listen.addresses"]["value"] == "127.0.0.1, ::1"
    assert rows["listen.addresses"]["changeable"] == "no"


def test_no_secret_is_shown():
    users = (User("a", "SCRAM-SHA-256$1:x", "hush"),)
    rows = rows_of(server_password="hush", users=users)
    assert rows["server.password"]["value"] == HIDDEN
    assert "hush" not in str(rows)
    assert "SCRAM" not in str(rows)


def test_pgbouncers_names_have_its_units():
    rows = rows_of(wait_ms_max=1500, clients_max=11, budget=3)
    assert set(PGBOUNCER_NAMES) <= set(rows)
    assert rows["query_wait_timeout"]["value"] == "1.5"
    assert rows["query_wait_timeout"]["default"] == "30"
    assert rows["max_client_conn"]["value"] == "11"
    assert rows["default_pool_size"]["value"] == rows["max_db_connections"]["value"] == "3"
    assert rows["max_user_connections"]["changeable"] == "no"
    assert rows["pool_mode"]["value"] == "transaction"


def test_what_exporters_read_are_numbers():
    rows = rows_of()
    for name in ("max_client_conn", "max_user_connections"):
        assert float(rows[name]["value"]) >= 0
