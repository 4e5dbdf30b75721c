"""Family 03: limits in time and memory that somebody set: each says which, whose, and where."""

from pglane.errors.catalogue import Refusal


class StatementTooLong(Refusal):
    """A statement ran for its whole time and was cancelled; the client stays."""

    code = "PGL0330"
    sqlstate = "57014"
    message = "canceling statement: it ran longer than it may"
    detail = (
        "After {ran_ms:.0f} ms: {limit}.{behind} It was cancelled and rolled back, but for what "
        "it had committed itself (CALL, VACUUM, CREATE INDEX CONCURRENTLY)."
    )
    hint = "Make the statement shorter, or raise the limit where it is set."
    retry_safe = False
    log_level = "info"


class TransactionCancelled(Refusal):
    """A statement was cancelled because its transaction's time is over; the client stays."""

    code = "PGL0331"
    sqlstate = "25P04"
    message = "canceling statement: its transaction lasts longer than it may"
    detail = "After {ran_ms:.0f} ms: {limit}. The transaction can only be rolled back."
    hint = "ROLLBACK, and make the transaction shorter, or raise the limit where it is set."
    retry_safe = False
    log_level = "info"


class TransactionTooLong(Refusal):
    """A transaction's time is over and nothing of it runs."""

    code = "PGL0332"
    sqlstate = "25P04"
    message = "terminating connection due to transaction timeout"
    detail = "After {ran_ms:.0f} ms: {limit}. The transaction was rolled back."
    hint = "Make the transaction shorter, or raise the limit where it is set."
    retry_safe = True
    fatal = True
    log_level = "info"


class IdleInTransaction(Refusal):
    """A client paused too long within a transaction."""

    code = "PGL0333"
    sqlstate = "25P03"
    message = "terminating connection due to idle-in-transaction timeout"
    detail = "After {ran_ms:.0f} ms: {limit}. The transaction was rolled back."
    hint = "End a transaction before waiting for anything else, or raise the limit."
    retry_safe = True
    fatal = True
    log_level = "info"


class ClientIdle(Refusal):
    """A client asked for nothing for too long, outside a transaction."""

    code = "PGL0334"
    sqlstate = "57P05"
    message = "terminating connection due to idle-session timeout"
    detail = "After {ran_ms:.0f} ms: {limit}. No transaction was open."
    hint = "Connect again; let the connection pool of the application close idle ones earlier."
    retry_safe = True
    fatal = True
    log_level = "info"


class MemoryUsedUp(Refusal):
    """The worker's memory is used up, and this client holds more of it than others."""

    code = "PGL0335"
    sqlstate = "53200"
    message = "out of memory: the gateway ends the connection that holds most of it"
    detail = (
        "{held_bytes} bytes were held for it, {used_bytes} for all; {limit}. Nothing of it was "
        "being executed; a transaction that was open was rolled back."
    )
    hint = (
        "Read results as they come (a cursor, COPY), send large values in parts, close prepared "
        "statements; or raise memory_bytes_max in [gateway]."
    )
    retry_safe = True
    fatal = True


class MemoryTight(Refusal):
    """The worker's memory is nearly used up: nobody new is let in."""

    code = "PGL0336"
    sqlstate = "53300"
    message = "no new connections: the gateway's memory is nearly used up"
    detail = "{used_bytes} bytes are held for clients and servers; {limit}."
    hint = (
        "Connect again in a moment. SHOW SOCKETS in the database pglane tells who holds much; "
        "fewer connections, or a higher memory_bytes_max in [gateway], make room."
    )
    retry_safe = True
    fatal = True
