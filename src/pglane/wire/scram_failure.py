"""How an exchange of SCRAM fails: whose fault it is, and what was seen."""

from enum import StrEnum


class ScramReason(StrEnum):
    """Why an exchange failed."""

    MALFORMED = "malformed"
    """The peer's message is not SCRAM, or not what comes next."""
    UNSUPPORTED = "unsupported"
    """The peer insists on something that we do not do."""
    WRONG_PASSWORD = "wrong password"  # noqa: S105 -- a reason, not a password
    """The client does not know the password."""
    IMPOSTOR = "impostor"
    """The server does not know the password's verifier."""
    REFUSED = "refused"
    """The server says no."""
    DOWNGRADED = "downgraded"
    """The client was not shown that we can bind the channel."""
    OTHER_CHANNEL = "other channel"
    """What the client is bound to is not the channel that it came on."""
    OTHER_VERIFIER = "other verifier"
    """The server's salt or iterations are not those of the keys we hold."""


class ScramFailure(Exception):
    """The exchange is over; `reason` says whose fault it is."""

    def __init__(self, reason: ScramReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
