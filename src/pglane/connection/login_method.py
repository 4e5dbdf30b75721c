"""What all ways of showing who one is have in common: one exchange of messages with a client.

Each way is a file beside this one: `scram_login`, `md5_login`, `plain_login`. Which one a client
meets is the user list's to say (`user_list`). A user that nobody knows meets the way, and the
work, that most users meet.
"""

from pglane.wire.scram import ScramKeys


class ProofWrong(Exception):
    """The client does not know the password; what is seen is for tests, clients are told less."""


class ProofMalformed(Exception):
    """The client's message is not what was asked for; its text says what was seen."""


class LoginMethod:
    """One exchange: the client is sent `request`, then `take` answers what it sends.

    Attributes:
        expected: what the client is to send, for people.
        over: the client is who it says.
        client_key: what it has shown, good for a server with the same verifier; else b"".
    """

    __slots__ = ("client_key", "over")

    expected = ""

    def __init__(self) -> None:
        self._set_up_method()

    def _set_up_method(self) -> None:
        self.over = False
        self.client_key = b""

    @property
    def keys(self) -> ScramKeys | None:
        """SCRAM keys of the role, if it has shown such."""
        return None

    def request(self) -> bytes:
        """What the client is asked; b"" where the user list has told that already."""
        return b""

    def take(self, body: bytes) -> bytes:
        """The answer to what the client sent in a message of passwords and proofs.

        Raises:
            ProofWrong: it does not know the password.
            ProofMalformed: that is not what it was asked for.
            MalformedMessage: the same.
            ScramFailure: either.
        """
        raise NotImplementedError
