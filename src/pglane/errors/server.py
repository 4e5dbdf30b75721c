"""Family 06: the server cannot be reached, refused us, was lost, or left something in doubt."""

from pglane.errors.catalogue import Refusal


class ServerUnreachable(Refusal):
    """No server connection could be opened before the request's time was over."""

    code = "PGL0601"
    sqlstate = "08001"
    message = "PostgreSQL at {address} cannot be reached"
    detail = "Last attempt: {reason}. Waited {waited_ms:.0f} ms. Nothing was executed."
    hint = "Check that PostgreSQL runs and accepts connections from the gateway; then retry."
    retry_safe = True
    log_level = "error"


class ServerFull(Refusal):
    """PostgreSQL answers, and refuses one more connection, of anybody or of this role."""

    code = "PGL0607"
    sqlstate = "53300"
    message = "PostgreSQL at {address} lets no more connections in"
    detail = "Last attempt: {reason}. Waited {waited_ms:.0f} ms. Nothing was executed."
    hint = (
        "Retry later. If it happens often: raise what PostgreSQL allows (max_connections, "
        "CONNECTION LIMIT of the role or the database), or keep server.budget below it."
    )
    retry_safe = True
    log_level = "error"


AT_28P01 = (
    "Was the role's password changed in PostgreSQL? Then the gateway needs the new one too, "
    "where its configuration names one (and a reload; for the role of [server] a restart). "
    "If not: is there such a role, and is it past its VALID UNTIL? PostgreSQL's log says more."
)
"""What to do when PostgreSQL found the password wrong (28P01)."""
AT_28 = (
    "The first line is PostgreSQL's own: look at the role there (does it exist, has it LOGIN?) "
    "and at pg_hba.conf."
)
"""What to do when it refused for anything else."""


class ServerRefusesRole(Refusal):
    """The client was let in here, and PostgreSQL does not let the gateway in for it.

    The client gets PostgreSQL's own message and SQLSTATE (class 28), with DETAIL and HINT of this.
    """

    code = "PGL0608"
    sqlstate = "28000"
    message = 'PostgreSQL refuses the login of "{user}"'
    detail = (
        "PostgreSQL said this to the gateway, which let you in and then logged in there as "
        '"{user}".'
    )
    hint = "{remedy}"
    retry_safe = True
    fatal = True


class ServerLost(Refusal):
    """The server connection ended while nothing that could have changed data was unanswered."""

    code = "PGL0602"
    sqlstate = "57P01"
    message = "the connection to PostgreSQL was lost"
    detail = "The server connection ended {when}; the transaction was rolled back: {reason}."
    hint = "Retry the whole transaction. Look into PostgreSQL's log for the cause."
    retry_safe = True
    fatal = True


class OutcomeUnknown(Refusal):
    """A statement was sent whole and no answer came: it may have been committed or not."""

    code = "PGL0603"
    sqlstate = "08007"
    message = "the outcome of the statement is unknown"
    detail = "It was sent whole and the server connection ended before the answer: {reason}."
    hint = "Check the data before you retry: it may have been committed."
    retry_safe = False
    fatal = True


class ServerMisbehaved(Refusal):
    """The server sent what the protocol does not allow here."""

    code = "PGL0604"
    sqlstate = "08P01"
    message = "PostgreSQL answered with something the protocol does not allow"
    detail = "Seen: {seen}. The server connection was closed."
    hint = "Is {address} a PostgreSQL server? If so, report this with the gateway's log."
    retry_safe = False
    log_level = "error"
    fatal = True


class ServerAuthenticationUnsupported(Refusal):
    """The server asks for a way of authentication that pglane cannot give."""

    code = "PGL0605"
    sqlstate = "28000"
    message = 'PostgreSQL asks for an authentication that pglane cannot give for user "{user}"'
    detail = "Asked for: {asked}. What pglane has: {has}."
    hint = "Give the user a password in the user file (password_env or password_file)."
    retry_safe = True
    log_level = "error"
    fatal = True


class Md5HashNotEnough(Refusal):
    """The server asks for SCRAM, and all that is known of the role's password is an md5 hash."""

    code = "PGL0606"
    sqlstate = "28000"
    message = 'an md5 hash does not log user "{user}" in at PostgreSQL'
    detail = "PostgreSQL at {address} asks for SCRAM-SHA-256; pglane has only the md5 hash."
    hint = (
        "Give the user its password (password_env or password_file in the user file, or in "
        "clear in userlist.txt); or let it log in with its SCRAM verifier of pg_authid."
    )
    retry_safe = True
    log_level = "error"
    fatal = True


class ChannelNotBound(Refusal):
    """The login at the server would not be bound to its TLS connection, and must be."""

    code = "PGL0621"
    sqlstate = "28000"
    message = "PostgreSQL at {address} did not bind the login to its TLS connection"
    detail = "Seen: {seen}; server.tls_channel_binding is require."
    hint = "PostgreSQL does it for users with a SCRAM verifier, inside TLS (scram-sha-256)."
    retry_safe = True
    log_level = "error"
    fatal = True


class ServerTlsFailed(Refusal):
    """The server and we do not agree on TLS; without it nothing is said."""

    code = "PGL0620"
    sqlstate = "08001"
    message = "no encrypted connection to PostgreSQL"
    detail = "{reason}; server.tls_sslmode is {mode}. Nothing was executed."
    hint = (
        "Look at PostgreSQL's ssl settings, and at tls_sslmode and tls_ca_file in [server] "
        "(in a URI: sslmode, sslrootcert)."
    )
    retry_safe = True
    log_level = "error"
    fatal = True
