"""Family 03: waiting for a server connection, budget, limits in number and time."""

from pglane.errors.catalogue import Refusal

DETAIL = (
    "Lane {lane} ({door} door, database {database}, user {user}): {ahead} more requests of it "
    "wait. {own} server connections are used by this lane, {leased} of {budget} by all "
    "({holders}). Nothing was executed."
)
HINT = "Safe to retry in about {retry_ms:.0f} ms. {limit}. See who holds the connections: "


class WaitTooLong(Refusal):
    """A request waited nine tenths of its time; started later, it would answer nobody."""

    code = "PGL0301"
    sqlstate = "53300"
    message = "no server connection became free in {waited_ms:.0f} ms"
    detail = DETAIL
    hint = HINT + "SHOW HOLDERS in the database pglane."
    retry_safe = True


class WaitHopeless(Refusal):
    """A request could not be served in time at the pace of its lane, and is told so at once."""

    code = "PGL0308"
    sqlstate = "53300"
    message = "no server connection would become free in time"
    detail = DETAIL
    hint = HINT + "SHOW HOLDERS in the database pglane."
    retry_safe = True


class WaitShed(Refusal):
    """Too many requests wait; those of the lowest rank are refused."""

    code = "PGL0309"
    sqlstate = "53300"
    message = "too many requests wait: this one was not started"
    detail = DETAIL
    hint = HINT + "SHOW HOLDERS in the database pglane."
    retry_safe = True


class WaitOverloaded(Refusal):
    """Requests wait longer than a lane allows; the newest of the lowest rank are refused."""

    code = "PGL0313"
    sqlstate = "53300"
    message = 'lane "{lane}" is overloaded: this request was not started'
    detail = (
        "Requests have waited longer for a second than shed_after_ms of this lane, or of one of a "
        "higher rank, allows; this one {waited_ms:.0f} ms. " + DETAIL
    )
    hint = HINT + "SHOW HOLDERS in the database pglane."
    retry_safe = True


class PoolDeadlock(Refusal):
    """Works hold all server connections there are and each wait for another: one is refused."""

    code = "PGL0314"
    sqlstate = "53300"
    message = "POOL DEADLOCK: all who hold the server connections wait for another one"
    detail = (
        "{held} of {budget} server connections of database {database} are held by {works} works "
        "that each wait for one more and do nothing meanwhile; PostgreSQL sees idle transactions. "
        "Work {work} of user {user} has {has} and asks for another in lane {lane} ({door} door, "
        "{asking}); others: {others}. It was the newest, and waited {waited_ms:.0f} ms. "
        "Nothing of this request was executed."
    )
    hint = (
        "Pass the open connection on instead of asking for a second one, or say nested = {nested} "
        "in the [lanes.NAME] it is in: then all of them finish. Now end this work's transaction, "
        "and retry it as a whole."
    )
    retry_safe = True


class LeaseCancelled(Refusal):
    """A statement was cancelled because its server connection is needed by whom it belongs to."""

    code = "PGL0310"
    sqlstate = "57014"
    message = "canceling statement: its server connection is needed by another lane"
    detail = (
        "Lane {lane} had it for {held_ms:.0f} ms: {rule}. The statement was cancelled and rolled "
        "back, but for what it had committed itself (CALL, VACUUM, CREATE INDEX CONCURRENTLY)."
    )
    hint = "Retry. Longer work belongs into a lane with a reservation of its own."
    retry_safe = False
    log_level = "info"


class LeaseTakenBack(Refusal):
    """A transaction lost its server connection because that is needed by whom it belongs to."""

    code = "PGL0311"
    sqlstate = "57P01"
    message = "terminating connection: its server connection is needed by another lane"
    detail = "Lane {lane} had it for {held_ms:.0f} ms: {rule}. The transaction was rolled back."
    hint = (
        "Connect again and retry. Do not think inside transactions; longer work belongs into a "
        "lane with a reservation of its own."
    )
    retry_safe = True
    fatal = True
    log_level = "info"


class TransactionTakenBack(Refusal):
    """A transaction that was thought in is rolled back; its client is told at its next statement.

    The connection stays: like any failed transaction this one ends with ROLLBACK.
    """

    code = "PGL0312"
    sqlstate = "57P01"
    message = "the transaction was rolled back: its server connection is needed by another lane"
    detail = "Lane {lane} had it for {held_ms:.0f} ms: {rule}. Nothing of it is left."
    hint = (
        "ROLLBACK, and retry the whole transaction. Do not think inside transactions; longer work "
        "belongs into a lane with a reservation of its own."
    )
    retry_safe = True
    log_level = "info"


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


class StoppedAtOnce(Refusal):
    """The gateway stops at once; what the client had open was rolled back, nothing is in doubt."""

    code = "PGL0315"
    sqlstate = "57P01"
    message = "the gateway is shutting down"
    detail = "It was told to stop at once, {when}; what was open was rolled back."
    hint = "Connect again and retry the whole transaction."
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
