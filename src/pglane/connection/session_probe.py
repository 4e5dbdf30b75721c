"""One question that tells whether a session holds anything that no text showed.

Asked between two leases of a server connection, after a statement whose effects are not known. Its
answer has one column for each sort of state that cannot be moved, and one number for what can: a
hash over the values of all settings that a session can change, and over the statements prepared by
SQL. Whoever asks remembers which number
belongs to which settings and has to look closer only at another one; to list all settings
(`pg_settings`) would cost three times as much.

What cannot be seen by any question: `setseed`, libraries that were loaded, and custom settings
whose name nobody knows.

Names are qualified, operators too: the client's search_path may hold others of the same name.
"""
# ruff: noqa: S608 -- names are quoted, all else is a constant of this file

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pglane.connection.session_reading import HIDDEN
from pglane.connection.settings import quoted
from pglane.wire.statement_words import Effect

RIGHTS = ("role", "session_authorization")

_SEES_ALL = "pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')"
"""Others get an error in place of a setting of `HIDDEN`. Where a function may set one for them,
all settings are reset behind the look (`catalog.HIDING`)."""
_EQUALS = "OPERATOR(pg_catalog.=)"
_LOCKS = f"""EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype {_EQUALS} 'advisory'
    AND pid {_EQUALS} pg_catalog.pg_backend_pid())"""
_TEMPORARY = f"""CASE WHEN pg_catalog.pg_my_temp_schema() {_EQUALS} 0::pg_catalog.oid THEN false
    ELSE EXISTS (SELECT FROM pg_catalog.pg_depend
      WHERE refclassid {_EQUALS} 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND refobjid {_EQUALS} pg_catalog.pg_my_temp_schema()) END"""
"""Whatever there is in the schema, by an index: it is what DISCARD TEMP goes by. No catalog has an
index that begins with the schema, and to walk through pg_class takes 25 ms among 20,000 tables."""
_PREPARED = """(SELECT pg_catalog.string_agg(
    pg_catalog.concat(' ', p.name, ' ', p.statement), ' ' ORDER BY p.name)
    FROM pg_catalog.pg_prepared_statements p WHERE p.from_sql)"""
_STATE: tuple[tuple[Effect, str], ...] = (
    (Effect.ADVISORY, _LOCKS),
    (Effect.LISTEN, "EXISTS (SELECT FROM pg_catalog.pg_listening_channels())"),
    (Effect.HOLD, "EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"),
    (Effect.TEMP, _TEMPORARY),
)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer.

    Attributes:
        settings: equal for two moments of one server connection whose settings, and statements
            prepared by SQL, are equal.
        effects: `Effect` bits of what the session holds.
    """

    settings: bytes
    effects: int


def probe_text(settings: Iterable[str]) -> str:
    """The question, for a session in which these settings may have been changed."""
    names = sorted({*settings, *RIGHTS})
    listed = _listed(name for name in names if name.lower() not in HIDDEN)
    if hidden := [name for name in names if name.lower() in HIDDEN]:
        listed = (
            f"pg_catalog.array_cat({listed}, CASE WHEN {_SEES_ALL} THEN {_listed(hidden)} END)"
        )
    settings_told = f"""(SELECT pg_catalog.string_agg(
    coalesce(pg_catalog.current_setting(n, true), ''), ' ')
    FROM pg_catalog.unnest({listed}) n)"""
    columns = [f"pg_catalog.hashtextextended(pg_catalog.concat({settings_told}, {_PREPARED}), 0)"]
    columns += [column for _, column in _STATE]
    return "SELECT " + ", ".join(columns)


def _listed(names: Iterable[str]) -> str:
    """An array of texts."""
    return quoted("{" + ",".join(map(_element, names)) + "}") + "::pg_catalog.text[]"


def _element(name: str) -> str:
    """One element of an array in its text form."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_probe(row: Sequence[bytes | None]) -> Found | None:
    """The answer in its row; None if it is no answer to that question."""
    if len(row) != 1 + len(_STATE) or row[0] is None:
        return None
    effects = 0
    for (effect, _), value in zip(_STATE, row[1:], strict=True):
        if value not in (b"t", b"f"):
            return None
        if value == b"t":
            effects |= int(effect)
    return Found(row[0], effects)


def state_names(effects: int) -> str:
    """What the bits stand for, for the log."""
    told = {
        Effect.ADVISORY: "a session advisory lock",
        Effect.LISTEN: "LISTEN",
        Effect.HOLD: "a cursor WITH HOLD",
        Effect.TEMP: "something temporary",
    }
    return ", ".join(words for effect, words in told.items() if effects & effect)
