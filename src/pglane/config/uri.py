"""From what people have to a server: URIs, keyword/value texts, PG* variables, ~/.pgpass.

The rules are libpq's (PostgreSQL manual, "Connection Strings", "Environment Variables", "The
Password File"): a URI's own words first, then the variables, then defaults. What libraries add to
URIs for themselves (PgBouncer flags, pool sizes of ORMs) is ignored with a note. What asks for
security that we cannot give is refused: a connection is never quietly less than what was asked
for, and a misspelt `ssl...` option counts as asking. What is said about TLS is in `uri_tls`.

No message of this module shows a password.
"""

import getpass
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from pglane.config import uri_tls
from pglane.config.hosts import Host, hosts_of, objection
from pglane.config.settings import TARGETS
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import (
    SettingsConflict,
    UriMalformed,
    UriUnsupported,
)
from pglane.errors.refused import RefusedError

PORT = 5432
SCHEME = re.compile(r"(?:jdbc:)?(?:postgres|postgresql|postgis)(?:\+\w+)?://", re.IGNORECASE)
ANY_SCHEME = re.compile(r"([A-Za-z][\w+.:-]*)://")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
SURROGATES = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes in variables and arguments that are not UTF-8."""
SOCKET_FOLDERS = ("/var/run/postgresql", "/run/postgresql", "/tmp")  # noqa: S108 - libpq's
VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    **uri_tls.VARIABLES,
    "gssencmode": "PGGSSENCMODE",
    "require_auth": "PGREQUIREAUTH",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
NAMING = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE")
"""Variables that name a database; a password alone does not."""
OPTIONS_IGNORED = (
    "PGOPTIONS is ignored here: each client's own options hold for it, so set it there"
)
HARMLESS = {
    "gssencmode": ("disable", "prefer"),
    "require_auth": ("",),
    "load_balance_hosts": ("", "disable"),
    "replication": ("", "0", "false", "off", "no"),
    "service": ("",),
}
"""Options with a meaning of their own, and the values that ask nothing of us."""
REMEDIES = {
    "service": "name host, user and database in the URI instead",
    "gssencmode": "say gssencmode=disable",
    "require_auth": "leave it out; PostgreSQL's pg_hba.conf decides how pglane logs in",
    "load_balance_hosts": "leave it out: hosts are tried in the order in which they are named",
    "replication": "leave it out; replication goes through the direct door",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database and how to log in to it.

    Attributes:
        host: name, IP address, or the folder of a Unix socket (begins with "/"); several with
            their ports, as in `hosts`.
        port: TCP port, or the number in the socket's name; of several hosts the first one's.
        user: role.
        password: "" when none is known.
        database: name of the database.
        tls: what is said about TLS, by the key in [server].
        notes: what was ignored, one sentence each.
        target: target_session_attrs; "" when nothing is said.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    notes: tuple[str, ...] = ()
    tls: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    def values(self) -> dict[str, Any]:
        """By field name of `Settings`."""
        said = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            **self.tls,
        }
        if self.target:
            said["target_session_attrs"] = self.target
        return {f"server_{name}": value for name, value in said.items()}


def read_uri(text: str, where: str, environment: Mapping[str, str]) -> Server:
    """The server that a URI or keyword/value text names; variables fill the gaps.

    Args:
        text: what was given.
        where: name of the place it was given in, for messages.
        environment: PG* variables and HOME.

    Raises:
        RefusedError: with everything that is wrong with it.
    """
    text = text.strip()
    if SCHEME.match(text):
        words = _words_of_uri(text, where)
    elif ANY_SCHEME.match(text):
        scheme = text.split("://", 1)[0]
        raise RefusedError(UriMalformed(where=where, seen=f"{scheme}:// is not PostgreSQL"))
    elif "=" in text:
        words = _words_of_pairs(text, where)
    else:
        raise RefusedError(UriMalformed(where=where, seen="it begins with no postgresql://"))
    return _server(words, where, environment)


def holds_password(text: str) -> bool:
    """Whether a password stands in what `read_uri` reads, or may stand: it is not understood."""
    try:
        return bool(read_uri(text, "", {}).password)
    except RefusedError:
        return True


def read_environment(environment: Mapping[str, str]) -> Server | None:
    """The server that PG* variables name; None when none of `NAMING` is set."""
    named = [name for name in NAMING if environment.get(name)]
    if not named:
        return None
    return _server({}, ", ".join(named), environment)


# --- texts to words


def _words_of_uri(text: str, where: str) -> dict[str, str]:
    """The words of a URI under libpq's names; those of the query win."""
    whole = text.split("://", 1)[1]
    rest, _, query = whole.partition("?")
    authority, _, database = rest.partition("/")
    if _is_cut(authority, whole):
        seen = "a / or ? stands before the @; in a password they are written %2F and %3F"
        raise RefusedError(UriMalformed(where=where, seen=seen))
    login, _, place = authority.rpartition("@")
    if "@" in login:
        seen = "it has two @; one that belongs to the password is written %40"
        raise RefusedError(UriMalformed(where=where, seen=seen))
    user, _, password = login.partition(":")
    host, port = _host_and_port(place, where)
    words = {"user": user, "password": password, "host": host, "port": port, "dbname": database}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if not equals:
            seen = f"the option {name!r} has no value"
            raise RefusedError(UriMalformed(where=where, seen=seen))
        words[_plain(name, where)] = value
    if "database" in words:
        words["dbname"] = words.pop("database")
    return {name: _plain(value, where) for name, value in words.items() if value}


def _is_cut(authority: str, whole: str) -> bool:
    """Whether it ends within a password, which no message may show as a port or an option."""
    _, colon, port = authority.rpartition(":")
    cut = "@" in whole and "@" not in authority
    return cut and bool(colon) and not port.isdecimal() and not port.endswith("]")


def _host_and_port(place: str, where: str) -> tuple[str, str]:
    """Splits "host:port"; an IPv6 address stands in brackets, several are split each."""
    if "," in place:
        pairs = [_host_and_port(part, where) for part in place.split(",")]
        ports = ",".join(port for _, port in pairs)
        return ",".join(host for host, _ in pairs), ports if ports.strip(",") else ""
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if bracket and (not rest or rest.startswith(":")):
            return host, rest[1:]
        raise RefusedError(UriMalformed(where=where, seen="a [ without its ] in the host"))
    if place.count(":") > 1:
        seen = "several colons in the host; an IPv6 address is written [::1]"
        raise RefusedError(UriMalformed(where=where, seen=seen))
    host, _, port = place.partition(":")
    return host, port


def _plain(text: str, where: str) -> str:
    """Undoes percent-encoding, strictly."""
    if BROKEN_ESCAPE.search(text):
        seen = "a % that is not followed by two hexadecimal digits; a plain % is written %25"
        raise RefusedError(UriMalformed(where=where, seen=seen))
    try:
        plain = unquote_to_bytes(text).decode()
    except UnicodeError as error:
        seen = "its bytes are not UTF-8"
        raise RefusedError(UriMalformed(where=where, seen=seen)) from error
    if "\0" in plain:
        raise RefusedError(UriMalformed(where=where, seen="%00 cannot be part of any word"))
    return plain


def _words_of_pairs(text: str, where: str) -> dict[str, str]:
    """Reads "host=... user=...": pairs; values with spaces are quoted, a backslash escapes."""
    pattern = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)")
    words: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = pattern.match(text, at)
        if found is None:
            seen = f"from character {at + 1} on it is not keyword=value, or a quote is not closed"
            raise RefusedError(UriMalformed(where=where, seen=seen))
        value = found[2] if found[2] is not None else found[3]
        words[found[1]] = re.sub(r"\\(.)", r"\1", value)
        at = found.end()
    return words


# --- words to a server


def _server(given: dict[str, str], where: str, environment: Mapping[str, str]) -> Server:
    words = {
        name: environment[variable]
        for name, variable in VARIABLES.items()
        if environment.get(variable)
    } | given
    refusals, notes = _objections(words, given, where)
    if environment.get("PGOPTIONS"):
        notes.append(OPTIONS_IGNORED)
    tls, wrong = uri_tls.read(words, lambda name: _place(name, given, where), environment)
    refusals += wrong
    refusals += [
        UriMalformed(where=where, seen=f"the {name} is not UTF-8")
        for name, value in words.items()
        if SURROGATES.search(value)
    ]
    ports = [_port(text, where, refusals) for text in words.get("port", "").split(",")]
    port = ports[0]
    host = words.get("hostaddr") or words.get("host") or _default_host(port)
    if "," in host or len(ports) > 1:
        host = _host_list(host.split(","), ports, where, refusals)
    target = words.get("target_session_attrs", "")
    if target and target not in TARGETS:
        seen = f"target_session_attrs={target} is none of {', '.join(TARGETS)}"
        place = _place("target_session_attrs", given, where)
        refusals.append(UriMalformed(where=place, seen=seen))
    if refusals:
        raise RefusedError(*refusals)
    user = words.get("user") or getpass.getuser()
    database = words.get("dbname") or user
    password = words.get("password", "")
    if not password:
        first = hosts_of(host, port)[0].name
        password = _from_pgpass(words, environment, (first, str(port), database, user), notes)
    return Server(host, port, user, password, database, tuple(notes), tls, target)


def _host_list(names: list[str], ports: list[int], where: str, refusals: list[Refusal]) -> str:
    """Several hosts in one text, each with its port; one port is for all of them."""
    if len(ports) == 1:
        ports = ports * len(names)
    if len(ports) != len(names):
        seen = f"{len(ports)} ports for {len(names)} hosts"
        refusals.append(UriMalformed(where=where, seen=seen))
    text = ",".join(str(Host(*pair)) for pair in zip(names, ports, strict=False))
    if wrong := objection(text):
        refusals.append(UriMalformed(where=where, seen=f"the list of hosts has {wrong}"))
    return text


def _place(name: str, given: Mapping[str, str], where: str) -> str:
    """Where a word was said."""
    return where if name in given else VARIABLES.get(name, where)


def _objections(
    words: dict[str, str], given: dict[str, str], where: str
) -> tuple[list[Refusal], list[str]]:
    """What must be refused, and what is ignored and told."""
    refusals: list[Refusal] = []
    notes: list[str] = []
    for name, value in words.items():
        place = _place(name, given, where)
        option = f"{name}={value}"
        if name in HARMLESS:
            if value.lower() in HARMLESS[name]:
                continue
            seen = f"{option} is not supported, and ignoring it would not be what was asked"
            refusal = UriUnsupported(where=place, option=name, seen=seen, remedy=REMEDIES[name])
            refusals.append(refusal)
        elif name not in VARIABLES and not uri_tls.is_about_tls(name):
            notes.append(f"{where}: the option {name} is ignored")
    if given.get("host") and given.get("hostaddr") and given["host"].startswith("/"):
        refusals.append(
            SettingsConflict(where=where, key="host", other="hostaddr", seen="one is a folder")
        )
    return refusals, notes


def _port(text: str, where: str, refusals: list[Refusal]) -> int:
    if not text:
        return PORT
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    refusals.append(UriMalformed(where=where, seen=f"{text[:20]!r} is no port (1 to 65535)"))
    return PORT


def _default_host(port: int) -> str:
    """As libpq: a local Unix socket where there is one, else this machine by TCP."""
    for folder in SOCKET_FOLDERS:
        if Path(folder, f".s.PGSQL.{port}").exists():
            return folder
    return "localhost"


def _from_pgpass(
    words: dict[str, str],
    environment: Mapping[str, str],
    wanted: tuple[str, ...],
    notes: list[str],
) -> str:
    """The password of the first line that fits in the password file; "" when none does."""
    home = environment.get("HOME", "")
    file = words.get("passfile") or (str(Path(home, ".pgpass")) if home else "")
    try:
        state = os.stat(file)  # noqa: PTH116 - an empty name is no file, and not "."
        if not stat.S_ISREG(state.st_mode):
            return ""
        if state.st_mode & 0o077:
            notes.append(f"{file} is ignored: others can read it (chmod 600 {file})")
            return ""
        lines = Path(file).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    host = "localhost" if wanted[0] in SOCKET_FOLDERS else wanted[0]
    wanted = (host, *wanted[1:])
    for line in lines:
        fields = [
            re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", line, maxsplit=4)
        ]
        fits = zip(fields, wanted, strict=False)
        if len(fields) == 5 and line[0] != "#" and all(a in ("*", b) for a, b in fits):
            return fields[4]
    return ""
