"""Refusals of what is not PostgreSQL's protocol: family 05.

Where PostgreSQL has a SQLSTATE of its own for the case it is used; otherwise 08P01, protocol
violation. Nothing here quotes more than a few bytes of what a peer sent.
"""

from pglane.errors.catalogue import Refusal

QUOTED_BYTES_MAX = 64


def quoted(value: bytes) -> str:
    """A piece of what a peer sent, safe to show: escaped, cut at `QUOTED_BYTES_MAX`."""
    shown = repr(value[:QUOTED_BYTES_MAX])[2:-1]
    return shown if len(value) <= QUOTED_BYTES_MAX else f"{shown}…"


class StartupPacketLength(Refusal):
    """The first packet of a connection has an impossible length. Takes: length, length_max."""

    code = "PGL0501"
    sqlstate = "08P01"
    message = "this does not look like a PostgreSQL client: invalid length of startup packet"
    detail = "The length field says {length} bytes; 8 to {length_max} are possible"
    hint = "Check that the program on the other side speaks PostgreSQL's protocol 3 to this port."
    retry_safe = True
    log_level = "info"
    fatal = True


class ForeignProtocol(Refusal):
    """The first bytes belong to another protocol. Takes: protocol, remedy."""

    code = "PGL0502"
    sqlstate = "08P01"
    message = "this port speaks PostgreSQL's protocol, and the first bytes are {protocol}"
    detail = "The startup packet of protocol 3 begins with its length, at most 10004"
    hint = "{remedy}"
    retry_safe = True
    log_level = "info"
    fatal = True


class StartupPacketLayout(Refusal):
    """The parameters of a startup packet are not name, value, … and a zero byte. Takes: seen."""

    code = "PGL0503"
    sqlstate = "08P01"
    message = (
        "invalid startup packet layout: expected names and values and a terminator at the end"
    )
    detail = "Seen: {seen}"
    hint = "The client or driver is broken, or something between it and pglane is. Try psql."
    retry_safe = True
    log_level = "info"
    fatal = True


class ProtocolVersion(Refusal):
    """Another major version of the protocol than 3. Takes: major, minor."""

    code = "PGL0504"
    sqlstate = "0A000"
    message = "unsupported frontend protocol {major}.{minor}: pglane speaks 3.0 to 3.2"
    detail = "The startup packet asks for version {major}.{minor} of PostgreSQL's protocol"
    hint = "Use a driver for PostgreSQL 7.4 or later."
    retry_safe = True
    log_level = "info"
    fatal = True


class EncryptionAskedTwice(Refusal):
    """SSLRequest or GSSENCRequest came twice on one connection. Takes: request."""

    code = "PGL0505"
    sqlstate = "08P01"
    message = "{request} came a second time on one connection"
    detail = "After its answer a client goes on with encryption or with its startup packet"
    hint = "The client or driver is broken; with libpq set sslmode and gssencmode to disable."
    retry_safe = True
    log_level = "info"
    fatal = True


class CancelRequestLayout(Refusal):
    """A cancel request without process id and key. Takes: size, key_bytes_max."""

    code = "PGL0506"
    sqlstate = "08P01"
    message = "invalid length of a cancel request"
    detail = "Behind the request code are {size} bytes; 8 to {key_bytes_max} and 4 are possible"
    hint = "Nothing was cancelled. The client or driver is broken."
    retry_safe = True
    log_level = "info"
    fatal = True


class OptionsSwitch(Refusal):
    """The startup parameter `options` holds something else than settings. Takes: word."""

    code = "PGL0507"
    sqlstate = "42601"
    message = 'invalid command-line argument in the startup parameter "options": {word}'
    detail = "pglane understands -c name=value and --name=value there"
    hint = (
        "Write settings as options='-c name=value'; put a backslash before each blank or "
        "backslash inside a value. Most other switches have a setting of the same meaning."
    )
    retry_safe = True
    log_level = "info"
    fatal = True


class OptionsValue(Refusal):
    """A setting in `options` without a value. Takes: word."""

    code = "PGL0508"
    sqlstate = "42601"
    message = 'a setting in the startup parameter "options" has no name or no value: {word}'
    detail = "Expected -c name=value or --name=value"
    hint = "An empty value is written name= with nothing behind."
    retry_safe = True
    log_level = "info"
    fatal = True


class MessageMalformed(Refusal):
    """The body of a message does not fit its type. Takes: name, expected, seen."""

    code = "PGL0510"
    sqlstate = "08P01"
    message = "malformed {name} message"
    detail = "Expected {expected}, seen {seen}"
    hint = "The client or driver is broken, or something between it and pglane is."
    retry_safe = True


class StreamMalformed(Refusal):
    """A length field that cannot be. Takes: kind (quoted), length, length_max."""

    code = "PGL0511"
    sqlstate = "08P01"
    message = "invalid message length: what follows cannot be understood"
    detail = "A message of type {kind} says {length} bytes; 4 to {length_max} are possible here"
    hint = (
        "If the message is as large as it says, raise the limit in the configuration; otherwise "
        "the client or driver is broken."
    )
    retry_safe = True
    fatal = True


class MessageOutOfPlace(Refusal):
    """A message that cannot be sent here. Takes: kind (type byte)."""

    code = "PGL0512"
    sqlstate = "08P01"
    message = "invalid message type {kind}"
    detail = "A message of this type has no place in a connection that is logged in"
    hint = "The client or driver is broken, or something between it and pglane is."
    retry_safe = True
    fatal = True


class TooManyStatements(Refusal):
    """One more named prepared statement than a client may have. Takes: limit."""

    code = "PGL0514"
    sqlstate = "53000"
    message = "too many prepared statements on this connection"
    detail = "This connection has {limit}; statements_max in [clients] allows no more"
    hint = (
        "DEALLOCATE those that are not needed any more, let the driver keep fewer (psycopg: "
        "prepared_max, asyncpg: statement_cache_size, JDBC: preparedStatementCacheQueries), or "
        "raise statements_max."
    )
    retry_safe = True


class StatementsTooLarge(Refusal):
    """The texts of a client's named prepared statements take too much. Takes: seen, limit."""

    code = "PGL0515"
    sqlstate = "53000"
    message = "the prepared statements of this connection are too large"
    detail = "With this one their texts are {seen} bytes long together; {limit} are possible"
    hint = (
        "DEALLOCATE those that are not needed any more, or send texts of this size without "
        "preparing them."
    )
    retry_safe = True


class MessageTooLarge(Refusal):
    """A statement over the limit. Takes: kind (quoted), length, length_max."""

    code = "PGL0513"
    sqlstate = "54000"
    message = "a message is larger than the gateway takes"
    detail = "A message of type {kind} says {length} bytes; statement_bytes_max is {length_max}"
    hint = (
        "Send large data with COPY, or raise statement_bytes_max in [clients]. Nothing was "
        "executed."
    )
    retry_safe = True
    fatal = True
