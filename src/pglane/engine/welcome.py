"""What a client is told behind its login: the settings that hold for it.

Clients of one role that ask for the same settings are told the same: the messages are made once.
"""

from pglane.wire.server_messages import parameter_status


class Welcome:
    """Reported settings.

    Attributes:
        parameters: by the server's spelling.
        encoded: as ParameterStatus messages.
    """

    __slots__ = ("encoded", "parameters")

    def __init__(self, parameters: dict[str, str]) -> None:
        self.parameters = parameters
        self.encoded = b"".join(
            [
                parameter_status(
                    name.encode("utf-8", "surrogateescape"),
                    value.encode("utf-8", "surrogateescape"),
                )
                for name, value in parameters.items()
            ]
        )
