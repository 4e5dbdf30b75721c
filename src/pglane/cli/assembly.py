"""From the command line, a file, variables and perhaps an embedded PostgreSQL to `Settings`.

The later wins: defaults, file, command line. Where the database is comes from exactly one place,
the first of: URI argument, [server] of the file, DATABASE_URL, PG* variables; if none of them says
anything, from the embedded PostgreSQL. The first line that pglane prints tells which it was.

Whoever owns the URI may come in with its password. Others are named in [users.NAME] tables.
Verifiers are made here from the passwords that were given (`cli.password_verifiers`).
"""

import argparse
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pglane.cli.password_verifiers import PasswordVerifiers
from pglane.config import rules
from pglane.config.file import Loaded, read_file, read_users
from pglane.config.settings import Settings, User, descriptions
from pglane.config.uri import Server, read_environment, read_uri
from pglane.config.values import judge
from pglane.doors import lane_plan
from pglane.errors.configuration import UriMalformed
from pglane.errors.refused import RefusedError
from pglane.wire.md5 import md5_stored

OPTIONS = {
    "transaction_port": "--transaction-port",
    "session_port": "--session-port",
    "direct_port": "--direct-port",
    "listen_addresses": "--listen",
    "unix_socket_directory": "--unix-socket-dir",
    "budget": "--budget",
    "rotate": "--rotate",
    "auth": "--auth",
}
"""Settings that an option of the command line can set."""
NAMING = ("server_host", "server_user", "server_database")
"""Settings that name a database; a port or a password alone does not."""
OF_EMBEDDED = {
    "--data-dir": "data_dir",
    "--postgres-bin": "postgres_bin",
    "--postgres-user": "postgres_user",
}
URI_ARGUMENT = "the URI"


@dataclass(slots=True)
class Assembly:
    """What was put together so far.

    Attributes:
        loaded: values, places, refusals and notes of file and command line.
        origin: where the database comes from; "" means that it is the embedded one.
        server: the database; None while it is not known, or when the file says it all.
    """

    loaded: Loaded = field(default_factory=Loaded)
    origin: str = ""
    server: Server | None = None


SHOWN_TO_ALL = (
    "the password stands in the command line, which everybody on this machine can read (ps); "
    "give the URI in DATABASE_URL, or the password in PGPASSWORD or ~/.pgpass"
)


def gather(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Assembly:
    """Reads everything that was said, and finds out where the database is.

    Raises:
        RefusedError: with all mistakes of file, options and URI.
    """
    assembly = Assembly()
    if arguments.config is not None:
        assembly.loaded = read_file(arguments.config, environment)
    _take_options(arguments, assembly.loaded)
    if arguments.users is not None:
        _take_users(arguments.users, environment, assembly.loaded)
    try:
        _find_server(arguments, environment, assembly)
    except RefusedError as error:
        assembly.loaded.refusals += error.refusals
    if assembly.loaded.refusals:
        raise RefusedError(*assembly.loaded.refusals)
    return assembly


def _take_options(arguments: argparse.Namespace, loaded: Loaded) -> None:
    known = {setting.name: setting for setting in descriptions()}
    said = {
        "transaction_port": arguments.transaction_port,
        "session_port": arguments.session_port,
        "direct_port": arguments.direct_port,
        "listen_addresses": [] if arguments.listen == ["none"] else arguments.listen,
        "unix_socket_directory": arguments.unix_socket_dir,
        "budget": arguments.budget,
        "rotate": arguments.rotate,
        "auth": arguments.auth,
    }
    for name, value in said.items():
        if value is None:
            continue
        kept, refusal = judge(known[name], value, OPTIONS[name])
        if refusal is not None:
            loaded.refusals.append(refusal)
        else:
            loaded.values[name] = kept
            loaded.places[name] = OPTIONS[name]


def _take_users(file: Path, environment: Mapping[str, str], loaded: Loaded) -> None:
    """Users of the option's file; a name that the configuration has too is replaced."""
    more = read_users(file, environment)
    loaded.refusals += more.refusals
    loaded.notes += more.notes
    users = {user.name: user for user in loaded.values.get("users", ())}
    users |= {user.name: user for user in more.values["users"]}
    loaded.values["users"] = tuple(users.values())
    loaded.places |= more.places
    loaded.add_overrides(more)


def _find_server(
    arguments: argparse.Namespace, environment: Mapping[str, str], assembly: Assembly
) -> None:
    values, places = assembly.loaded.values, assembly.loaded.places
    in_file = [name for name in NAMING if name in values]
    if arguments.embedded and arguments.uri:
        seen = "--embedded and a URI contradict each other"
        raise RefusedError(UriMalformed(where="the command line", seen=seen))
    if arguments.embedded:
        return
    if arguments.uri:
        assembly.origin = URI_ARGUMENT
        assembly.server = read_uri(arguments.uri, URI_ARGUMENT, environment)
        if _shows_password(arguments.uri):
            assembly.loaded.notes.append(SHOWN_TO_ALL)
    elif in_file:
        assembly.origin = places[in_file[0]]
    elif environment.get("DATABASE_URL"):
        assembly.origin = "DATABASE_URL"
        assembly.server = read_uri(environment["DATABASE_URL"], "DATABASE_URL", environment)
    else:
        assembly.server = read_environment(environment)
        assembly.origin = "PG* variables" if assembly.server else ""
    if assembly.server is not None:
        assembly.loaded.notes += assembly.server.notes
    if assembly.origin:
        assembly.loaded.notes += _unused(arguments, assembly.origin)


def _unused(arguments: argparse.Namespace, origin: str) -> list[str]:
    """What was said about an embedded server that nobody starts."""
    given = vars(arguments)
    said = [option for option, name in OF_EMBEDDED.items() if given[name] is not None]
    if not said:
        return []
    named = ", ".join(said)
    told = "ignored: only the embedded PostgreSQL has a use for it, and the database comes from"
    return [f"{named}: {told} {origin}"]


def _shows_password(uri: str) -> bool:
    login = uri.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return bool(login.partition(":")[2]) or "password=" in uri


def settle(
    assembly: Assembly, server: Server | None, verifiers: PasswordVerifiers | None = None
) -> Settings:
    """The settings, whole and checked.

    Args:
        assembly: what `gather` found.
        server: the database, unless the file says it.
        verifiers: those made before; a reload finds them again.

    Raises:
        RefusedError: with all that does not go together.
    """
    values: dict[str, Any] = dict(assembly.loaded.values)
    places = dict(assembly.loaded.places)
    if server is not None:
        for name, value in server.values().items():
            values[name] = value
            places[name] = assembly.origin
    settings = Settings(**values, places=tuple(sorted(places.items())))
    refusals = rules.objections(settings, places) + lane_plan.objections(settings, places)
    if refusals:
        raise RefusedError(*refusals)
    return _with_users(settings, verifiers or PasswordVerifiers())


def _with_users(settings: Settings, verifiers: PasswordVerifiers) -> Settings:
    """The URI's own user let in, verifiers made, the console opened to whom it belongs."""
    users = list(settings.users)
    if settings.server_user not in {user.name for user in users}:
        users.insert(0, User(settings.server_user, password=settings.server_password))
    if settings.auth == "md5":
        users = [_with_hash(user) for user in users]
    secret = verifiers.secret(settings.salt_secret)
    whole = verifiers.complete(users, secret)
    admins = settings.admin_users or (settings.server_user,)
    return dataclasses.replace(settings, users=whole, admin_users=admins, salt_secret=secret)


def _with_hash(user: User) -> User:
    """Whose password is all that is known is asked for md5: its driver may know nothing better."""
    if user.verifier or not user.password:
        return user
    stored = md5_stored(octets(user.name), octets(user.password))
    return dataclasses.replace(user, verifier=stored.decode())


def octets(text: str) -> bytes:
    """What stands for it on the wire."""
    return text.encode(errors="surrogateescape")
