"""`python -m tests.soak.kinds KIND ...`: one client process of a soak."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

from tests.soak.client import Client
from tests.soak.told import Teller
from tests.support.target import Target

DRIVERS = {
    "psycopg": "psycopg_sync.SyncClient",
    "psycopg-async": "psycopg_async.AsyncClient",
    "asyncpg": "by_asyncpg.AsyncpgClient",
    "sqlalchemy": "by_sqlalchemy.SqlalchemyClient",
    "pg8000": "by_pg8000.Pg8000Client",
}


def client_class(kind: str) -> type[Client]:
    """Imports one driver only: a process should start quickly."""
    module, name = DRIVERS[kind].split(".")
    found: type[Client] = getattr(importlib.import_module(f"tests.soak.drivers.{module}"), name)
    return found


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kinds", description=__doc__)
    parser.add_argument("kind", choices=DRIVERS)
    parser.add_argument("told", type=Path)
    parser.add_argument("number", type=int)
    parser.add_argument("rate", type=float)
    arguments = parser.parse_args(words)
    target = Target(**json.loads(os.environ["PGLANE_SOAK_TARGET"]))
    teller = Teller(arguments.told, arguments.number)
    client_class(arguments.kind)(target, teller, arguments.number, arguments.rate).run()


if __name__ == "__main__":
    main(sys.argv[1:])
