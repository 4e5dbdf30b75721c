"""What a text really leaves behind in the session of a real server."""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg import pq

from pglane.wire.statements import Effect, Verdict

# One row, one column per category. A custom setting that turned from NULL into '' is not counted:
# that is what SET LOCAL always leaves, and nothing removes it.
STATE = b"""
SELECT
  (SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_catalog.pg_settings
    WHERE source = 'session' AND name NOT LIKE 'transaction_%'),
  coalesce(current_setting('app.x', true), '') || coalesce(current_setting('app.y', true), ''),
  current_user || '|' || session_user,
  (SELECT array_agg(c ORDER BY c) FROM pg_catalog.pg_listening_channels() c),
  (SELECT array_agg(name ORDER BY name) FROM pg_catalog.pg_prepared_statements WHERE from_sql),
  (SELECT array_agg(classid || ' ' || objid || ' ' || mode) FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()),
  (SELECT array_agg(relname ORDER BY relname) FROM pg_catalog.pg_class
    WHERE relnamespace = pg_catalog.pg_my_temp_schema()),
  (SELECT array_agg(name ORDER BY name) FROM pg_catalog.pg_cursors WHERE is_holdable)
"""
CATEGORIES = ("settings", "custom", "role", "channels", "prepared", "advisory", "temp", "hold")
ANYTHING = Effect.OPAQUE | Effect.EXECUTES | Effect.UNKNOWN
FITTING = {
    "settings": (
        Effect.SETTING
        | Effect.SETTING_LISTED
        | Effect.SETTING_UNKNOWN
        | Effect.SETTING_BOUND
        | Effect.CHARACTERISTICS
    ),
    "custom": Effect.SETTING | Effect.SETTING_UNKNOWN | Effect.SETTING_BOUND,
    "role": Effect.ROLE | Effect.SETTING_UNKNOWN | Effect.SETTING_BOUND,
    "channels": Effect.LISTEN,
    "prepared": Effect.PREPARED,
    "advisory": Effect.ADVISORY,
    "temp": Effect.TEMP,
    "hold": Effect.HOLD,
}
CLEANING = (b"RESET SESSION AUTHORIZATION", b"RESET ROLE", b"DISCARD ALL")


class Outcome(NamedTuple):
    """What a text did: command tags, whether it failed, what differs per category."""

    tags: list[str]
    failed: bool
    before: dict[str, str]
    after: dict[str, str]

    @property
    def changed(self) -> set[str]:
        return {name for name in CATEGORIES if self.before[name] != self.after[name]}


class SessionProbe:
    """One session in which texts are tried, cleaned after each.

    Args:
        conninfo: of a superuser; the database is a test's own.
        client_encoding: as the server names it.
        standard_conforming_strings: the setting under which texts run.
    """

    def __init__(
        self, conninfo: str, client_encoding: str, standard_conforming_strings: bool
    ) -> None:
        strings = "on" if standard_conforming_strings else "off"
        options = f"-c standard_conforming_strings={strings} -c escape_string_warning=off "
        options += "-c client_min_messages=error -c statement_timeout=2s -c backslash_quote=on"
        self._conninfo = psycopg.conninfo.make_conninfo(
            conninfo, client_encoding=client_encoding, options=options
        )
        self._connect()

    def _connect(self) -> None:
        self._connection = pq.PGconn.connect(self._conninfo.encode())
        assert self._connection.status == pq.ConnStatus.OK, self._connection.error_message
        self._clean = self._state()

    def close(self) -> None:
        self._connection.finish()

    def _exec(self, text: bytes) -> Iterator[pq.abc.PGresult]:
        connection = self._connection
        connection.send_query(text)
        while (result := connection.get_result()) is not None:
            yield result
            if result.status == pq.ExecStatus.COPY_IN:
                connection.put_copy_end(b"no data here")
            while result.status == pq.ExecStatus.COPY_OUT and connection.get_copy_data(0)[0] > 0:
                pass

    def _state(self) -> dict[str, str]:
        (result,) = self._exec(STATE)
        assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
        return {
            name: (result.get_value(0, column) or b"").decode("utf-8", "replace")
            for column, name in enumerate(CATEGORIES)
        }

    def run(self, text: bytes) -> Outcome:
        """Runs a text as one simple query, ends its transaction, looks, and cleans."""
        before = self._clean
        results = list(self._exec(text))
        failed = any(result.status == pq.ExecStatus.FATAL_ERROR for result in results)
        tags = [result.command_status.decode() for result in results if result.command_status]
        if self._connection.transaction_status in {
            pq.TransactionStatus.INTRANS,
            pq.TransactionStatus.INERROR,
        }:
            list(self._exec(b"COMMIT"))
        outcome = Outcome(tags, failed, before, self._state())
        if outcome.changed:
            for statement in CLEANING:
                list(self._exec(statement))
            if self._state() != self._clean:
                self._connection.finish()
                self._connect()
        return outcome


UNNAMED = Effect.SETTING_LISTED | Effect.SETTING_UNKNOWN


def lacking(outcome: Outcome, verdict: Verdict) -> list[str]:
    """Categories that changed although the verdict has no fitting effect."""
    effects = Effect(verdict.effects)
    found = []
    for name in sorted(outcome.changed):
        if not effects & (FITTING[name] | ANYTHING):
            found.append(name)
        elif name == "settings" and not effects & (UNNAMED | ANYTHING):
            was = set(outcome.before[name].strip("{}").split(","))
            now = set(outcome.after[name].strip("{}").split(","))
            names = {entry.strip('"').partition("=")[0].lower() for entry in now - was}
            found += sorted(names - set(verdict.settings))
    return found
