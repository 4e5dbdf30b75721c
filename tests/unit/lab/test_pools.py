"""Pools without a gateway: who gets what becomes free."""

import asyncio

import pytest

from pglane.lab.pools import PlainPool, PoolPerUser
from pglane.lab.traffic import Stream
from tests.support.lab_server import lab_server

BROWSE, OTP = Stream("browse"), Stream("otp")


def test_a_plain_pool_serves_in_the_order_of_asking() -> None:
    async def whole() -> None:
        async with lab_server() as server:
            pool = PlainPool(server.place(), 2)
            stream = Stream("browse")
            first, second = await pool.lend(stream), await pool.lend(stream)
            third = asyncio.create_task(pool.lend(stream))
            fourth = asyncio.create_task(pool.lend(stream))
            gone = asyncio.create_task(pool.lend(stream))
            await asyncio.wait([third, fourth, gone], timeout=0.01)
            gone.cancel()
            pool.take_back(stream, first)
            assert await third is first
            second.close()
            pool.take_back(stream, second)
            fresh = await fourth
            assert fresh is not second
            pool.take_back(stream, fresh)
            assert await pool.lend(stream) is fresh
            fresh.close()
            pool.take_back(stream, fresh)
            assert await pool.lend(stream) is not fresh
            assert len(server.startups) == 4
            pool.close()

    asyncio.run(whole())


def test_a_pool_that_cannot_connect_tries_again() -> None:
    async def whole() -> None:
        async with lab_server() as server:
            place = server.place()
        pool = PlainPool(place, 1)
        for _ in range(2):
            with pytest.raises(OSError):
                await pool.lend(Stream("browse"))

    asyncio.run(whole())


def test_a_pool_per_user_starves_whoever_is_not_in_the_crowd() -> None:
    async def whole() -> None:
        async with lab_server() as server:
            places = {"browse": server.place("browse"), "otp": server.place("otp")}
            pools = PoolPerUser(places, 1)
            held = await pools.lend(BROWSE)
            otp = asyncio.create_task(pools.lend(OTP))
            gone = asyncio.create_task(pools.lend(BROWSE))
            browse = asyncio.create_task(pools.lend(BROWSE))
            await asyncio.wait([otp, browse], timeout=0.01)
            gone.cancel()
            await asyncio.wait([gone])
            pools.take_back(BROWSE, held)
            assert await browse is held
            assert not otp.done()
            pools.take_back(BROWSE, held)
            served = await otp
            assert held.lost
            assert served.place.user == "otp"
            pools.take_back(OTP, served)
            assert await pools.lend(OTP) is served
            pools.take_back(OTP, served)
            other = await pools.lend(BROWSE)
            assert served.lost
            other.close()
            pools.take_back(BROWSE, other)
            assert await pools.lend(OTP) is not other
            pools.close()

    asyncio.run(whole())


def test_a_pool_per_user_that_cannot_connect_tries_again() -> None:
    async def whole() -> None:
        async with lab_server() as server:
            place = server.place()
        pools = PoolPerUser({"browse": place}, 1)
        for _ in range(2):
            with pytest.raises(OSError):
                await pools.lend(BROWSE)

    asyncio.run(whole())
