"""Family 04: statements a door cannot carry, because what they leave is on one server connection.

All have one SQLSTATE, 55000: the session is not in the state that the statement needs. It was
chosen by trying: no driver or pool that was tried takes it for a broken connection (decision 9).
Nothing was executed, and the connection lives on; a transaction has failed, as after any error.
"""

from pglane.errors.catalogue import Refusal

STATE_SQLSTATE = "55000"
NOT_EXECUTED = "Nothing of this text was executed."


class SessionLockRefused(Refusal):
    """A session advisory lock. Takes: door, seen, session."""

    code = "PGL0401"
    sqlstate = STATE_SQLSTATE
    message = "a session advisory lock cannot be held through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = (
        "Use pg_advisory_xact_lock inside a transaction, or connect to the session door: "
        "{session}."
    )
    retry_safe = True
    log_level = "info"


class TemporaryRefused(Refusal):
    """A temporary table, view, sequence or function. Takes: door, seen, session."""

    code = "PGL0402"
    sqlstate = STATE_SQLSTATE
    message = "nothing temporary can be kept through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = (
        "Use CREATE TEMP TABLE ... ON COMMIT DROP inside a transaction, or connect to the session "
        "door: {session}."
    )
    retry_safe = True
    log_level = "info"


class HoldCursorRefused(Refusal):
    """A cursor that outlives its transaction. Takes: door, seen, session."""

    code = "PGL0403"
    sqlstate = STATE_SQLSTATE
    message = "a cursor WITH HOLD cannot be kept through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = (
        "Read the cursor inside its transaction, without WITH HOLD, or connect to the session "
        "door: {session}. Django asks for it in `.iterator()` outside `atomic()`, unless "
        "DISABLE_SERVER_SIDE_CURSORS is set."
    )
    retry_safe = True
    log_level = "info"


class LoadRefused(Refusal):
    """LOAD of a library. Takes: door, seen, session."""

    code = "PGL0404"
    sqlstate = STATE_SQLSTATE
    message = "a library cannot be loaded through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = (
        "Name the library in session_preload_libraries (ALTER ROLE ... SET), or connect to the "
        "session door: {session}."
    )
    retry_safe = True
    log_level = "info"


class SequenceReadRefused(Refusal):
    """currval or lastval of another transaction. Takes: door, seen, session."""

    code = "PGL0407"
    sqlstate = STATE_SQLSTATE
    message = "the last value of a sequence is not known through the {door} door"
    detail = (
        "Seen: {seen}, and no statement before it in this transaction that draws a value. "
        + NOT_EXECUTED
    )
    hint = (
        "Use INSERT ... RETURNING, or put both statements into one transaction (BEGIN), or "
        "connect to the session door: {session}."
    )
    retry_safe = True
    log_level = "info"


class SequenceOfOthers(Refusal):
    """The first currval or lastval, where others may have drawn. Takes: door, seen."""

    code = "PGL0413"
    sqlstate = STATE_SQLSTATE
    message = "values of sequences that other clients drew may be on this server connection"
    detail = (
        "Seen: {seen}. Nobody asked for such values through the {door} door before, so that they "
        "were not discarded between clients; from now on they are. " + NOT_EXECUTED
    )
    hint = "Send the transaction again."
    retry_safe = True
    log_level = "info"


class SettingRefused(Refusal):
    """A setting whose name neither text nor Bind shows. Takes: door, seen, session."""

    code = "PGL0408"
    sqlstate = STATE_SQLSTATE
    message = "a setting with an unknown name cannot be kept through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = (
        "Write the name as a literal or bind it to a parameter of its own (set_config($1, $2, "
        "false)), or make it local: set_config('name', value, true); or connect to the session "
        "door: {session}."
    )
    retry_safe = True
    log_level = "info"


class StatementNotUnderstood(Refusal):
    """What the statement leaves in the session is not known. Takes: door, seen, session."""

    code = "PGL0409"
    sqlstate = STATE_SQLSTATE
    message = "what this statement leaves in the session is not known to the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = "Connect to the session door: {session}. Texts in client_encoding UTF8 can be read."
    retry_safe = True
    log_level = "info"


class SeedRefused(Refusal):
    """The seed of random(). Takes: door, seen, session."""

    code = "PGL0410"
    sqlstate = STATE_SQLSTATE
    message = "the seed of random() cannot be kept through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = "Connect to the session door: {session}."
    retry_safe = True
    log_level = "info"


class DblinkRefused(Refusal):
    """A connection of dblink that stays open. Takes: door, seen, session."""

    code = "PGL0411"
    sqlstate = STATE_SQLSTATE
    message = "a connection of dblink cannot be kept through the {door} door"
    detail = "Seen: {seen}. " + NOT_EXECUTED
    hint = "Give dblink() the connection string itself, or connect to the session door: {session}."
    retry_safe = True
    log_level = "info"


class PinnedMaxReached(Refusal):
    """As many are pinned as may be. Takes: door, seen, session, pinned, limit."""

    code = "PGL0412"
    sqlstate = "53400"
    message = "too many clients keep a server connection of the {door} door for their own"
    detail = (
        "Seen: {seen}. {pinned} clients are pinned, {limit} may be (pinned_max). " + NOT_EXECUTED
    )
    hint = (
        "Connect to the session door: {session}; or end what pins others (SHOW CLIENTS in the "
        "database pglane, column pinned), or raise pinned_max."
    )
    retry_safe = True
