"""Reads `pglane.toml` and user files: every mistake found, each with its line.

A file is judged whole. A run that stops at the first mistake costs its reader a round for each;
so nothing here raises but `read_file` at its end, with all that was found.

Secrets may stand in the file (then others must not be able to read it), in a variable (KEY_env) or
in a file of their own (KEY_file). A secret's own file may be readable by others, with a note: that
is how container platforms mount them.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pglane.config.description import Description
from pglane.config.file_settings import file_descriptions
from pglane.config.lane_tables import LaneTables
from pglane.config.overrides import DOORS, own_descriptions, read_overrides
from pglane.config.pgbouncer_names import GUIDE, suggestion_for
from pglane.config.places import error_place, line_of, lines_of
from pglane.config.settings import User
from pglane.config.tls import SYSTEM
from pglane.config.uri import holds_password, read_uri
from pglane.config.userlist import read_userlist
from pglane.config.values import judge
from pglane.config.verifier_form import is_verifier
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import (
    FileUnreadable,
    KeyUnknown,
    SecretMissing,
    SecretReadable,
    SettingsConflict,
    SyntaxInvalid,
    TypeWrong,
    VerifierInvalid,
)
from pglane.errors.refused import RefusedError

FILE_BYTES_MAX = 16 * 1024 * 1024
SECRET_BYTES_MAX = 64 * 1024
OTHERS_READ = 0o004
KEYS_OF_USER = ("verifier", "password")
SOURCES = ("", "_env", "_file")
EXAMPLES = 'settings look like: budget = 20, addresses = ["127.0.0.1"], format = "json"'
TOLD_TWICE = re.compile(r"overwrite|twice|[Dd]uplicate|redefine|mutate")
"""In what the parser says of a key or a table that was there before."""
TWICE = "this key or table stands twice in the file: keep one of them"
LINE_OF_USERLIST = re.compile(r'^\s*"[^"\n]*"\s+"', re.MULTILINE)
OF_USERLIST = (
    "this looks like PgBouncer's list of users: name it by auth_file in [clients] of the file "
    "given by --config"
)
IN_POSTGRESQL = {
    "query_ms_max": "statement_timeout",
    "transaction_ms_max": "transaction_timeout",
    "idle_transaction_ms_max": "idle_in_transaction_session_timeout",
}
"""What PostgreSQL calls the limits that the direct door cannot keep."""
UNREAD_THERE = "at the direct door nothing is read: set {} in PostgreSQL (ALTER ROLE name SET ...)"
REFERENCE = "docs/reference/settings.md lists all settings"


@dataclass(slots=True)
class Loaded:
    """What files said.

    Attributes:
        values: by field name of `Settings`.
        places: by field name, where it was said.
        refusals: everything that is wrong.
        notes: what is worth a sentence and no refusal.
        readable: False when the file could not be read at all.
        refused: field names whose value was refused.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    readable: bool = True
    refused: set[str] = field(default_factory=set)

    def add_overrides(self, other: "Loaded") -> None:
        """Takes over the limits that another file says."""
        if more := other.values.get("overrides", ()):
            self.values["overrides"] = (*self.values.get("overrides", ()), *more)


def read_file(file: Path, environment: Mapping[str, str]) -> Loaded:
    """Reads a configuration file and the user file it names. See `Loaded.refusals`."""
    loaded = Loaded()
    _Reader(file, environment, loaded).read_settings()
    return loaded


def read_users(file: Path, environment: Mapping[str, str]) -> Loaded:
    """Reads a user file: nothing but [users.NAME] tables, never readable by others."""
    loaded = Loaded()
    _Reader(file, environment, loaded).read_users()
    return loaded


def _bytes_of(file: Path) -> bytes:
    """The whole file, which has a limit."""
    with file.open("rb") as opened:
        raw = opened.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise OSError(0, f"it is larger than {FILE_BYTES_MAX} bytes")
    return raw


def _names(setting: Description) -> tuple[str, str]:
    """What somebody might call it: as in the file, as in the log and the console."""
    return setting.key, setting.name


def _kind(said: Any) -> str:
    """What somebody meant a name of the file's top to be."""
    return "table" if isinstance(said, dict) else "setting"


def _remedy(seen: str, text: str) -> str:
    """What to do about a text that is not TOML; `seen` is what the parser says of it."""
    if LINE_OF_USERLIST.search(text):
        return OF_USERLIST
    return TWICE if TOLD_TWICE.search(seen) else EXAMPLES


class _Reader:
    """One file while it is read into a `Loaded`."""

    def __init__(self, file: Path, environment: Mapping[str, str], loaded: Loaded) -> None:
        self._file = file
        self._environment = environment
        self._loaded = loaded
        self._text = ""
        self._lines: dict[tuple[str, ...], int] = {}
        self._secret_told = False

    def _where(self, *path: str) -> str:
        return f"{self._file}:{line_of(self._lines, path)}"

    def _refuse(self, refusal: Refusal) -> None:
        self._loaded.refusals.append(refusal)

    def _tables(self) -> dict[str, Any]:
        """The parsed file; empty, with a refusal, when it cannot be read."""
        self._text = self._content()
        try:
            self._lines = lines_of(self._text)
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            line, seen = error_place(error, self._text)
            if "[pgbouncer]" in self._text:
                self._loaded.notes.append(GUIDE)
            where = f"{self._file}:{line}"
            self._refuse(SyntaxInvalid(where=where, seen=seen, remedy=_remedy(seen, self._text)))
        except (RecursionError, ValueError) as error:  # tables in tables, numbers without an end
            seen = str(error)
            self._refuse(SyntaxInvalid(where=f"{self._file}:1", seen=seen, remedy=EXAMPLES))
        return {}

    def _content(self) -> str:
        """The file's text; empty, with a refusal, when it cannot be read."""
        try:
            return _bytes_of(self._file).decode("utf-8-sig")
        except OSError as error:
            self._unreadable(error.strerror or str(error))
        except UnicodeDecodeError as error:
            self._unreadable(f"byte {error.start} is not UTF-8")
        except ValueError as error:  # a NUL in its name
            self._unreadable(str(error))
        return ""

    def _beside(self, named: str) -> Path:
        """A file as it is named in this one; one of nobody's home is none that exists."""
        try:
            return self._file.parent / Path(named).expanduser()
        except RuntimeError:
            return self._file.parent / named

    def _unreadable(self, seen: str) -> None:
        self._loaded.readable = False
        self._refuse(FileUnreadable(where=self._file, file=self._file, seen=seen))

    # --- settings

    def read_settings(self) -> None:
        """Reads all sections, then what they refer to."""
        sections = {setting.section for setting in file_descriptions()} | set(DOORS)
        for name, table in self._tables().items():
            if name == "users":
                self._read_user_tables(table)
            elif name == "lanes":
                self._read_lanes(table)
            elif name == "databases":
                self._read_database_tables(table)
            elif name not in sections:
                known = sorted(sections | {"users", "lanes", "databases"})
                self._unknown((name,), known, _kind(table))
            elif not isinstance(table, dict):
                self._wrong_table((name,), table, f"[{name}] on a line of its own")
            else:
                self._read_section(name, table)
        self._follow_uri()
        self._follow_user_files()

    def _read_lanes(self, tables: Any) -> None:
        reader = LaneTables(self._where)
        reader.read(tables)
        self._loaded.values["lanes"] = tuple(reader.lanes)
        self._loaded.places |= {"lanes": self._where("lanes")} | reader.places
        self._loaded.refusals += reader.refusals

    def _read_section(self, section: str, table: dict[str, Any]) -> None:
        known = {each.key: each for each in file_descriptions() if each.section == section}
        for setting in known.values():
            sources = SOURCES if setting.secret else ("",)
            named = [setting.key + source for source in sources if setting.key + source in table]
            for other in named[1:]:
                self._conflict((section, named[0]), (section, other))
            if not named:
                continue
            where = self._where(section, named[0])
            value = table[named[0]]
            if setting.secret:
                value = self._secret(setting.key, (section, named[0]), value)
            if value is None:
                self._loaded.refused.add(setting.name)
            else:
                self._take(setting, value, where)
        secret = [each.key + s for each in known.values() if each.secret for s in SOURCES]
        limits: list[str] = []
        if section in DOORS:
            limits = self._read_limits("door", section, table, (section,))
        for key in table:
            if key not in known and key not in secret and key not in limits:
                self._unknown((section, key), sorted([*known, *limits]))

    def _read_limits(
        self, scope: str, name: str, table: dict[str, Any], path: tuple[str, ...]
    ) -> list[str]:
        """Takes over somebody's own limits; the keys that they can have."""
        places = {key: self._where(*path, key) for key in table}
        found, refusals = read_overrides(scope, name, table, places)
        self._loaded.refusals += refusals
        if found:
            known = self._loaded.values.get("overrides", ())
            self._loaded.values["overrides"] = (*known, *found)
        return list(own_descriptions(scope, ".".join(path)))

    def _read_database_tables(self, tables: Any) -> None:
        named = tables.items() if isinstance(tables, dict) else ()
        if not isinstance(tables, dict):
            self._wrong_table(("databases",), tables, "[databases.shop] and below it its limits")
        for name, table in named:
            if not isinstance(table, dict):
                told = f"[databases.{name}] and below it its limits"
                self._wrong_table(("databases", name), table, told)
                continue
            limits = self._read_limits("database", name, table, ("databases", name))
            for key in table:
                if key not in limits:
                    self._unknown(("databases", name, key), limits)

    def _wrong_table(self, path: tuple[str, ...], seen: Any, example: str) -> None:
        self._refuse(
            TypeWrong(
                where=self._where(*path),
                key=".".join(path),
                expected="a table",
                seen=type(seen).__name__,
                example=example,
            )
        )

    def _take(self, setting: Description, value: Any, where: str) -> None:
        kept, refusal = judge(setting, value, where)
        if refusal is not None:
            self._refuse(refusal)
            self._loaded.refused.add(setting.name)
            return
        if "_tls_" in setting.name and setting.name.endswith("_file") and kept:
            kept = self._tls_file(setting, kept)
        self._loaded.values[setting.name] = kept
        self._loaded.places[setting.name] = where

    def _tls_file(self, setting: Description, named: str) -> str:
        """A file is named as seen from this one; a key that everybody can read is told."""
        if named == SYSTEM:
            return named
        file = self._beside(named)
        is_key = setting.key == "tls_key_file" and file.is_file()
        if is_key and file.stat().st_mode & OTHERS_READ:
            self._loaded.notes.append(f"everybody on this machine can read {file}")
        return str(file)

    def _unknown(self, path: tuple[str, ...], known: list[str], what: str = "setting") -> None:
        near = difflib.get_close_matches(path[-1].lower(), known, 1)
        places = {name: each.place for each in file_descriptions() for name in _names(each)}
        elsewhere = [places[name] for name in difflib.get_close_matches(path[-1], places, 1, 0.8)]
        suggestion = suggestion_for(path[-1]) or REFERENCE
        if path[0] == "direct" and path[-1] in IN_POSTGRESQL:
            suggestion = UNREAD_THERE.format(IN_POSTGRESQL[path[-1]])
        if suggestion != REFERENCE:
            near = elsewhere = []
        elif path[-1] in places:
            near = []
        if near:
            suggestion = f"did you mean {near[0]}?"
        elif elsewhere:
            section, key = elsewhere[0].split(".")
            suggestion = f"did you mean {key} in the table [{section}]?"
        where = self._where(*path)
        told = ", ".join(known)
        key = ".".join(path)
        self._refuse(
            KeyUnknown(where=where, what=what, key=key, known=told, suggestion=suggestion)
        )

    def _conflict(self, one: tuple[str, ...], other: tuple[str, ...], seen: str = "") -> None:
        self._refuse(
            SettingsConflict(
                where=self._where(*other),
                key=".".join(one),
                other=".".join(other),
                seen=seen or f"the other one stands on line {line_of(self._lines, one)}",
            )
        )

    def _follow_uri(self) -> None:
        """Takes the words of server.uri apart; it excludes the single settings."""
        uri = self._loaded.values.pop("server_uri", None)
        where = self._loaded.places.pop("server_uri", "")
        if uri is None:
            return
        for name in ("host", "port", "user", "password", "database"):
            if f"server_{name}" in self._loaded.values:
                self._refuse(
                    SettingsConflict(
                        where=self._loaded.places[f"server_{name}"],
                        key="server.uri",
                        other=f"server.{name}",
                        seen="a URI says all of them",
                    )
                )
        try:
            server = read_uri(uri, where, self._environment)
        except RefusedError as error:
            self._loaded.refusals += error.refusals
            return
        self._loaded.notes += server.notes
        for name, value in server.values().items():
            if "_tls_" in name and name in self._loaded.values:
                said = self._loaded.places[name]
                other = name.replace("_", ".", 1)
                seen = "the URI's options say it too"
                self._refuse(
                    SettingsConflict(where=said, key="server.uri", other=other, seen=seen)
                )
            self._loaded.values[name] = value
            self._loaded.places[name] = where

    def _follow_user_files(self) -> None:
        """Adds the users of our own file and of PgBouncer's."""
        for key in ("users_file", "auth_file"):
            named = self._loaded.values.pop(key, "")
            self._loaded.places.pop(key, None)
            if not named:
                continue
            more = Loaded()
            file = self._beside(named)
            reader = _Reader(file, self._environment, more)
            if key == "auth_file":
                reader.read_userlist()
            else:
                reader.read_users()
            self._add_users(key, more)

    def _add_users(self, key: str, more: Loaded) -> None:
        self._loaded.refusals += more.refusals
        self._loaded.notes += more.notes
        here = self._loaded.values.get("users", ())
        twice = {user.name for user in here} & {user.name for user in more.values["users"]}
        for name in sorted(twice):
            seen = f"user {name} is in this file too"
            self._conflict(("clients", key), ("users", name), seen)
        self._loaded.values["users"] = here + more.values["users"]
        self._loaded.add_overrides(more)
        self._loaded.places = more.places | self._loaded.places

    # --- users

    def read_users(self) -> None:
        """Reads a user file."""
        tables = self._tables()
        self._loaded.values["users"] = ()
        self._loaded.places["users"] = str(self._file)
        if tables:
            self._forbid_others()
        for name, table in tables.items():
            if name == "users":
                self._read_user_tables(table)
            else:
                self._unknown((name,), ["users"], _kind(table))

    def read_userlist(self) -> None:
        """Reads PgBouncer's user list, never readable by others."""
        users, refusals = read_userlist(self._content(), str(self._file), self._loaded.places)
        self._loaded.values["users"] = users
        self._loaded.places["users"] = str(self._file)
        self._loaded.refusals += refusals
        if self._loaded.readable:
            self._forbid_others()

    def _read_user_tables(self, tables: Any) -> None:
        users: list[User] = []
        named = tables.items() if isinstance(tables, dict) else ()
        if not isinstance(tables, dict):
            self._wrong_user_table(("users",), tables)
        for name, table in named:
            if isinstance(table, dict):
                users += self._user(name, table)
            else:
                self._wrong_user_table(("users", name), table)
        self._loaded.values["users"] = tuple(users)
        self._loaded.places["users"] = self._where("users")

    def _wrong_user_table(self, path: tuple[str, ...], seen: Any) -> None:
        self._refuse(
            TypeWrong(
                where=self._where(*path),
                key=".".join(path),
                expected="a table with verifier or password",
                seen=type(seen).__name__,
                example='[users.alice] and below it verifier = "SCRAM-SHA-256$..."',
            )
        )

    def _user(self, name: str, table: dict[str, Any]) -> list[User]:
        """One user; none, if it is of another file and the table has its limits only."""
        limits = self._read_limits("user", name, table, ("users", name))
        allowed = [key + source for key in KEYS_OF_USER for source in SOURCES] + limits
        for key in table:
            if key not in allowed:
                self._unknown(("users", name, key), allowed)
        secrets: dict[str, str] = {}
        for key in KEYS_OF_USER:
            named = [key + source for source in SOURCES if key + source in table]
            for other in named[1:]:
                self._conflict(("users", name, named[0]), ("users", name, other))
            if named:
                path = ("users", name, named[0])
                secrets[key] = self._secret(key, path, table[named[0]]) or ""
        verifier = secrets.get("verifier", "")
        if verifier and not is_verifier(verifier):
            seen = "this one begins with md5" if verifier.startswith("md5") else "it is not shown"
            where = self._where("users", name)
            self._refuse(VerifierInvalid(where=where, user=name, seen=seen))
        elif not secrets and any(key in limits for key in table):
            return []
        elif not secrets:
            where = self._where("users", name)
            self._refuse(
                SecretMissing(where=where, key=f"user {name}", seen="no verifier or password")
            )
        self._loaded.places[f"users.{name}"] = self._where("users", name)
        return [User(name, verifier, secrets.get("password", ""))]

    # --- secrets

    def _secret(self, key: str, path: tuple[str, ...], said: Any) -> str | None:
        """The secret itself; None, with a refusal, when it is not there."""
        if not isinstance(said, str):
            self._refuse(
                TypeWrong(
                    where=self._where(*path),
                    key=".".join(path),
                    expected="a text",
                    seen=type(said).__name__,
                    example=f'{path[-1]} = "..."',
                )
            )
            return None
        source = path[-1].removeprefix(key)
        if source == "_env":
            value = self._environment.get(said, "")
            seen = f"the variable {said} is not set"
        elif source == "_file":
            value, seen = self._secret_of_file(self._beside(said))
        else:
            if key != "uri" or holds_password(said):
                self._forbid_others(*path)
            return said
        if not value:
            self._refuse(SecretMissing(where=self._where(*path), key=".".join(path), seen=seen))
            return None
        return value

    def _secret_of_file(self, file: Path) -> tuple[str, str]:
        """The first line of a secret's own file, or "" and why."""
        try:
            with file.open("rb") as opened:
                raw = opened.read(SECRET_BYTES_MAX)
            lines = raw.decode().splitlines()
            if file.stat().st_mode & OTHERS_READ:
                self._loaded.notes.append(f"everybody on this machine can read {file}")
        except (OSError, ValueError) as error:
            return "", f"{file}: {getattr(error, 'strerror', None) or error}"
        return (lines[0] if lines else ""), f"{file} is empty"

    def _forbid_others(self, *path: str) -> None:
        """Refuses, once, a file that holds secrets and that everybody can read."""
        mode = self._file.stat().st_mode & 0o777
        if mode & OTHERS_READ and not self._secret_told:
            self._secret_told = True
            where = self._where(*path)
            self._refuse(SecretReadable(where=where, file=self._file, mode=f"{mode:04o}"))
