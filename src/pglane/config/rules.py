"""What settings must be together, wherever each of them came from."""

import ipaddress
from collections.abc import Mapping

from pglane.config import tls
from pglane.config.hosts import objection
from pglane.config.settings import Settings
from pglane.config.verifier_form import is_md5, iterations_of
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import (
    DatabaseIsConsole,
    Md5NotAsked,
    NetworkInTheClear,
    OutOfRange,
    PasswordNeeded,
    PortTwice,
    ServerUnknown,
    SettingsConflict,
    TlsCertificateNeeded,
    TrustNotLocal,
    VerifierTooSlow,
)
from pglane.errors.refused import RefusedError

DOORS = ("transaction", "session", "direct")
DEFAULT = "the default settings"
SALT_SECRET_BYTES_MIN = 32
PLAIN_ITERATIONS_MAX = 65_536
"""Of verifiers on which passwords are tried: some 30 ms in which nobody else is served."""


def is_loopback(address: str) -> bool:
    """True when only this machine can reach it; a name other than localhost is never sure."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


CONSOLE = "pglane"
"""The database that is none (`engine.login`)."""


def objections(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    """Everything that is wrong with the settings together.

    Args:
        settings: what was put together from files, URI, variables and command line.
        places: by field name, where it was said; for messages.
    """
    return [
        *_ports(settings, places),
        *_listeners(settings, places),
        *_server(settings, places),
        *_users(settings, places),
        *_salts(settings, places),
        *_secrets(settings, places),
        *_client_tls(settings, places),
        *_server_tls(settings, places),
    ]


def notes(settings: Settings) -> list[str]:
    """What is allowed and worth a sentence at the start."""
    return [*_open_notes(settings), *_auth_notes(settings)]


def _auth_notes(settings: Settings) -> list[str]:
    """Roles of PostgreSQL are read as one whose password is not known."""
    user = settings.auth_user
    own = settings.server_password if user == settings.server_user else ""
    if not user or own or any(known.name == user and known.password for known in settings.users):
        return []
    return [f"no password is known of clients.auth_user {user}: PostgreSQL must ask it for none"]


def _open_notes(settings: Settings) -> list[str]:
    open_to = ", ".join(_open_to(settings))
    if not open_to or settings.client_tls_sslmode in ("auto", *tls.DEMANDING):
        return []
    if settings.client_tls_sslmode == "disable":
        return [f"listening on {open_to} without TLS: whoever is on the network can read along"]
    return [f"clients of {open_to} may come without TLS: what they say then, others can read"]


def _open_to(settings: Settings) -> list[str]:
    """Addresses that other machines can reach."""
    named = [address for address in settings.listen_addresses if address.strip()]
    return [address for address in named if not is_loopback(address)]


def _ports(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    found: list[Refusal] = []
    seen: dict[int, str] = {}
    for door in DOORS:
        name = f"{door}_port"
        port: int = getattr(settings, name)
        if port and port in seen:
            where = places.get(name) or places.get(seen[port]) or DEFAULT
            found.append(PortTwice(where=where, key=name, other=seen[port], port=port))
        seen[port] = name
    return found


def _listeners(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    found: list[Refusal] = []
    where = places.get("listen_addresses", DEFAULT)
    if not settings.listen_addresses and not settings.unix_socket_directory:
        found.append(
            OutOfRange(
                where=where,
                key="listen.addresses",
                expected="an address, where listen.unix_socket_directory is not set",
                seen="none",
                suggestion="127.0.0.1 is for this machine only",
            )
        )
    for number, address in enumerate(settings.listen_addresses):
        if address in settings.listen_addresses[:number] or not address.strip():
            found.append(
                OutOfRange(
                    where=where,
                    key="listen.addresses",
                    expected="every address once",
                    seen=repr(address),
                    suggestion="remove it",
                )
            )
        elif settings.auth == "trust" and not is_loopback(address):
            place = places.get("auth", where)
            found.append(TrustNotLocal(where=place, address=address))
    return found


def _server(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    wrong = objection(settings.server_host) if "," in settings.server_host else ""
    if wrong:
        return [
            OutOfRange(
                where=places.get("server_host", DEFAULT),
                key="server.host",
                expected="hosts with commas between them, each once",
                seen=wrong,
                suggestion="as in a,b:5433",
            )
        ]
    wanted = {
        "host": settings.server_host,
        "user": settings.server_user,
        "database": settings.server_database,
    }
    if settings.server_database == CONSOLE:
        where = places.get("server_database", DEFAULT)
        return [DatabaseIsConsole(where=where, database=CONSOLE)]
    said = [name for name, value in wanted.items() if value]
    missing = [name for name, value in wanted.items() if not value]
    if not said or not missing:
        return []
    where = places.get(f"server_{said[0]}", DEFAULT)
    seen = f"server.{said[0]} is set; a server needs host, user and database"
    return [ServerUnknown(where=where, missing=f"server.{missing[0]}", seen=seen)]


def _users(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    if settings.auth == "trust" or settings.users or not settings.server_user:
        return []
    if settings.server_password:
        return []
    where = places.get("server_user", DEFAULT)
    return [PasswordNeeded(where=where, user=settings.server_user)]


def _salts(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    """One that can be guessed is worse than none: it would tell who exists."""
    seen = len(settings.salt_secret.encode())
    if not 0 < seen < SALT_SECRET_BYTES_MIN:
        return []
    return [
        OutOfRange(
            where=places.get("salt_secret", DEFAULT),
            key="clients.salt_secret",
            expected=f"at least {SALT_SECRET_BYTES_MIN} bytes, random ones",
            seen=f"{seen} bytes",
            suggestion="openssl rand -base64 32 makes one",
        )
    ]


def _secrets(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    """What is known of the users' passwords, beside the way they log in."""
    found: list[Refusal] = []
    for user in settings.users:
        where = places.get(f"users.{user.name}") or places.get("users", DEFAULT)
        if is_md5(user.verifier):
            if settings.auth == "scram":
                found.append(Md5NotAsked(where=where, user=user.name))
        elif user.verifier and settings.auth == "plain":
            iterations = iterations_of(user.verifier)
            if iterations > PLAIN_ITERATIONS_MAX:
                found.append(
                    VerifierTooSlow(
                        where=where,
                        user=user.name,
                        iterations=iterations,
                        iterations_max=PLAIN_ITERATIONS_MAX,
                    )
                )
    mode = settings.client_tls_sslmode
    if settings.auth == "cert" and mode not in tls.VERIFYING:
        found.append(
            OutOfRange(
                where=places.get("auth", DEFAULT),
                key="clients.tls_sslmode",
                expected='"verify-full" with clients.auth = "cert"',
                seen=mode,
                suggestion='say tls_sslmode = "verify-full" and name tls_ca_file in [clients]',
            )
        )
    private = settings.client_tls_cert_file or settings.unix_socket_directory
    if settings.auth == "plain" and not private:
        remedy = "set it, or give the doors a Unix socket (listen.unix_socket_directory)"
        found.append(
            TlsCertificateNeeded(
                where=places.get("auth", DEFAULT),
                asked='clients.auth = "plain"',
                key="clients.tls_cert_file",
                remedy=remedy,
            )
        )
    return found


def _client_tls(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    mode = settings.client_tls_sslmode
    if mode == "disable":
        return []
    named = [
        name
        for name in ("client_tls_cert_file", "client_tls_key_file", "client_tls_ca_file")
        if getattr(settings, name)
    ]
    wanted = ["client_tls_cert_file", "client_tls_key_file"] if named or mode != "auto" else []
    if mode in tls.VERIFYING:
        wanted.append("client_tls_ca_file")
    missing = [name for name in wanted if name not in named]
    if missing:
        said = "client_tls_sslmode" if mode != "auto" else named[0]
        return [
            TlsCertificateNeeded(
                where=places.get(said, DEFAULT),
                asked=f"clients.tls_sslmode = {mode!r}" if mode != "auto" else _place(said),
                key=_place(name),
                remedy='set it, or say tls_sslmode = "disable" in [clients]',
            )
            for name in missing
        ]
    if not named:
        where = places.get("listen_addresses", DEFAULT)
        return [NetworkInTheClear(where=where, address=address) for address in _open_to(settings)]
    try:
        tls.client_context(settings, places)
    except RefusedError as error:
        return list(error.refusals)
    return []


def _server_tls(settings: Settings, places: Mapping[str, str]) -> list[Refusal]:
    mode = settings.server_tls_sslmode
    found: list[Refusal] = []
    wanted = (
        {"server_tls_ca_file": f"server.tls_sslmode = {mode!r}"} if mode in tls.VERIFYING else {}
    )
    if settings.server_tls_cert_file:
        wanted["server_tls_key_file"] = "server.tls_cert_file"
    if settings.server_tls_key_file:
        wanted["server_tls_cert_file"] = "server.tls_key_file"
    for name, asked in wanted.items():
        if not getattr(settings, name):
            place = "server_tls_sslmode" if name.endswith("ca_file") else "server_tls_cert_file"
            found.append(
                TlsCertificateNeeded(
                    where=places.get(place, DEFAULT),
                    asked=asked,
                    key=_place(name),
                    remedy="set it (in a URI: sslrootcert, sslcert, sslkey)",
                )
            )
    for name, strong in (("ca_file", ("verify-full",)), ("negotiation", tls.DEMANDING)):
        value = getattr(settings, f"server_tls_{name}")
        if value in (tls.SYSTEM, "direct") and mode not in strong:
            seen = f"{value} needs {strong[0]}; the mode is {mode}, which others could make weaker"
            where = places.get(f"server_tls_{name}", DEFAULT)
            key, other = f"server.tls_{name}", "server.tls_sslmode"
            found.append(SettingsConflict(where=where, key=key, other=other, seen=seen))
    if not found:
        try:
            tls.server_context(settings, places)
        except RefusedError as error:
            found += error.refusals
    return found


def _place(name: str) -> str:
    return name.replace("client_", "clients.").replace("server_", "server.")
