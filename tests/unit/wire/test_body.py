import pytest

from pglane.wire import body as b
from pglane.wire.body import BodyReader, MalformedMessage


def test_an_error_names_message_expectation_and_sight_but_no_contents() -> None:
    reader = BodyReader("Bind", b"geheim\0")
    assert reader.string("the portal's name") == b"geheim"
    with pytest.raises(MalformedMessage) as caught:
        reader.string("the statement's name")
    assert str(caught.value) == (
        "malformed Bind message: expected a zero byte behind the statement's name, "
        "seen none in the last 0 bytes"
    )
    assert (caught.value.message, caught.value.seen) == ("Bind", "none in the last 0 bytes")


@pytest.mark.parametrize(
    ("read", "body", "expected"),
    [
        (lambda r: r.byte("x"), b"", "1 bytes of x"),
        (lambda r: r.int16("x"), b"\0", "2 bytes of x"),
        (lambda r: r.count("x"), b"\0", "2 bytes of x"),
        (lambda r: r.int32("x"), b"\0\0\0", "4 bytes of x"),
        (lambda r: r.oid("x"), b"\0\0\0", "4 bytes of x"),
        (lambda r: r.value("x"), b"\0\0\0\4abc", "4 bytes of x"),
        (lambda r: r.value("x"), b"\xff\xff\xff\xfe", "a length of x of -1 or more"),
        (lambda r: r.formats("x"), b"\0\2\0\0\0", "4 bytes of x"),
        (lambda r: r.oids(2, "x"), b"\0\0\0\0\0\0\0", "8 bytes of x"),
        (lambda r: r.finish(), b"a", "the end of the message"),
    ],
)
def test_what_is_missing_is_said(read: object, body: bytes, expected: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        read(BodyReader("Test", body))  # type: ignore[operator]
    assert caught.value.expected == expected


def test_counts_are_unsigned_and_numbers_signed() -> None:
    assert BodyReader("Test", b"\xff\xff").count("x") == 65535
    assert BodyReader("Test", b"\xff\xff").int16("x") == -1
    assert BodyReader("Test", b"\xff\xff\xff\xff").oid("x") == 0xFFFFFFFF
    assert BodyReader("Test", b"\xff\xff\xff\xff").int32("x") == -1
    assert b.count(65535) == b"\xff\xff"


def test_null_is_not_empty() -> None:
    assert BodyReader("Test", b"\xff\xff\xff\xff").value("x") is None
    assert BodyReader("Test", b"\0\0\0\0").value("x") == b""
    assert BodyReader("Test", b"\0").string("x") == b""
    assert b.counted(None) == b"\xff\xff\xff\xff"
    assert b.counted(b"") == b"\0\0\0\0"


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        b.string(b"a\0b")
    with pytest.raises(ValueError, match="65535"):
        b.count(65536)


def test_what_is_written_is_read() -> None:
    written = (
        b.int16(-2) + b.count(3) + b.int32(-4) + b.oid(1 << 31) + b.string(b"a") + b.counted(b"b")
    )
    read = BodyReader("Test", written + b.formats((0, 1)) + b.oids((5, 6)) + b"rest")
    assert (read.int16("x"), read.count("x"), read.int32("x"), read.oid("x")) == (
        -2,
        3,
        -4,
        1 << 31,
    )
    assert (read.string("x"), read.value("x")) == (b"a", b"b")
    assert (read.formats("x"), read.oids(2, "x")) == ((0, 1), (5, 6))
    assert read.left() == 4
    assert read.rest() == b"rest"
    read.finish()


def test_only_the_caller_can_judge_some_things() -> None:
    refused = BodyReader("Test", b"\7").malformed("a format of 0 or 1", "7")
    assert (refused.message, refused.expected, refused.seen) == ("Test", "a format of 0 or 1", "7")


def test_a_message_longer_than_its_length_field_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(b, "LENGTH_MAX", 8)
    assert b.message(ord("d"), b"1234") == b"d\0\0\0\x081234"
    with pytest.raises(ValueError, match="may have 8 bytes, this one has 9"):
        b.message(ord("d"), b"12345")
