"""Streams: who asks when, what is a wait, and what becomes of those who are not answered."""

import asyncio

import pytest

from pglane.lab.connection import Connection
from pglane.lab.traffic import (
    SERVED,
    UNANSWERED,
    OwnConnections,
    Sample,
    Stream,
    Traffic,
    sleeping,
)
from tests.support.lab_server import DONE, HANG_UP, READY, SILENCE, error, lab_server

ONCE = Stream("storm", clients=3, once=True)


def play(streams, answer=lambda _text: DONE, seconds=0.2, grace_s=0.0, each_time=False):
    """Samples, and what the server was asked."""

    async def whole():
        async with lab_server(answer) as server:
            place = server.place(each_time=each_time)
            clients = OwnConnections({stream.kind: place for stream in streams})
            traffic = Traffic(tuple(streams), clients)
            await traffic.run(seconds, grace_s)
            return traffic.samples, server

    return asyncio.run(whole())


def test_what_a_request_takes_without_waiting() -> None:
    assert Stream("a", hold_s=0.25, think_s=0.5).work_s == 0.75
    assert sleeping(0.01) == "SELECT pg_sleep(0.01)"


def test_a_closed_stream_asks_again_on_its_own_connection() -> None:
    samples, server = play([Stream("browse", clients=2, sql="x")])
    assert len(server.startups) == 2
    assert len(samples["browse"]) > 4
    served = [one for one in samples["browse"] if one.outcome == SERVED]
    assert len(served) >= len(samples["browse"]) - 2
    assert all(one.wait_s >= 0 for one in samples["browse"])


def test_an_open_stream_does_not_wait_for_answers() -> None:
    stream = Stream("otp", rate_per_s=50.0, critical=True)
    samples, server = play([stream], lambda _text: SILENCE, seconds=0.1)
    assert len(samples["otp"]) == 5
    assert {one.outcome for one in samples["otp"]} == {UNANSWERED}
    assert len(server.startups) == 5


def test_work_is_not_waiting() -> None:
    stream = Stream("browse", clients=1, once=True, hold_s=60.0)
    samples, _ = play([stream])
    assert samples["browse"][0].wait_s == 0.0


def test_once_is_once_and_the_run_ends_early() -> None:
    samples, server = play([ONCE], seconds=60.0)
    assert len(samples["storm"]) == len(server.startups) == 3


def test_each_time_connects_anew() -> None:
    for streams, each in (([Stream("a", rate_per_s=20.0, each_time=True)], False),
                          ([Stream("a", rate_per_s=20.0)], True)):  # fmt: skip
        samples, server = play(streams, each_time=each)
        assert len(server.startups) == len(samples["a"]) == 4


def test_a_transaction_with_a_thinking_client() -> None:
    stream = Stream("holder", clients=1, once=True, think_s=0.01, sql="x")
    samples, server = play([stream])
    assert server.asked == ["BEGIN", "x", "COMMIT"]
    assert samples["holder"][0].outcome == SERVED


def test_a_refused_client_pauses_and_connects_anew() -> None:
    samples, server = play(
        [Stream("browse", clients=1)], lambda _text: error("53300", "full") + READY, seconds=0.15
    )
    assert [one.outcome for one in samples["browse"]] == ["53300", "53300"]
    assert len(server.startups) == 2


def test_a_lost_connection_is_not_used_again() -> None:
    samples, server = play([Stream("browse", clients=1)], lambda _text: HANG_UP, seconds=0.15)
    assert [one.outcome for one in samples["browse"]] == ["08006", "08006"]
    assert len(server.startups) == 2


def test_nobody_listens() -> None:
    async def whole() -> list[Sample]:
        async with lab_server() as server:
            place = server.place()
        clients = OwnConnections({"storm": place})
        traffic = Traffic((ONCE,), clients)
        await traffic.run(0.2, 0.0)
        return traffic.samples["storm"]

    assert {one.outcome for one in asyncio.run(whole())} == {"unreachable"}


def test_streams_begin_and_end_when_they_are_told() -> None:
    early = Stream("bulk", clients=1, end_s=0.05)
    late = Stream("otp", rate_per_s=100.0, begin_s=0.1, end_s=0.15, critical=True)
    samples, _ = play([early, late])
    assert max(one.asked_s for one in samples["bulk"]) < 0.1
    assert min(one.asked_s for one in samples["otp"]) >= 0.1
    assert len(samples["otp"]) == 5


def test_a_mistake_of_ours_is_raised() -> None:
    class Broken(OwnConnections):
        async def lend(self, stream: Stream) -> Connection:
            raise ZeroDivisionError

    async def whole() -> None:
        traffic = Traffic((ONCE,), Broken({}))
        await traffic.run(0.2, 0.0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(whole())


def test_who_waits_is_known_while_it_runs() -> None:
    seen = []

    async def whole() -> None:
        async with lab_server(lambda _text: SILENCE) as server:
            stream = Stream("otp", rate_per_s=100.0)
            traffic = Traffic((stream,), OwnConnections({"otp": server.place()}))
            assert traffic.waiting("otp") == (0, 0.0)
            running = asyncio.create_task(traffic.run(0.1, 0.0))
            await traffic._until(0.05)
            await asyncio.wait([running], timeout=0.05)
            seen.append(traffic.waiting("otp"))
            await running
            assert traffic.waiting("otp")[0] == 0

    asyncio.run(whole())
    ((number, oldest_s),) = seen
    assert number > 1
    assert oldest_s > 0.03
