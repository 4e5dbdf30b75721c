"""Streams: who asks when, what is a wait, and what becomes of those who are not answered."""

import asyncio

import pytest

from pglane.lab.connection import Connection
from pglane.lab.traffic import (
    REFUSED_PAUSE_S,
    SERVED,
    UNANSWERED,
    OwnConnections,
    Sample,
    Stream,
    Traffic,
    sleeping,
)
from tests.support.lab_server import DONE, HANG_UP, READY, SILENCE, error, lab_server, notice

ONCE = Stream("storm", clients=3, once=True)


FOREVER_S = 60.0
LOOK_EVERY_S = 0.002


def play(streams, enough=None, answer=lambda _text: DONE, each_time=False):
    """Samples, and what the server was asked; until `enough` says so, or the streams end."""

    async def whole():
        async with lab_server(answer) as server:
            place = server.place(each_time=each_time)
            clients = OwnConnections({stream.kind: place for stream in streams})
            traffic = Traffic(tuple(streams), clients)
            running = asyncio.create_task(traffic.run(FOREVER_S, 0.0))
            while not running.done() and not (enough and enough(traffic, server)):
                await asyncio.wait([running], timeout=LOOK_EVERY_S)
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.result()
            return traffic.samples, server

    return asyncio.run(whole())


def several(kind: str, number: int):
    """So many requests of a kind have ended."""
    return lambda traffic, _server: len(traffic.samples[kind]) >= number


def test_what_a_request_takes_without_waiting() -> None:
    assert Stream("a", hold_s=0.25, think_s=0.5).work_s == 0.75
    assert sleeping(0.01) == "SELECT pg_sleep(0.01)"


def test_a_closed_stream_asks_again_on_its_own_connection() -> None:
    samples, server = play([Stream("browse", clients=2, sql="x")], several("browse", 6))
    assert len(server.startups) == 2
    assert [one.outcome for one in samples["browse"][:6]] == [SERVED] * 6
    assert all(one.wait_s >= 0 for one in samples["browse"])


def test_an_open_stream_does_not_wait_for_answers() -> None:
    stream = Stream("otp", rate_per_s=50.0, critical=True)
    samples, _ = play([stream], lambda _, server: len(server.asked) >= 5, lambda _text: SILENCE)
    assert len(samples["otp"]) >= 5
    assert {one.outcome for one in samples["otp"]} == {UNANSWERED}


def test_work_is_not_waiting() -> None:
    stream = Stream("browse", clients=1, once=True, hold_s=60.0)
    samples, _ = play([stream])
    assert samples["browse"][0].wait_s == 0.0


def test_once_is_once_and_the_run_ends_early() -> None:
    samples, server = play([ONCE])
    assert len(samples["storm"]) == len(server.startups) == 3


@pytest.mark.parametrize("of_the_place", [False, True])
def test_each_time_connects_anew(of_the_place: bool) -> None:
    stream = Stream("a", rate_per_s=50.0, each_time=not of_the_place)
    samples, server = play([stream], several("a", 4), each_time=of_the_place)
    assert [one.outcome for one in samples["a"][:4]] == [SERVED] * 4
    assert len(server.startups) >= 4


def test_a_transaction_with_a_thinking_client() -> None:
    stream = Stream("holder", clients=1, once=True, think_s=0.01, sql="x")
    samples, server = play([stream])
    assert server.asked == ["BEGIN", "x", "COMMIT"]
    assert samples["holder"][0].outcome == SERVED


def test_it_is_known_who_thinks_and_since_when() -> None:
    seen = []

    def look(traffic: Traffic, _server: object) -> bool:
        seen.append((dict(traffic.thinking), traffic.first_open("holder"), traffic.now()))
        return bool(traffic.thinking)

    play([Stream("holder", clients=1, once=True, think_s=60.0)], look)
    ((port, since),) = seen[-1][0].items()
    assert port > 0
    assert 0 <= seen[-1][1] <= since <= seen[-1][2]


def test_it_is_noted_when_who_waits_was_told_behind_whom() -> None:
    told = notice("still waiting", "4 idle in transaction")
    for answer, is_told in ((told, True), (notice("you are queued"), False), (b"", False)):
        stream = Stream("otp", clients=1, once=True)
        samples, _ = play([stream], None, lambda _text, answer=answer: answer + DONE)
        (one,) = samples["otp"]
        assert (one.told_s is not None) == is_told
        assert one.told_s is None or 0 <= one.told_s <= one.wait_s


@pytest.mark.parametrize(
    ("answer", "outcome"), [(error("53300", "full") + READY, "53300"), (HANG_UP, "08006")]
)
def test_who_was_not_served_connects_anew(answer: bytes, outcome: str) -> None:
    samples, server = play(
        [Stream("browse", clients=1)], several("browse", 2), lambda _text: answer
    )
    assert [one.outcome for one in samples["browse"][:2]] == [outcome] * 2
    assert samples["browse"][1].asked_s - samples["browse"][0].asked_s >= REFUSED_PAUSE_S
    assert len(server.startups) >= 2


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
    assert max(one.asked_s for one in samples["bulk"]) < FOREVER_S / 2
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

    def look(traffic: Traffic, _server: object) -> bool:
        seen.append(traffic.waiting("otp"))
        return seen[-1][0] > 1

    play([Stream("otp", rate_per_s=100.0)], look, lambda _text: SILENCE)
    assert seen[0] == (0, 0.0)
    assert seen[-1][1] > 0.0


def test_the_run_ends_when_what_is_critical_is_answered() -> None:
    async def whole() -> dict[str, list[Sample]]:
        async with lab_server() as server:
            streams = (Stream("otp", rate_per_s=50.0, critical=True), Stream("browse", clients=1))
            traffic = Traffic(
                streams, OwnConnections(dict.fromkeys(("otp", "browse"), server.place()))
            )
            await traffic.run(0.1, FOREVER_S)
            return traffic.samples

    samples = asyncio.run(whole())
    assert {one.outcome for one in samples["otp"]} == {SERVED}
    assert max(one.asked_s for one in samples["browse"]) < FOREVER_S / 2


def test_what_is_critical_and_not_answered_has_its_grace() -> None:
    async def whole() -> list[Sample]:
        async with lab_server(lambda _text: SILENCE) as server:
            stream = Stream("otp", clients=1, critical=True)
            traffic = Traffic((stream,), OwnConnections({"otp": server.place()}))
            await traffic.run(0.01, 0.05)
            return traffic.samples["otp"]

    (only,) = asyncio.run(whole())
    assert only.outcome == UNANSWERED
    assert only.wait_s >= 0.05
