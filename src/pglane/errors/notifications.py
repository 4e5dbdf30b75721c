"""Family 04, from 50 on: LISTEN and its notifications at a door that shares server connections."""

from pglane.errors.catalogue import Refusal


class TooManyChannels(Refusal):
    """A client listens to as many channels as it may."""

    code = "PGL0450"
    sqlstate = "54000"
    message = "too many channels"
    detail = "A client may listen to {allowed} channels. The statement was not executed."
    hint = "UNLISTEN what is not needed, or put the topic into the payload."
    retry_safe = True


class TooManyListeners(Refusal):
    """The connections that hear notifications for clients are all in use."""

    code = "PGL0451"
    sqlstate = "53300"
    message = "no connection is left that could listen for user {user}"
    detail = (
        "Database {database}: {seen} roles or encodings listen, listeners_max is {allowed}. "
        "The statement was not executed."
    )
    hint = "Raise listeners_max, or listen through the session door{session}."
    retry_safe = True


class ListeningUnavailable(Refusal):
    """The connection that hears notifications for clients could not be opened."""

    code = "PGL0452"
    sqlstate = "08001"
    message = "cannot listen: the connection for it could not be opened"
    detail = "Last attempt: {reason}. The statement was not executed."
    hint = "Check that PostgreSQL accepts one more connection of this user; then retry."
    retry_safe = True


class NotificationsUnread(Refusal):
    """A client does not take the notifications it listens for."""

    code = "PGL0453"
    sqlstate = "53400"
    message = "too many notifications wait for this connection"
    detail = (
        "{waiting_bytes} bytes wait, allowed are {allowed}. A client gets notifications only "
        "between transactions, and must read them."
    )
    hint = "Connect again, listen, and look at your data: notifications were lost."
    retry_safe = False
    fatal = True


class ListeningLost(Refusal):
    """Notifications cannot be heard any more."""

    code = "PGL0454"
    sqlstate = "57P01"
    message = "the connection that listened for this client was lost"
    detail = "It could not be opened again in {waited_ms:.0f} ms: {reason}."
    hint = "Connect again, listen, and look at your data: notifications may be missing."
    retry_safe = False
    fatal = True


class NotificationsMissed(Refusal):
    """Told as a warning: for a moment nobody listened for this client."""

    code = "PGL0455"
    sqlstate = "01000"
    message = "notifications may be missing"
    detail = "The connection that listens for this client was lost and opened again."
    hint = "Look at your data as after a LISTEN."
    retry_safe = True
