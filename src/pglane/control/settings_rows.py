"""The rows of SHOW CONFIG: our settings by their place, then PgBouncer's names for the same.

PgBouncer's names are there for what reads them: exporters want `max_client_conn` and
`max_user_connections`, people look for what they know. Its times are in seconds.
"""

from collections.abc import Callable
from typing import Any

from pglane.config.settings import Settings, descriptions

Row = dict[str, Any]
HIDDEN = "***"

_Known = tuple[str, Callable[[Settings], object]]


def _seconds(name: str) -> Callable[[Settings], object]:
    def value(settings: Settings) -> object:
        return f"{getattr(settings, name) / 1000:g}"

    return value


def _same(name: str) -> Callable[[Settings], object]:
    def value(settings: Settings) -> object:
        return getattr(settings, name)

    return value


PGBOUNCER_NAMES: dict[str, _Known] = {
    "cancel_wait_timeout": ("cancel_ms_max", _seconds("cancel_ms_max")),
    "client_idle_timeout": ("client_idle_ms_max", _seconds("client_idle_ms_max")),
    "client_login_timeout": ("login_ms_max", _seconds("login_ms_max")),
    "default_pool_size": ("budget", _same("budget")),
    "idle_transaction_timeout": (
        "idle_transaction_ms_max",
        _seconds("idle_transaction_ms_max"),
    ),
    "listen_addr": ("listen_addresses", _same("listen_addresses")),
    "listen_port": ("transaction_port", _same("transaction_port")),
    "max_client_conn": ("clients_max", _same("clients_max")),
    "max_db_connections": ("budget", _same("budget")),
    "max_prepared_statements": (
        "statements_per_server_max",
        _same("statements_per_server_max"),
    ),
    "max_user_connections": ("", lambda _: 0),
    "pool_mode": ("", lambda _: "transaction"),
    "query_timeout": ("query_ms_max", _seconds("query_ms_max")),
    "query_wait_timeout": ("wait_ms_max", _seconds("wait_ms_max")),
    "server_connect_timeout": ("connect_ms_max", _seconds("connect_ms_max")),
    "server_idle_timeout": ("server_idle_ms_max", _seconds("server_idle_ms_max")),
    "server_lifetime": ("server_lifetime_ms_max", _seconds("server_lifetime_ms_max")),
    "transaction_timeout": ("transaction_ms_max", _seconds("transaction_ms_max")),
    "unix_socket_dir": ("unix_socket_directory", _same("unix_socket_directory")),
}
"""PgBouncer's name: our setting (empty: a fixed value) and its value in PgBouncer's unit."""


def settings_rows(settings: Settings) -> list[Row]:
    """All rows; no secret is among them."""
    standard = Settings()
    changeable = {"": False}
    rows = []
    for each in descriptions():
        changeable[each.name] = each.reloadable
        value = HIDDEN if each.secret else getattr(settings, each.name)
        rows.append(_row(each.place, value, each.default, yes=each.reloadable))
    for name, (ours, value_of) in PGBOUNCER_NAMES.items():
        rows.append(_row(name, value_of(settings), value_of(standard), yes=changeable[ours]))
    return rows


def _row(key: str, value: object, default: object, *, yes: bool) -> Row:
    return {
        "key": key,
        "value": _text(value),
        "default": _text(default),
        "changeable": "yes" if yes else "no",
    }


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
