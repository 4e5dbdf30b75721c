"""Runs a supervisor over the fake worker: `supervisor_program.py SETTINGS.json`.

Prints the doors' addresses as JSON when they are open. HUP reads the settings' file again. The
environment may set the pauses between restarts: FIRST_PAUSE_S, PAUSE_S_MAX.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from pglane.config.settings import Settings
from pglane.control import restarts
from pglane.control.supervisor import Supervisor
from pglane.errors.refused import RefusedError

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def main():
    path = Path(sys.argv[1])
    for name in ("FIRST_PAUSE_S", "PAUSE_S_MAX"):
        setattr(restarts, name, float(os.environ.get(name, getattr(restarts, name))))

    def read():
        return Settings.from_json(path.read_text())

    async def run():
        supervisor = Supervisor(
            read(),
            on_ready=lambda doors: print(json.dumps(doors), flush=True),
            worker_command=sys.argv[2:] or [sys.executable, str(FAKE_WORKER)],
            reload=read,
        )
        return await supervisor.run()

    try:
        return asyncio.run(run())
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
