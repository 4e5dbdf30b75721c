"""Family 01: what somebody wrote in a file, a URI, a variable or on the command line.

`where` of every class names the place: "pglane.toml:12", "--budget", "DATABASE_URL". No text
of this family ever shows a value that may be a secret.
"""

from typing import ClassVar

from pglane.errors.catalogue import Refusal


class AtConfiguration:
    """What all of this family share; PostgreSQL's class F0 is "configuration file error"."""

    sqlstate: ClassVar[str] = "F0000"
    retry_safe: ClassVar[bool] = True
    log_level: ClassVar[str] = "error"


class UriMalformed(AtConfiguration, Refusal):
    """Not a URI of a PostgreSQL database, nor a keyword/value text."""

    code = "PGL0101"
    message = "{where}: this does not name a PostgreSQL database"
    detail = "{seen}"
    hint = (
        "expected is postgresql://user:password@host:5432/database (special characters of a "
        "password percent-encoded: @ is %40, / is %2F), or 'host=... user=... dbname=...'"
    )


class UriUnsupported(AtConfiguration, Refusal):
    """Understood, and not something pglane can do; ignoring it would be wrong silently."""

    code = "PGL0102"
    message = "{where}: pglane cannot do what {option} asks for"
    detail = "{seen}"
    hint = "{remedy}"


class FileUnreadable(AtConfiguration, Refusal):
    """A file that is named and cannot be read as text."""

    code = "PGL0104"
    message = "{where}: the file {file} cannot be read"
    detail = "{seen}"
    hint = "check the name, and that the account pglane runs as may read it"


class SyntaxInvalid(AtConfiguration, Refusal):
    """The file is not TOML; nothing behind the place was looked at."""

    code = "PGL0105"
    message = "{where}: this is not TOML"
    detail = "{seen}"
    hint = "{remedy}"


class KeyUnknown(AtConfiguration, Refusal):
    """A setting or table that does not exist."""

    code = "PGL0106"
    message = "{where}: there is no {what} {key}"
    detail = "known here are {known}"
    hint = "{suggestion}"


class TypeWrong(AtConfiguration, Refusal):
    """A text where a number belongs, and the like."""

    code = "PGL0107"
    message = "{where}: {key} wants {expected}"
    detail = "seen was {seen}"
    hint = "write it as {example}"


class OutOfRange(AtConfiguration, Refusal):
    """A number or length beyond its limits, or a word that is no choice."""

    code = "PGL0108"
    message = "{where}: {key} wants {expected}"
    detail = "seen was {seen}"
    hint = "{suggestion}"


class PortTwice(AtConfiguration, Refusal):
    """Two doors on one port."""

    code = "PGL0109"
    message = "{where}: {key} has the port of {other}"
    detail = "both are {port}"
    hint = "give every door its own port; 0 means any free one"


class TrustNotLocal(AtConfiguration, Refusal):
    """Nobody is asked for a password where strangers can knock."""

    code = "PGL0110"
    message = '{where}: auth = "trust" on {address}, which other machines can reach'
    detail = "trust lets in everybody who connects, as any user, without a password"
    hint = 'listen on 127.0.0.1, ::1 or a Unix socket only, or say auth = "scram"'


class SecretReadable(AtConfiguration, Refusal):
    """A file with secrets that every account of the machine can read."""

    code = "PGL0111"
    message = "{where}: {file} holds a secret and everybody on this machine can read it"
    detail = "its mode is {mode}"
    hint = "chmod o-rwx {file}, or keep the secret elsewhere (password_env, password_file)"


class SecretMissing(AtConfiguration, Refusal):
    """A secret that is said to be elsewhere is not there."""

    code = "PGL0112"
    message = "{where}: the secret for {key} is not there"
    detail = "{seen}"
    hint = "set the variable, or write the file, before pglane starts"


class SettingsConflict(AtConfiguration, Refusal):
    """Two settings that say the same thing twice, or contradict each other."""

    code = "PGL0113"
    message = "{where}: {key} and {other} cannot both be set"
    detail = "{seen}"
    hint = "keep one of them"


class VerifierInvalid(AtConfiguration, Refusal):
    """Neither a SCRAM-SHA-256 verifier nor an md5 hash."""

    code = "PGL0114"
    message = "{where}: the verifier of user {user} is neither of SCRAM-SHA-256 nor of md5"
    detail = (
        "expected is SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, or md5 and "
        "32 hexadecimal digits; {seen}"
    )
    hint = "pglane verifier makes one from a password; pg_authid.rolpassword holds the server's"


class PasswordNeeded(AtConfiguration, Refusal):
    """Nobody could log in: there is no password to check."""

    code = "PGL0115"
    message = "{where}: there is no password, so nobody could log in"
    detail = "user {user} of {where} has none, and no other users are configured"
    hint = (
        "put the password into the URI, PGPASSWORD or ~/.pgpass; or name users (--users FILE); "
        "or, when PostgreSQL itself asks for none: --auth trust (loopback and Unix sockets only)"
    )


class ServerUnknown(AtConfiguration, Refusal):
    """The configuration names no database, or half of one."""

    code = "PGL0116"
    message = "{where}: there is no {missing}"
    detail = "{seen}"
    hint = "set it in [server], or give a URI: pglane up postgresql://user@host/database"


class PasswordUnusable(AtConfiguration, Refusal):
    """A password that cannot be used for SCRAM."""

    code = "PGL0117"
    message = "{where}: this password cannot be used"
    detail = "{seen}"
    hint = "type another one; it must not be empty and must be one line of valid characters"


class UserlistMalformed(AtConfiguration, Refusal):
    """A line of PgBouncer's user list that is not one."""

    code = "PGL0118"
    message = '{where}: expected is "name" "secret"'
    detail = "{seen}"
    hint = 'both in double quotes on one line, "" inside them for a quote; ; begins a comment'


class Md5NotAsked(AtConfiguration, Refusal):
    """All that is known of a user's password is a hash of a method that is not used."""

    code = "PGL0119"
    message = "{where}: user {user} has an md5 hash, and clients are asked for SCRAM-SHA-256"
    detail = 'clients.auth is "scram": the user could never log in'
    hint = (
        "give the user its password or a SCRAM-SHA-256 verifier; or, knowing that md5 is weak, "
        'say auth = "md5" in [clients] (users with a SCRAM verifier are asked for SCRAM even so)'
    )


class AuthUnsupported(AtConfiguration, Refusal):
    """A way to log in that exists elsewhere."""

    code = "PGL0120"
    message = "{where}: auth = {seen} is not offered"
    detail = "{reason}"
    hint = "{remedy}"


class VerifierTooSlow(AtConfiguration, Refusal):
    """Passwords would be tried on a verifier that keeps the worker busy for long."""

    code = "PGL0121"
    message = '{where}: the verifier of user {user} is too slow for auth = "plain"'
    detail = "it has {iterations} iterations; each wrong password would stop all clients that long"
    hint = 'make it with at most {iterations_max} iterations, or say auth = "scram" in [clients]'


class DatabaseIsConsole(AtConfiguration, Refusal):
    """The database behind the doors has the name that opens the console."""

    code = "PGL0122"
    message = "{where}: the database {database} cannot be reached through pglane"
    detail = "behind every door that name opens pglane's own console"
    hint = "name another database, or rename it: ALTER DATABASE {database} RENAME TO ..."


class TlsFileUnusable(AtConfiguration, Refusal):
    """A certificate, key or list of authorities that cannot be used."""

    code = "PGL0130"
    message = "{where}: {key}: {file} cannot be used"
    detail = "{seen}"
    hint = "{remedy}"


class TlsCertificateNeeded(AtConfiguration, Refusal):
    """TLS is asked for, and what it needs is not named."""

    code = "PGL0131"
    message = "{where}: {asked} needs {key}"
    detail = "{key} is not set"
    hint = "{remedy}"


class NetworkInTheClear(AtConfiguration, Refusal):
    """Clients would come over a network, with nothing that encrypts what they say."""

    code = "PGL0132"
    message = "{where}: listening on {address}, which other machines can reach, without TLS"
    detail = "there is no certificate (clients.tls_cert_file): data would travel in the clear"
    hint = (
        "set tls_cert_file and tls_key_file in [clients] of the file given by --config; or, where "
        'the network is yours alone, say tls_sslmode = "disable" there'
    )


class LanesOverpromise(AtConfiguration, Refusal):
    """Lanes reserve more server connections together than there are."""

    code = "PGL0140"
    message = "{where}: lanes reserve {promised} server connections, and {place} has {places}"
    detail = "{reservations} = {promised}, more than {setting} = {places}"
    hint = "reserve less, or lower nested, or say {setting} = {promised} or more"


class LaneBorrowsForEver(AtConfiguration, Refusal):
    """A lane whose leases have no end may not sit on what others reserved."""

    code = "PGL0141"
    message = "{where}: lane {lane} may borrow, and its leases have no end"
    detail = (
        "clients of {doors} can be in it; they keep a server connection as long as they like, and "
        "others would wait for what is reserved for them"
    )
    hint = 'say door = "transaction", or set hold_ms_max, or leave out borrow = "yes"'


class LaneRuleCovered(AtConfiguration, Refusal):
    """A rule that no client can reach: an earlier one fits everybody whom it fits."""

    code = "PGL0142"
    message = "{where}: nobody comes as far as the entry {entry} of lane {lane}"
    detail = "the entry {other_entry} of lane {other} comes before it and fits everybody it fits"
    hint = "put the narrower one first (rules are read in the order of the file), or remove one"
