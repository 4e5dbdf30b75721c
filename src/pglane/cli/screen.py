"""What `pglane up` prints: one line a door, and how to stop.

On a terminal with colours; elsewhere the same words plain, so that a script can read them: the
first word of a line is the door, the second its connection string. Passwords are printed for the
embedded PostgreSQL only, which was made for development on this machine.
"""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pglane.config.settings import Settings

PURPOSES = {
    "transaction": "short stateless work: web requests, reads",
    "session": "what lives as long as its connection: temporary tables, session advisory locks",
    "direct": "a server connection of its own: local development, migrations, pg_dump",
}
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound
DOOR_WIDTH = max(map(len, PURPOSES))


def connection_string(settings: Settings, address: str, *, with_password: bool) -> str:
    """A libpq URI for a door.

    Args:
        settings: user, password and database.
        address: "host:port", "[host]:port", or the path of a Unix socket (".../.s.PGSQL.port").
        with_password: True for the embedded PostgreSQL only.
    """
    user = quote(settings.server_user, safe="")
    if with_password and settings.auth != "trust":
        user += ":" + quote(settings.server_password, safe="")
    database = quote(settings.server_database, safe="")
    if address.startswith("/"):
        folder, _, port = address.rpartition("/.s.PGSQL.")
        return f"postgresql://{user}@{quote(folder, safe='')}:{port}/{database}"
    host, _, port = address.rpartition(":")
    return f"postgresql://{user}@{EVERY_ADDRESS.get(host, host)}:{port}/{database}"


def show_doors(
    settings: Settings, addresses: Mapping[str, Sequence[str]], *, with_password: bool
) -> None:
    """Prints a line for every door that is open, then how to stop; nobody need be reading."""
    with contextlib.suppress(BrokenPipeError):
        _show_doors(settings, addresses, with_password=with_password)


def _show_doors(
    settings: Settings, addresses: Mapping[str, Sequence[str]], *, with_password: bool
) -> None:
    lines = []
    for door, purpose in PURPOSES.items():
        if addresses.get(door):
            shown = connection_string(settings, addresses[door][0], with_password=with_password)
            lines.append((door, shown, purpose))
    width = max((len(shown) for _door, shown, _purpose in lines), default=0)
    for door, shown, purpose in lines:
        _print_door(door.ljust(DOOR_WIDTH), shown.ljust(width), purpose)
    print("Ctrl-C stops", flush=True)


def _print_door(door: str, shown: str, purpose: str) -> None:
    if not sys.stdout.isatty():
        print(f"{door}  {shown}  {purpose}")
        return
    from rich.console import Console  # noqa: PLC0415 - on a terminal only: it takes 50 ms
    from rich.text import Text  # noqa: PLC0415

    line = Text.assemble((door, "bold green"), "  ", (shown, "cyan"), "  ", (purpose, "dim"))
    Console().print(line, soft_wrap=True)


def say(text: str) -> None:
    """One line for whoever started pglane, at once."""
    print(text, flush=True)


def warn(text: str) -> None:
    """One line about something that was ignored, mended or should be known."""
    print(f"note: {text}", file=sys.stderr, flush=True)
