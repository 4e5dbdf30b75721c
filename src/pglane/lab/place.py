"""Where a client connects to, and as whom: all that differs between contenders."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """One address, role and database.

    Attributes:
        application: told to the server as application_name; "" tells nothing.
        each_time: a connection of its own for every request, as behind a session door, where a
            connection that idles would hold a server connection.
    """

    port: int
    user: str
    database: str
    password: str = field(repr=False)
    application: str = ""
    host: str = "127.0.0.1"
    each_time: bool = False
