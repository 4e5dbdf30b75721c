"""Family 03: waiting for a server connection, budget, limits in number and time."""

from pglane.errors.catalogue import Refusal


class WaitTooLong(Refusal):
    """A request waited its whole time for a server connection."""

    code = "PGL0301"
    sqlstate = "53300"
    message = "no server connection became free in {waited_ms:.0f} ms"
    detail = (
        "Door {door}, database {database}, user {user}: {leased} of {budget} server connections "
        "are in use ({holders}), {ahead} requests wait. Nothing was executed."
    )
    hint = "Safe to retry. {limit}. See who holds the connections: SHOW CLIENTS."
    retry_safe = True


class TooManyClients(Refusal):
    """There are as many client connections as there may be, at all or of one kind."""

    code = "PGL0302"
    sqlstate = "53300"
    message = "too many client connections"
    detail = "{seen} client connections are open; {limit}."
    hint = "Close connections that are not used, or raise the limit where it is set."
    retry_safe = True
    fatal = True


class TooManyLogins(Refusal):
    """As many clients as may are logging in."""

    code = "PGL0306"
    sqlstate = "53300"
    message = "too many clients are logging in"
    detail = "{seen} client connections have not logged in yet, unauthenticated_max is {allowed}."
    hint = "Connect again in a moment; look for clients that connect and send nothing."
    retry_safe = True
    fatal = True


class TooManyLoginsFromThere(Refusal):
    """As many clients of one address as may are logging in."""

    code = "PGL0307"
    sqlstate = "53300"
    message = "too many clients of this address are logging in"
    detail = (
        "{seen} of its connections have not logged in yet, unauthenticated_per_address_max is "
        "{allowed}."
    )
    hint = "Connect again in a moment; look for clients there that connect and send nothing."
    retry_safe = True
    fatal = True


class ShuttingDown(Refusal):
    """The gateway stops; the client has nothing in flight."""

    code = "PGL0303"
    sqlstate = "57P01"
    message = "the gateway is shutting down"
    detail = "{reason}. Nothing of yours was running."
    hint = "Connect again; the gateway or its successor will answer."
    retry_safe = True
    fatal = True
    log_level = "info"


class CanceledWhileWaiting(Refusal):
    """The client cancelled a request that had not been sent to the server."""

    code = "PGL0304"
    sqlstate = "57014"
    message = "canceling statement due to user request"
    detail = "The request was still waiting for a server connection. Nothing was executed."
    hint = "Safe to retry."
    retry_safe = True
    log_level = "info"


class LoginTooSlow(Refusal):
    """The client did not finish logging in within its time."""

    code = "PGL0305"
    sqlstate = "57014"
    message = "authentication timed out"
    detail = "The login was not finished after {waited_ms:.0f} ms (login_ms_max)."
    hint = "Connect again and answer the gateway's authentication request at once."
    retry_safe = True
    fatal = True
    log_level = "info"


class WaitedWhilePaused(Refusal):
    """A request waited its whole time for a database that somebody paused."""

    code = "PGL0320"
    sqlstate = "57P03"
    message = 'database "{database}" is paused; it was waited for {waited_ms:.0f} ms'
    detail = (
        "Somebody at the console paused it: nobody gets a server connection. Nothing was executed."
    )
    hint = "Safe to retry. RESUME in the database pglane ends it. {limit}."
    retry_safe = True


class DatabaseDisabled(Refusal):
    """No new clients are let into the database."""

    code = "PGL0321"
    sqlstate = "57P03"
    message = 'database "{database}" is disabled: no new clients are let in'
    detail = "Somebody disabled it at the console."
    hint = "Connect again later. ENABLE in the database pglane ends it."
    retry_safe = True
    fatal = True
    log_level = "info"


class Killed(Refusal):
    """KILL ended the client."""

    code = "PGL0322"
    sqlstate = "57P01"
    message = "terminating connection due to administrator command"
    detail = (
        "Somebody killed all connections to the database at the console. A transaction that was "
        "open was rolled back."
    )
    hint = "Connect again; you will wait until the database is resumed."
    retry_safe = False
    fatal = True
