import pytest

from pglane.wire import login_messages as m
from pglane.wire.body import MalformedMessage

EXAMPLES = [
    (m.AuthenticationOk(), b"R\0\0\0\x08\0\0\0\0"),
    (m.AuthenticationCleartextPassword(), b"R\0\0\0\x08\0\0\0\3"),
    (m.AuthenticationMD5Password(b"salt"), b"R\0\0\0\x0c\0\0\0\5salt"),
    (m.AuthenticationSASL((b"A", b"B")), b"R\0\0\0\x0d\0\0\0\x0aA\0B\0\0"),
    (m.AuthenticationSASL(()), b"R\0\0\0\x09\0\0\0\x0a\0"),
    (m.AuthenticationSASLContinue(b"r=x"), b"R\0\0\0\x0b\0\0\0\x0br=x"),
    (m.AuthenticationSASLFinal(b"v=x"), b"R\0\0\0\x0b\0\0\0\x0cv=x"),
    (m.AuthenticationUnsupported(7, b""), b"R\0\0\0\x08\0\0\0\7"),
    (m.AuthenticationUnsupported(8, b"tok"), b"R\0\0\0\x0b\0\0\0\x08tok"),
]


@pytest.mark.parametrize(("message", "data"), EXAMPLES)
def test_authentication_bytes_are_those_of_the_manual(
    message: m.Authentication, data: bytes
) -> None:
    assert message.encode() == data
    assert m.decode_authentication(data[5:]) == message


def test_unsupported_methods_have_names() -> None:
    assert m.AuthenticationUnsupported(9, b"").method == "SSPI"
    assert m.AuthenticationUnsupported(99, b"").method == "method 99"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\0\0\0", "4 bytes of the method"),
        (b"\0\0\0\0x", "the end of the message"),
        (b"\0\0\0\5abc", "a salt of 4 bytes"),
        (b"\0\0\0\5abcde", "a salt of 4 bytes"),
        (b"\0\0\0\x0aA\0", "a zero byte behind a mechanism or the end of the list"),
        (b"\0\0\0\x0a\0A\0\0", "the end of the message"),
    ],
)
def test_malformed_requests_are_told(body: bytes, expected: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        m.decode_authentication(body)
    assert caught.value.expected == expected


@pytest.mark.parametrize("size", [4, 32, 256])
def test_a_cancel_key_may_be_long(size: int) -> None:
    data = m.BackendKeyData(-2, b"k" * size)
    assert data.encode()[:9] == b"K" + (8 + size).to_bytes(4, "big") + b"\xff\xff\xff\xfe"
    assert m.BackendKeyData.decode(data.encode()[5:]) == data
    assert "kkk" not in repr(data)


@pytest.mark.parametrize("size", [0, 3, 257])
def test_a_cancel_key_has_its_limits(size: int) -> None:
    with pytest.raises(MalformedMessage, match="a key of 4 to 256 bytes"):
        m.BackendKeyData.decode(b"\0\0\0\1" + b"k" * size)
    with pytest.raises(ValueError, match="4 to 256"):
        m.BackendKeyData(1, b"k" * size).encode()


def test_negotiation_carries_the_whole_version() -> None:
    message = m.NegotiateProtocolVersion(3, 2, (b"_pq_.x", b"_pq_.y"))
    assert message.encode() == b"v\0\0\0\x1a\0\3\0\2\0\0\0\2_pq_.x\0_pq_.y\0"
    assert m.NegotiateProtocolVersion.decode(message.encode()[5:]) == message


def test_a_negotiation_cannot_promise_more_options_than_bytes() -> None:
    with pytest.raises(MalformedMessage, match="4294967295 options"):
        m.NegotiateProtocolVersion.decode(b"\0\3\0\2\xff\xff\xff\xff")


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        m.AuthenticationMD5Password(b"sal").encode()
    with pytest.raises(ValueError, match="empty mechanism"):
        m.AuthenticationSASL((b"",)).encode()
