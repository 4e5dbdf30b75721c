"""Forty clients of each driver over four server connections, each with settings of its own.

Users, application names and startup options differ from client to client; every client looks at
its own values on every query, while all the others run. Behind the doors that keep a server
connection the clients take turns as connections come and go.
"""

import asyncio
import concurrent.futures
import contextlib
from dataclasses import dataclass

import asyncpg
import pg8000.native
import psycopg
import psycopg2
import pytest
import sqlalchemy as sa

from tests.support.target import Target

pytestmark = pytest.mark.one_server

CLIENTS = 40
QUERIES = 10
USERS = ("app", "second", "third")


@dataclass(frozen=True)
class Asked:
    """What one client asks for, and must see."""

    number: int

    @property
    def user(self) -> str:
        return USERS[self.number % len(USERS)]

    @property
    def name(self) -> str:
        return f"client {self.number}"

    @property
    def timeout_ms(self) -> int:
        return 20_001 + self.number % 7

    @property
    def search_path(self) -> str:
        return f"path{self.number % 5}"

    @property
    def options(self) -> str:
        return f"-c statement_timeout={self.timeout_ms} -c search_path={self.search_path}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "application_name": self.name,
            "statement_timeout": str(self.timeout_ms),
            "search_path": self.search_path,
        }

    def expected(self, turn: int) -> tuple:
        path, timeout = self.search_path, f"{self.timeout_ms}ms"
        return (self.user, self.name, timeout, path, self.number * 1000 + turn)


QUERY = (
    "SELECT current_user::text, current_setting('application_name'), "
    "current_setting('statement_timeout'), current_setting('search_path'), {}::int"
)


def _psycopg(target: Target, asked: Asked) -> list[tuple]:
    uri = target.as_user(asked.user).uri()
    with psycopg.connect(
        uri, application_name=asked.name, options=asked.options, autocommit=asked.number % 2 == 0
    ) as connection:
        found = []
        for turn in range(QUERIES):
            cursor = connection.execute(QUERY.format("%s"), (asked.number * 1000 + turn,))
            found.append(cursor.fetchone())
            connection.commit()
        return found


def _psycopg2(target: Target, asked: Asked) -> list[tuple]:
    uri = target.as_user(asked.user).uri()
    with contextlib.closing(
        psycopg2.connect(uri, application_name=asked.name, options=asked.options)
    ) as connection:
        found = []
        for turn in range(QUERIES):
            with connection, connection.cursor() as cursor:
                cursor.execute(QUERY.format("%s"), (asked.number * 1000 + turn,))
                found.append(cursor.fetchone())
        return found


def _pg8000(target: Target, asked: Asked) -> list[tuple]:
    keywords = target.as_user(asked.user).keywords("database")
    settings = {**asked.settings}
    name = settings.pop("application_name")
    with contextlib.closing(
        pg8000.native.Connection(
            **keywords, application_name=name, startup_params=settings, timeout=60
        )
    ) as connection:
        return [
            tuple(connection.run(QUERY.format(":n"), n=asked.number * 1000 + turn)[0])
            for turn in range(QUERIES)
        ]


def _sqlalchemy(target: Target, asked: Asked) -> list[tuple]:
    engine = sa.create_engine(
        target.as_user(asked.user).uri("postgresql+psycopg"),
        connect_args={"application_name": asked.name, "options": asked.options},
    )
    found = []
    for turn in range(QUERIES):
        with engine.connect() as connection:
            text = sa.text(QUERY.format("CAST(:n AS int)"))
            found.append(tuple(connection.execute(text, {"n": asked.number * 1000 + turn}).one()))
    engine.dispose()
    return found


async def _asyncpg(target: Target, asked: Asked) -> list[tuple]:
    keywords = target.as_user(asked.user).keywords("database")
    connection = await asyncpg.connect(**keywords, server_settings=asked.settings, timeout=60)
    try:
        return [
            tuple(await connection.fetchrow(QUERY.format("$1"), asked.number * 1000 + turn))
            for turn in range(QUERIES)
        ]
    finally:
        await connection.close(timeout=30)


async def _psycopg_async(target: Target, asked: Asked) -> list[tuple]:
    uri = target.as_user(asked.user).uri()
    async with await psycopg.AsyncConnection.connect(
        uri, application_name=asked.name, options=asked.options, autocommit=True
    ) as connection:
        found = []
        for turn in range(QUERIES):
            async with connection.pipeline():
                cursor = await connection.execute(
                    QUERY.format("%s"), (asked.number * 1000 + turn,)
                )
            found.append(await cursor.fetchone())
        return found


def _check(results: list[list[tuple]]) -> None:
    for number, found in enumerate(results):
        assert found == [Asked(number).expected(turn) for turn in range(QUERIES)]


@pytest.mark.parametrize("driver", [_psycopg, _psycopg2, _pg8000, _sqlalchemy])
def test_forty_blocking_clients(narrow_target: Target, driver) -> None:
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
        work = [threads.submit(driver, narrow_target, Asked(n)) for n in range(CLIENTS)]
        _check([one.result(timeout=90) for one in work])


@pytest.mark.parametrize("driver", [_asyncpg, _psycopg_async])
def test_forty_asynchronous_clients(narrow_target: Target, driver) -> None:
    async def all_of_them() -> list[list[tuple]]:
        return await asyncio.gather(
            *(driver(narrow_target, Asked(number)) for number in range(CLIENTS))
        )

    _check(asyncio.run(asyncio.wait_for(all_of_them(), 90)))


def test_all_drivers_at_once(narrow_target: Target) -> None:
    """Their statements have equal names and different texts on the same server connections."""
    blocking = (_psycopg, _psycopg2, _pg8000, _sqlalchemy)

    def asynchronous(target: Target, asked: Asked) -> list[tuple]:
        driver = _asyncpg if asked.number % 2 else _psycopg_async
        return asyncio.run(driver(target, asked))

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
        work = [
            threads.submit((*blocking, asynchronous)[n % 5], narrow_target, Asked(n))
            for n in range(CLIENTS)
        ]
        _check([one.result(timeout=90) for one in work])
