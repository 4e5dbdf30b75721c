"""`python -m tests.support.late_monitor`: the command `pglane`, whose monitors begin late.

Until its monitor has read the catalogs a gateway knows nothing of them, and has to be as careful
as where nobody may read them. On a quick machine that is over before a test's first statement;
here it lasts PGLANE_TEST_MONITOR_LATE_S seconds. `make late` runs the integration tests so.
"""

import asyncio
import os
import sys

from pglane.cli import main
from pglane.control.monitor import Monitor
from pglane.control.server_session import ServerSession

LATE_S = "PGLANE_TEST_MONITOR_LATE_S"

_in_time = Monitor._connected


async def _late(monitor: Monitor) -> ServerSession:
    session = await _in_time(monitor)
    await asyncio.sleep(float(os.environ[LATE_S]))
    return session


if __name__ == "__main__":
    Monitor._connected = _late  # type: ignore[method-assign]
    sys.exit(main())
