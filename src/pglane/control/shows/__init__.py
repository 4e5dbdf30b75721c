"""The SHOWs of the admin console: those of some size in a file each, the others in one."""

from pglane.control.shows.answered import (
    SHOW_HOLDERS,
    SHOW_INVENTORY,
    SHOW_LANES,
    SHOW_STATISTICS,
)
from pglane.control.shows.clients import SHOW_CLIENTS
from pglane.control.shows.help import SHOW_HELP
from pglane.control.shows.lists import SHOW_LISTS
from pglane.control.shows.monitors import SHOW_MONITORS
from pglane.control.shows.pools import SHOW_POOLS
from pglane.control.shows.servers import SHOW_SERVERS
from pglane.control.shows.show import Ask, Row, Show
from pglane.control.shows.version import SHOW_VERSION

__all__ = ["SHOWS", "Ask", "Row", "Show"]

_ALL = (
    SHOW_CLIENTS,
    SHOW_SERVERS,
    SHOW_POOLS,
    SHOW_LISTS,
    SHOW_VERSION,
    SHOW_MONITORS,
    *SHOW_INVENTORY,
    *SHOW_STATISTICS,
    *SHOW_LANES,
    *SHOW_HOLDERS,
    SHOW_HELP,
)

SHOWS: dict[str, Show] = {show.table.name: show for show in _ALL}
"""By the word behind SHOW."""
