"""Every test runs on the form in use and on the pure form; the last ones compare the two."""

import itertools
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pglane.wire import framing
from tests.support.pure import load_pure

FORMS = {"in use": framing, "pure": load_pure("pglane.wire.framing")}
LENGTH_MAX = 1 << 20

bodies = st.binary(max_size=40)
messages = st.tuples(st.sampled_from(b"QPBDESXdZ1"), bodies)
streams = st.lists(messages, max_size=12)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Any:
    return FORMS[request.param]


def encoded(stream: list[tuple[int, bytes]]) -> bytes:
    return b"".join(
        bytes([kind]) + struct.pack("!I", len(body) + 4) + body for kind, body in stream
    )


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """`data` cut at these places (modulo its length); empty pieces included."""
    places = sorted(cut % (len(data) + 1) for cut in cuts)
    for begin, end in zip([0, *places], [*places, len(data)], strict=True):
        yield data[begin:end]


def walked(reader: Any) -> Iterator[tuple[int, bytes]]:
    while reader.next():
        assert reader.message() == reader.buffer[reader.begin : reader.end]
        yield reader.kind, reader.body()


def all_forms(test: Any) -> Any:
    return pytest.mark.parametrize("module", FORMS.values(), ids=FORMS.keys())(test)


@all_forms
@given(stream=streams, cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_any_split_gives_the_same_messages(
    module: Any, stream: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    reader = module.MessageReader(LENGTH_MAX)
    seen = []
    for piece in pieces(encoded(stream), cuts):
        reader.feed(piece)
        seen += walked(reader)
    assert seen == stream
    assert reader.buffered_bytes() == 0


@all_forms
@given(stream=streams, cuts=st.lists(st.integers(0, 10_000), max_size=20), lazy=st.data())
def test_messages_survive_feeds_that_nobody_walked_after(
    module: Any, stream: list[tuple[int, bytes]], cuts: list[int], lazy: st.DataObject
) -> None:
    """`feed` may come again before `next` said False: an owner that is busy reads on."""
    reader = module.MessageReader(LENGTH_MAX)
    seen = []
    fed = 0
    for piece in pieces(encoded(stream), cuts):
        reader.feed(piece)
        fed += len(piece)
        seen += itertools.islice(walked(reader), lazy.draw(st.integers(0, 3)))
        assert reader.buffered_bytes() == fed - len(encoded(seen))
    seen += walked(reader)
    assert seen == stream


@all_forms
@given(
    stream=streams,
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
    wants=st.sets(st.sampled_from(b"QPBDESXdZ1")),
)
def test_streamed_messages_give_the_same_bytes(
    module: Any, stream: list[tuple[int, bytes]], cuts: list[int], wants: set[int]
) -> None:
    """Whole messages and streamed parts, put together, are the stream; others come whole."""
    reader = module.MessageReader(LENGTH_MAX)
    out = bytearray()
    for piece in pieces(encoded(stream), cuts):
        reader.feed(piece)
        while True:
            if reader.stream_left:
                part = reader.take_stream()
                out += part
                if not part:
                    break
            elif reader.next():
                out += reader.message()
            elif reader.partial_kind() in wants:
                out += reader.stream_partial()
                assert reader.stream_left > 0
                assert not reader.next()
                break
            else:
                break
    assert bytes(out) == encoded(stream)
    assert reader.stream_left == 0


def test_a_header_in_pieces_is_no_partial_message(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    for piece in (b"d", b"\0\0", b"\0"):
        reader.feed(piece)
        assert not reader.next()
        assert reader.partial_kind() == 0
    reader.feed(b"\x08")
    assert not reader.next()
    assert chr(reader.partial_kind()) == "d"


def test_a_partial_message_keeps_its_kind_while_it_grows(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"Z\0\0\0\x05Id\0\0\x10\x04abc")
    assert reader.next()
    for grown in range(3):
        assert not reader.next()
        assert chr(reader.partial_kind()) == "d"
        assert reader.buffered_bytes() == 8 + grown * 3
        reader.feed(b"xyz")
    assert not reader.next()
    assert reader.stream_partial() == b"d\0\0\x10\x04abc" + b"xyz" * 3
    assert reader.stream_left == 4096 - 12
    assert reader.partial_kind() == 0


def test_streaming_needs_a_partial_message(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    with pytest.raises(ValueError, match="header is here"):
        reader.stream_partial()
    reader.feed(b"d\0\0\0\x08ab")
    assert not reader.next()
    reader.stream_partial()
    with pytest.raises(ValueError, match="header is here"):
        reader.stream_partial()


def test_a_partial_message_that_became_whole_is_streamed_to_its_end(form: Any) -> None:
    """Found by fuzzing: bytes behind it were handed out too and `stream_left` was negative."""
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"d\0\0\0\x08ab")
    assert not reader.next()
    reader.feed(b"cdS\0\0\0\x04")
    assert reader.stream_partial() == b"d\0\0\0\x08abcd"
    assert reader.stream_left == 0
    assert reader.next()
    assert chr(reader.kind) == "S"


def test_stepping_back_forgets_the_partial_message(form: Any) -> None:
    """Found by fuzzing: the whole message before it was streamed with the length of the other."""
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"Q\0\0\0\x06a\0d\0\0\0\x08")
    assert reader.next()
    assert not reader.next()
    reader.step_back()
    assert reader.partial_kind() == 0
    assert reader.next()
    assert reader.message() == b"Q\0\0\0\x06a\0"


def test_what_follows_a_streamed_message_is_walked(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"d\0\0\0\x08ab")
    assert not reader.next()
    reader.stream_partial()
    reader.feed(b"c")
    reader.feed(b"dS\0\0\0\x04")
    assert not reader.next()
    assert reader.take_stream() == b"cd"
    assert reader.next()
    assert chr(reader.kind) == "S"
    assert reader.take_stream() == b""


def test_parts_of_a_stream_that_came_apart_are_taken_as_one(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"d\0\0\0\x08a")
    assert not reader.next()
    reader.stream_partial()
    reader.feed(b"b")
    reader.feed(b"c")
    assert reader.take_stream() == b"bc"
    assert reader.stream_left == 1


def test_all_that_is_left_can_be_taken_unsplit(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"p\0\0\0\x05xQ\0\0")
    assert reader.next()
    assert not reader.next()
    reader.feed(b"\0\x08ab")
    assert reader.take_all() == b"Q\0\0\0\x08ab"
    assert reader.take_all() == b""
    assert not reader.next()


def test_taking_all_ends_a_stream(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"d\0\0\0\x08a")
    assert not reader.next()
    reader.stream_partial()
    reader.feed(b"bc")
    assert reader.take_all() == b"bc"
    assert reader.stream_left == 0


def test_a_message_stepped_back_to_comes_again(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(b"Q\0\0\0\x06a\0S\0\0\0\x04")
    assert reader.next()
    reader.step_back()
    reader.feed(b"H\0\0\0\x04")
    assert [chr(kind) for kind, _ in walked(reader)] == ["Q", "S", "H"]


def test_a_run_of_messages_is_one_slice(form: Any) -> None:
    data = b"1\0\0\0\x042\0\0\0\x04D\0\0"
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(data)
    assert reader.next()
    begin = reader.begin
    assert reader.next()
    assert not reader.next()
    assert reader.buffer[begin : reader.end] == data[:10]
    assert reader.buffer is data


@pytest.mark.parametrize("length", [0, 3, 101, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_an_impossible_length_is_told(form: Any, length: int) -> None:
    reader = form.MessageReader(100)
    reader.feed(b"B" + struct.pack("!I", length))
    for _ in range(2):
        with pytest.raises(form.MalformedStream) as caught:
            reader.next()
        assert (caught.value.kind, caught.value.length, caught.value.length_max) == (
            ord("B"),
            length,
            100,
        )
    assert f"'B' says {length} bytes, allowed are 4 to 100" in str(caught.value)


def test_lengths_at_the_limits_are_fine(form: Any) -> None:
    reader = form.MessageReader(100)
    reader.feed(b"d\0\0\0\x64" + b"x" * 96 + b"c\0\0\0\x04")
    assert [(chr(kind), len(body)) for kind, body in walked(reader)] == [("d", 96), ("c", 0)]


def test_the_limit_can_change_between_messages(form: Any) -> None:
    reader = form.MessageReader(10)
    reader.feed(b"p\0\0\0\x05xQ\0\0\0\x0b1234567")
    assert reader.next()
    reader.length_max = 20
    assert reader.next()


def copied_bytes(form: Any, chunk_bytes: int, chunks: int) -> int:
    """How many bytes `_join` has put together for one message that came in so many chunks."""
    reader = form.MessageReader(1 << 30)
    total = chunk_bytes * chunks
    data = b"d" + struct.pack("!I", total - 1) + b"x" * (total - 5)
    joined = 0
    last: bytes = b""
    for at in range(0, total, chunk_bytes):
        reader.feed(data[at : at + chunk_bytes])
        found = reader.next()
        if reader.buffer is not last:
            last = reader.buffer
            joined += len(last)
        assert found == (at + chunk_bytes == total)
        assert reader.buffered_bytes() == (0 if found else at + chunk_bytes)
    assert reader.message() == data
    return joined


@all_forms
@given(
    sizes=st.lists(
        st.sampled_from([1, 2, 100, 2047, 2048, 4000, 4095, 4096, 4097, 9000]), max_size=20
    )
)
def test_chunks_of_any_size_keep_their_order(module: Any, sizes: list[int]) -> None:
    body = b"".join(bytes([at % 256]) * size for at, size in enumerate(sizes))
    data = b"d" + struct.pack("!I", len(body) + 4) + body
    reader = module.MessageReader(LENGTH_MAX)
    reader.feed(data[:5])
    at = 5
    for size in sizes:
        assert not reader.next()
        reader.feed(data[at : at + size])
        at += size
    assert reader.next()
    assert reader.message() == data


def test_large_chunks_are_kept_as_they_are(form: Any) -> None:
    reader = FORMS["pure"].MessageReader(1 << 30)
    reader.feed(b"d\0\1\0\0")
    assert not reader.next()
    chunks = [bytes(form.CHUNK_BYTES_MIN) for _ in range(3)]
    for chunk in chunks:
        reader.feed(chunk)
        reader.feed(b"a")
        reader.feed(b"b")
    assert [len(chunk) for chunk in reader._chunks] == [5, 4096, 2, 4096, 2, 4096, 2]
    assert all(kept is chunk for kept, chunk in zip(reader._chunks[1::2], chunks, strict=True))


@pytest.mark.parametrize("chunk_bytes", [5000, 65536])
def test_a_large_message_is_joined_once(form: Any, chunk_bytes: int) -> None:
    assert copied_bytes(form, chunk_bytes, 64) <= chunk_bytes * 65


def test_single_bytes_are_kept_together(form: Any) -> None:
    """A peer that sends byte by byte makes us keep few objects, not one for each."""
    reader = FORMS["pure"].MessageReader(1 << 30)
    reader.feed(b"d\0\1\0\0")
    assert not reader.next()
    for _ in range(20_000):
        reader.feed(b"x")
        assert not reader.next()
    assert reader.buffered_bytes() == 20_005
    assert len(reader._chunks) <= 20_005 // (form.CHUNK_BYTES_MIN // 2) + 1


def test_the_constants_can_be_imported(form: Any) -> None:
    assert (form.HEADER_BYTES, form.LENGTH_MIN) == (5, 4)


operations = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"D\0\0\0\x0a\0\1\0\0\0\0", b"Z\0\0\0\x05I", b"d\0\0\0\x40", b"\0"]),
        st.sampled_from(["next", "step_back", "stream", "take", "all", "partial"]),
    ),
    max_size=40,
)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 5000])
def test_a_zero_byte_is_found_near_and_far_and_not_behind_the_message(length: int) -> None:
    reader = framing.MessageReader(10_000)
    body = b"x" * length + b"\x00y"
    reader.feed(b"P%b%b" % ((len(body) + 4).to_bytes(4, "big"), body) + b"\x00")
    assert reader.next()
    assert reader.zero_at(5) == 5 + length
    assert reader.zero_at(6 + length) == -1
    assert reader.zero_at(reader.end) == -1


def trace(module: Any, steps: list[Any]) -> list[Any]:
    """What a reader says to these steps."""
    reader = module.MessageReader(64)
    said: list[Any] = []
    for step in steps:
        try:
            said.append(answer(reader, step))
        except module.MalformedStream as malformed:
            said.append(str(malformed))
            break
        except ValueError as misuse:
            said.append(str(misuse))
        said.append((reader.begin, reader.end, reader.size, reader.buffer, reader.stream_left))
        assert 0 <= reader.begin <= reader.end <= reader.size == len(reader.buffer)
    return said


def answer(reader: Any, step: Any) -> Any:
    match step:
        case bytes():
            return reader.feed(step)
        case "next":
            return bool(reader.next()) and (reader.kind, reader.body(), reader.message())
        case "step_back":
            return reader.step_back()
        case "stream":
            return reader.stream_partial()
        case "take":
            return reader.take_stream()
        case "all":
            return reader.take_all()
        case _:
            return reader.partial_kind(), reader.buffered_bytes(), reader.needed


@given(steps=operations)
def test_both_forms_agree_on_any_use(steps: list[Any]) -> None:
    assert trace(framing, steps) == trace(FORMS["pure"], steps)


def test_a_part_is_a_slice(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    reader.feed(encoded([(ord("Q"), b"SELECT 1\x00")]))
    assert reader.next()
    assert reader.part(5, reader.end - 1) == b"SELECT 1"
    assert reader.part(0, reader.end) == reader.message()
    assert reader.part(7, 7) == reader.part(9, 7) == b""


def test_a_message_is_taken_where_nothing_waits(form: Any) -> None:
    reader = form.MessageReader(100)
    assert reader.would_take(100)
    assert not reader.would_take(101)
    reader.feed(b"Q\0\0\0\x04")
    assert not reader.would_take(4), "one waits"
    assert reader.next()
    assert reader.would_take(4)
    reader.feed(b"d\0\0\0\x06x")
    assert not reader.next()
    reader.stream_partial()
    assert not reader.would_take(4), "the rest of it is still to come"
    reader.feed(b"y")
    reader.take_stream()
    reader.feed(b"Q")
    reader.feed(b"\0")
    assert not reader.would_take(4)


def test_what_was_walked_over_is_let_go(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    whole, half = encoded([(0x51, b"abc")]), encoded([(0x51, b"defgh")])[:7]
    reader.feed(whole + half)
    assert reader.next()
    assert not reader.next()
    assert reader.kept_bytes() == len(whole + half)
    reader.feed(b"fgh")
    assert reader.kept_bytes() == len(half) + 3
    assert reader.next()
    assert reader.kept_bytes() == 0
    assert reader.buffer == b""
    assert not reader.next()
    reader.feed(whole)
    assert list(walked(reader)) == [(0x51, b"abc")]


def test_what_nobody_walked_over_is_untouched_until_it_is_dropped(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    assert not reader.is_untouched()
    data = encoded([(0x51, b"one")])
    reader.feed(data)
    assert reader.is_untouched()
    assert reader.next()
    assert not reader.is_untouched()
    reader.step_back()
    assert reader.is_untouched()
    reader.drop()
    assert not reader.is_untouched()
    assert reader.would_take(1)
    assert not reader.buffered_bytes()
    assert not reader.next()


def test_parts_of_what_came_are_not_untouched(form: Any) -> None:
    reader = form.MessageReader(LENGTH_MAX)
    data = encoded([(0x64, bytes(40))])
    reader.feed(data[:20])
    reader.feed(data[20:30])
    assert not reader.is_untouched()
    assert not reader.next()
    assert reader.stream_partial() == data[:30]
    reader.feed(data[30:])
    assert not reader.is_untouched()


def test_one_that_no_class_was_called_for_is_the_same(form: Any) -> None:
    made = form.message_reader(10)
    made.feed(b"Q\0\0\0\x05xS")
    assert made.next()
    assert (made.kind, made.body(), made.next()) == (ord("Q"), b"x", False)
    made.feed(b"\0\0\0\x0b")
    with pytest.raises(form.MalformedStream):
        made.next()


def test_what_one_keeps_for_the_rest_no_other_has(form: Any) -> None:
    """Empty at first, what they keep it in is the same object for all."""
    made = [form.MessageReader(LENGTH_MAX), form.message_reader(LENGTH_MAX)]
    data = [encoded([(ord("Q"), bytes([at]) * 20_000)]) for at in range(2)]
    for begin in range(0, len(data[0]), 5000):
        for reader, whole in zip(made, data, strict=True):
            assert not reader.next()
            reader.feed(whole[begin : begin + 5000])
    for reader, whole in zip(made, data, strict=True):
        assert reader.next()
        assert reader.message() == whole
        assert not reader.buffered_bytes()
    fresh = form.message_reader(LENGTH_MAX)
    assert fresh.take_all() == b""
    fresh.feed(b"S\0\0")
    assert not fresh.next()
    fresh.feed(b"\0\4")
    assert fresh.next()
    assert fresh.message() == b"S\0\0\0\4"


@all_forms
@given(st.lists(st.integers(0, 40)), st.sampled_from([ord("d"), 0]))
def test_what_is_skipped_leaves_nothing_but_where_messages_end(
    module: Any, sizes: list[int], kind: int
) -> None:
    stream = encoded([(kind, bytes(size)) for size in sizes])
    ends = {0, *itertools.accumulate(size + 5 for size in sizes)}
    for step in (1, 3, 7, 64):
        reader = module.MessageReader(1000)
        for at in range(0, len(stream), step):
            reader.skip(stream[at : at + step])
            assert reader.is_amid() == (min(at + step, len(stream)) not in ends)
            assert reader.kept_bytes() <= step + 4


def test_what_cannot_be_a_message_is_not_skipped(form: Any) -> None:
    reader = form.MessageReader(1000)
    with pytest.raises(form.MalformedStream):
        reader.skip(b"Q\0\0\0\3")
