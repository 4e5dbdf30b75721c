"""SCRAM-SHA-256: both sides of the exchange, without I/O and without randomness of its own.

`ScramServer` lets a client in that proves to know the password behind a `Verifier`; from a good
proof falls out the client's key. `ScramClient` logs in at a server from a password, or from such a
key: a user whose password nobody here knows can be logged in where the verifier is the same (same
salt, same iterations). A client key is as good as a password: nothing here shows it in a `repr`.

Every message of the peer is checked for its whole form; what is wrong raises `ScramFailure`, whose
`reason` tells a broken peer from a wrong password. A server answers an unknown user with
`Verifier.mock`, so that the exchange looks the same as for a known one.

Inside TLS a login can be bound to its channel (SCRAM-SHA-256-PLUS, `wire/channel_binding.py`); a
client that insists on it where there is nothing to bind to (gs2 flag p) is refused. One that could
but thinks we cannot (y) is right where it was not offered; where it was, somebody between us has
taken it out of the offer, and the client is refused (RFC 5802, section 6).

A gateway sees the same verifier with every connection of an application. What does not depend on
the exchange is computed once for each (`Verifier.prepared`): the salt's text, and the part of an
HMAC that its key makes (`wire/scram_keys.py`).

Rejected: asking the standard library's `hmac.digest` for the salted password (`pbkdf2_hmac` is the
same function in C).

Source: RFC 5802, RFC 7677; PostgreSQL manual, "SASL Authentication" (the user name comes in the
startup packet, the one in the exchange is ignored).
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest, digest
from typing import Any, Final, Self

from pglane.wire.joining import joined
from pglane.wire.key_recipe import KeyRecipe, KeysLacking
from pglane.wire.scram_failure import ScramFailure, ScramReason
from pglane.wire.scram_keys import (
    KEY_BYTES,
    KeyedHash,
    from_base64,
    hash_of,
    mix,
    proven_key,
    to_base64,
)

MECHANISM: Final = b"SCRAM-SHA-256"
MECHANISM_PLUS: Final = b"SCRAM-SHA-256-PLUS"
"""The same, bound to the TLS connection that it travels on."""
ITERATIONS_DEFAULT: Final = 4096
"""PostgreSQL's default."""
ITERATIONS_MAX: Final = 1_000_000
"""What a server may ask of us: about half a second of computing."""
SALT_BYTES: Final = 16
"""Of the salts that are made here, as PostgreSQL makes them."""
SALT_BYTES_MAX: Final = 1024
MESSAGE_BYTES_MAX: Final = 4096
"""Longer messages of an exchange are refused unread; real ones have some 200 bytes."""
# Compiled, these are C integers: to compare with them costs no object.
_MESSAGE_BYTES_MAX: int = MESSAGE_BYTES_MAX
_KEY_BYTES: int = KEY_BYTES

_PROOF: Final = b",p="
_PROOF_BYTES: Final = 47
"""Of that and 32 bytes in base64: what the last message ends with."""
_NAMELESS: Final = b"n=,r="
"""What the first message is, up to the nonce, where the user stands in the startup packet."""
_UNABLE: Final = b"n,,"
_UNOFFERED: Final = b"y,,"
_BINDING: Final = b"p=tls-server-end-point,,"
"""The header of a login that is bound to its channel, of one that could be, of one that cannot."""


def _malformed(text: str) -> ScramFailure:
    return ScramFailure(ScramReason.MALFORMED, f"malformed SCRAM message: {text}")


def _hmac(key: bytes, data: bytes) -> bytes:
    return digest(key, data, "sha256")


def salt_of(user: bytes, secret: bytes) -> bytes:
    """The salt of a user, always the same; whether the user exists cannot be seen in it."""
    return _hmac(secret, b"salt" + user)[:SALT_BYTES]


class PreparedVerifier:
    """What every exchange with one verifier needs.

    Attributes:
        verifier: which one.
        challenge: the end of the server's first message.
        stored_key_bytes: what the hash of the client's key must be.
        stored_key: the same as a key.
        server_key: what the server shows to know.
    """

    __slots__ = ("challenge", "server_key", "stored_key", "stored_key_bytes", "verifier")

    def __init__(self, verifier: "Verifier") -> None:
        self.verifier = verifier
        self.stored_key_bytes = verifier.stored_key
        self.challenge = b",s=%b,i=%d" % (b64encode(verifier.salt), verifier.iterations)
        self.stored_key = KeyedHash(verifier.stored_key)
        self.server_key = KeyedHash(verifier.server_key)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps of a password; it proves nothing to another server."""

    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    _prepared: list[PreparedVerifier] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def prepared(self) -> PreparedVerifier:
        """Computed when first asked for."""
        if not self._prepared:
            self._prepared.append(PreparedVerifier(self))
        return self._prepared[0]

    def unprepared(self) -> Self:
        """The same, of which nothing is computed yet."""
        return type(self)(self.iterations, self.salt, self.stored_key, self.server_key)

    @classmethod
    def of_password(
        cls, password: bytes, salt: bytes, iterations: int = ITERATIONS_DEFAULT
    ) -> Self:
        """The verifier of a password; `salt` has at least one byte, PostgreSQL uses 16."""
        keys = ScramKeys.of_password(password, salt, iterations)
        return cls(iterations, salt, hash_of(keys.client_key), keys.server_key)

    @classmethod
    def mock(cls, user: bytes, secret: bytes, iterations: int = ITERATIONS_DEFAULT) -> Self:
        """A verifier no password fits, always the same for a user; `secret` is known to nobody."""
        salt = salt_of(user, secret)
        return cls(iterations, salt, _hmac(secret, b"stored" + user), _hmac(secret, b"key" + user))

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Reads `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.

        Raises:
            ValueError: it is not of that form.
        """
        try:
            mechanism, cost, keys = text.split(b"$")
            iterations, salt = cost.split(b":")
            stored_key, server_key = keys.split(b":")
            verifier = cls(
                _number(iterations), _base64(salt), _base64(stored_key), _base64(server_key)
            )
        except (ValueError, ScramFailure):
            raise ValueError(_VERIFIER_FORM) from None
        fits = len(verifier.stored_key) == KEY_BYTES == len(verifier.server_key) and verifier.salt
        if mechanism != MECHANISM or not fits:
            raise ValueError(_VERIFIER_FORM)
        return verifier

    def format(self) -> bytes:
        """The text that `parse` reads; PostgreSQL keeps it in `pg_authid.rolpassword`."""
        return b"%b$%d:%b$%b:%b" % (
            MECHANISM,
            self.iterations,
            b64encode(self.salt),
            b64encode(self.stored_key),
            b64encode(self.server_key),
        )


_VERIFIER_FORM = "a SCRAM verifier looks like SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What a client needs to log in, good for one salt and number of iterations."""

    iterations: int
    salt: bytes
    client_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def of_password(cls, password: bytes, salt: bytes, iterations: int) -> Self:
        """Computes them."""
        return cls.of_recipe(KeyRecipe(password, salt, iterations))

    @classmethod
    def of_recipe(cls, recipe: KeyRecipe) -> Self:
        """Computes them, which may take long."""
        salted = recipe.salted()
        client_key, server_key = _hmac(salted, b"Client Key"), _hmac(salted, b"Server Key")
        return cls(recipe.iterations, recipe.salt, client_key, server_key)

    def told(self) -> dict[str, int | str]:
        """Themselves, for another process of ours; as good as a password."""
        return {
            "iterations": self.iterations,
            "salt": self.salt.hex(),
            "client": self.client_key.hex(),
            "server": self.server_key.hex(),
        }

    @classmethod
    def of_told(cls, told: Mapping[str, Any]) -> Self:
        """What `told` gave.

        Raises:
            LookupError, ValueError: it is not that.
        """
        salt, client, server = (bytes.fromhex(told[key]) for key in ("salt", "client", "server"))
        return cls(told["iterations"], salt, client, server)

    def fit(self, verifier: Verifier) -> bool:
        """Whether they are of the verifier's password."""
        return compare_digest(hash_of(self.client_key), verifier.stored_key)


class ScramServer:
    """The server's side of one exchange: `first`, then `final`.

    Args:
        verifier: of the user who wants in.
        nonce: at least 18 random bytes in base64 or other printable ASCII without commas.
        binding: the hash of the channel, if binding to it was offered.
        bound: the client chose to be bound.

    Attributes:
        client_key: what the client knows; b"" until `final` has succeeded.
    """

    __slots__ = (
        "_binding", "_bound", "_client_first_bare", "_gs2_header", "_nonce", "_prepared",
        "_server_first", "client_key",
    )  # fmt: skip

    def __init__(
        self, verifier: Verifier, nonce: bytes, binding: bytes = b"", *, bound: bool = False
    ) -> None:
        self._set_up(verifier.prepared(), _checked_nonce(nonce), binding, bound)

    def _set_up(
        self, prepared: PreparedVerifier, nonce: bytes, binding: bytes, bound: bool
    ) -> None:
        self._binding = binding
        self._bound = bound
        self._prepared = prepared
        self._nonce = nonce
        self._client_first_bare = b""
        self._gs2_header = b""
        self._server_first = b""
        self.client_key = b""

    @property
    def keys(self) -> ScramKeys | None:
        """What logs this user in elsewhere; None until `final` has succeeded."""
        verifier = self._prepared.verifier
        if not self.client_key:
            return None
        return ScramKeys(verifier.iterations, verifier.salt, self.client_key, verifier.server_key)

    def first(self, client_first: bytes) -> bytes:
        """The answer to the client's first message.

        Raises:
            ScramFailure: MALFORMED or UNSUPPORTED.
        """
        header = self._header_of(_sized(client_first))
        text = client_first
        self._gs2_header = header
        self._client_first_bare = text[len(header) : len(client_first)]
        self._nonce = joined(_nonce_attribute(self._client_first_bare), self._nonce)
        self._server_first = joined(self._nonce, self._prepared.challenge)
        return self._server_first

    def _header_of(self, client_first: bytes) -> bytes:
        """What a first message says of binding it to its channel."""
        if self._bound:
            if not client_first.startswith(_BINDING):
                raise _unbound(client_first)
            return _BINDING
        if client_first.startswith(_UNABLE):
            return _UNABLE
        if not client_first.startswith(_UNOFFERED):
            raise _header_failure(client_first)
        if self._binding:
            told = "the client could be bound to its channel, and thinks that we cannot"
            raise ScramFailure(ScramReason.DOWNGRADED, told)
        return _UNOFFERED

    def final(self, client_final: bytes) -> bytes:
        """The answer to the client's last message; it is in.

        Raises:
            ScramFailure: MALFORMED, or WRONG_PASSWORD.
        """
        if not self._server_first:
            raise RuntimeError("final comes behind first")
        text = client_final
        size = len(_sized(client_final))
        begin = size - _PROOF_BYTES
        if begin < 0 or text[begin : begin + 3] != _PROOF:
            raise _proof_failure(client_final)
        proof = _base64(client_final, begin + 3)
        if len(proof) != _KEY_BYTES:
            raise _proof_failure(client_final)
        without_proof = text[:begin]
        if without_proof != joined(self._prefix(), self._nonce):
            self._check(without_proof)
        return self._verify(without_proof, proof)

    def _prefix(self) -> bytes:
        """What the last message begins with, if it fits the first one and the channel."""
        if self._bound:
            return b"c=%b," % b64encode(_BINDING + self._binding)
        return b"c=biws," if self._gs2_header == _UNABLE else b"c=eSws,"

    def _check(self, without_proof: bytes) -> None:
        """It is not what clients send: extensions are allowed, anything else is not."""
        attributes = _attributes(without_proof)
        seen = _base64(_attribute(attributes, 0, b"c="))
        if not seen.startswith(self._gs2_header):
            raise _malformed("the channel binding is not that of the first message")
        if seen != self._gs2_header + (self._binding if self._bound else b""):
            told = "what the client is bound to is not this channel"
            raise ScramFailure(ScramReason.OTHER_CHANNEL, told)
        if b"r=" + _attribute(attributes, 1, b"r=") != self._nonce:
            raise _malformed("the nonce is not that of this exchange")

    def _verify(self, without_proof: bytes, proof: bytes) -> bytes:
        prepared = self._prepared
        signed = joined(self._client_first_bare, b",", self._server_first, b",", without_proof)
        client_key = proven_key(prepared.stored_key, prepared.stored_key_bytes, signed, proof)
        if not client_key:
            raise ScramFailure(ScramReason.WRONG_PASSWORD, "the proof does not fit the verifier")
        self.client_key = client_key
        return joined(b"v=", to_base64(prepared.server_key.of(signed)))


def scram_server(
    prepared: PreparedVerifier, nonce: bytes, binding: bytes, bound: bool
) -> ScramServer:
    """The same without what it costs to call a class; the nonce is known to be good."""
    made = ScramServer.__new__(ScramServer)
    made._set_up(prepared, nonce, binding, bound)
    return made


class ScramClient:
    """The client's side of one exchange: `first`, `final`, `verify`.

    Args:
        secret: the password, or keys of it.
        nonce: as for `ScramServer`.
        user: PostgreSQL ignores it and its own client leaves it out; other servers may not.
        iterations_max: more than that is refused, not computed.
        inline_max: keys of a password that take more iterations are not computed by `final`.
        binding: the hash of the channel, if we could be bound to it.
        bound: the server offers that, and it is to be done.

    Attributes:
        keys: known after `final`; keep them, and the next login costs no iterations.
        verified: the server has shown that it knows the verifier; believe no AuthenticationOk
            that comes earlier.
    """

    __slots__ = (
        "_binding", "_first_bare", "_header", "_inline_max", "_iterations_max", "_nonce",
        "_password", "_signed", "keys", "verified",
    )  # fmt: skip

    def __init__(
        self,
        secret: bytes | ScramKeys,
        nonce: bytes,
        user: bytes = b"",
        iterations_max: int = ITERATIONS_MAX,
        binding: bytes = b"",
        *,
        bound: bool = False,
        inline_max: int = ITERATIONS_MAX,
    ) -> None:
        self._header = _BINDING if bound else b"y,," if binding else b"n,,"
        self._binding = binding if bound else b""
        self._password = secret if isinstance(secret, bytes) else None
        self.keys = None if isinstance(secret, bytes) else secret
        self._nonce = _checked_nonce(nonce)
        self._iterations_max = iterations_max
        self._inline_max = inline_max
        escaped = user.replace(b"=", b"=3D").replace(b",", b"=2C")
        self._first_bare = b"n=%b,r=%b" % (escaped, self._nonce)
        self._signed = b""
        self.verified = False

    def first(self) -> bytes:
        """The first message."""
        return self._header + self._first_bare

    def final(self, server_first: bytes) -> bytes:
        """The answer to the server's challenge.

        Raises:
            ScramFailure: MALFORMED, UNSUPPORTED (too many iterations), OTHER_VERIFIER.
            KeysLacking: begin again with the keys of its recipe and the same nonce.
        """
        attributes = _attributes(_sized(server_first))
        if attributes[0].startswith(b"m"):
            raise ScramFailure(ScramReason.UNSUPPORTED, "the server wants a mandatory extension")
        nonce = _printable(_attribute(attributes, 0, b"r="))
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise _malformed("the nonce does not continue ours")
        salt = _base64(_attribute(attributes, 1, b"s="))
        if not 0 < len(salt) <= SALT_BYTES_MAX:
            raise _malformed(f"a salt of {len(salt)} bytes, 1 to {SALT_BYTES_MAX} are possible")
        keys = self._keys_for(salt, _number(_attribute(attributes, 2, b"i=")))
        without_proof = b"c=%b,r=%b" % (b64encode(self._header + self._binding), nonce)
        self._signed = b",".join((self._first_bare, server_first, without_proof))
        proof = mix(keys.client_key, _hmac(hash_of(keys.client_key), self._signed))
        return without_proof + b",p=" + b64encode(proof)

    def verify(self, server_final: bytes) -> None:
        """Checks that the server knew the verifier too.

        Raises:
            ScramFailure: REFUSED, IMPOSTOR or MALFORMED.
        """
        if self.keys is None or not self._signed:
            raise RuntimeError("verify comes behind final")
        answer = _attributes(_sized(server_final))[0]
        name, value = answer[:2], answer[2:]
        if name == b"e=":
            text = value.decode("ascii", "backslashreplace")
            raise ScramFailure(ScramReason.REFUSED, f"the server says {text!r}")
        if name != b"v=":
            raise _malformed(f"expected v= or e=, seen {name.decode('ascii')}")
        expected = _hmac(self.keys.server_key, self._signed)
        if not compare_digest(_base64(value), expected):
            raise ScramFailure(
                ScramReason.IMPOSTOR, "the server's signature is wrong: it knows no verifier"
            )
        self.verified = True

    def _keys_for(self, salt: bytes, iterations: int) -> ScramKeys:
        if iterations > self._iterations_max:
            raise ScramFailure(
                ScramReason.UNSUPPORTED,
                f"the server wants {iterations} iterations, allowed are {self._iterations_max}",
            )
        if self._password is not None:
            recipe = KeyRecipe(self._password, salt, iterations)
            if iterations > self._inline_max:
                raise KeysLacking(recipe)
            self.keys = ScramKeys.of_recipe(recipe)
        assert self.keys is not None
        if (self.keys.salt, self.keys.iterations) != (salt, iterations):
            raise ScramFailure(
                ScramReason.OTHER_VERIFIER,
                "the server's salt or iterations are not those of the keys",
            )
        return self.keys


def _checked_nonce(nonce: bytes) -> bytes:
    try:
        return _printable(nonce)
    except ScramFailure:
        raise ValueError("a nonce is printable ASCII without commas") from None


def _nonce_attribute(bare: bytes) -> bytes:
    """`r=` and the nonce of a client's first message without its header."""
    text = bare
    if bare.startswith(_NAMELESS) and len(bare) > len(_NAMELESS):
        attribute = text[3 : len(bare)]
        if 0x2C not in attribute:
            return _printable(attribute)
    attributes = _attributes(bare)
    if attributes[0].startswith(b"m"):
        raise ScramFailure(ScramReason.UNSUPPORTED, "the client wants a mandatory extension")
    _attribute(attributes, 0, b"n=")
    return b"r=" + _printable(_attribute(attributes, 1, b"r="))


def _printable(nonce: bytes) -> bytes:
    for byte in nonce:
        if byte < 0x21 or byte > 0x7E or byte == 0x2C:
            raise _malformed("a nonce is printable ASCII without commas")
    if not nonce:
        raise _malformed("a nonce is printable ASCII without commas")
    return nonce


def _sized(message: bytes) -> bytes:
    if len(message) > _MESSAGE_BYTES_MAX:
        raise _malformed(f"{len(message)} bytes, at most {MESSAGE_BYTES_MAX} are possible")
    return message


def _header_failure(client_first: bytes) -> ScramFailure:
    """What is wrong with the header that says what the client thinks of channel binding."""
    parts = client_first.split(b",", 2)
    if len(parts) < 3:
        return _malformed("the first message has no header")
    if parts[0].startswith(b"p="):
        return ScramFailure(ScramReason.UNSUPPORTED, "the client insists on channel binding")
    if parts[0] not in {b"n", b"y"}:
        return _malformed("the channel binding flag is none of n, y, p")
    return ScramFailure(
        ScramReason.UNSUPPORTED, "the client wants to act for somebody else (authzid)"
    )


def _unbound(client_first: bytes) -> ScramFailure:
    """What is wrong with the header of a client that chose to be bound."""
    if client_first.startswith(b"p="):
        kind = client_first[2:].partition(b",")[0][:40].decode("ascii", "backslashreplace")
        return ScramFailure(ScramReason.UNSUPPORTED, f"channel binding of the type {kind!r}")
    return _malformed("it chose to be bound to its channel, and does not say to what")


def _proof_failure(client_final: bytes) -> ScramFailure:
    """What is wrong with the end of a client's last message."""
    _, comma, proof_attribute = client_final.rpartition(_PROOF)
    if not comma:
        return _malformed("no proof at the end")
    proof = _base64(proof_attribute)
    return _malformed(f"a proof has {KEY_BYTES} bytes, this one has {len(proof)}")


def _attributes(message: bytes) -> list[bytes]:
    """The parts, each a letter, an equals sign and a value; never empty."""
    attributes = message.split(b",")
    for part in attributes:
        if len(part) < 2 or part[1] != 0x3D or not (65 <= part[0] & 0xDF <= 90):
            raise _malformed("a part is not a letter, an equals sign and a value")
    return attributes


def _attribute(attributes: list[bytes], index: int, name: bytes) -> bytes:
    part = attributes[index] if index < len(attributes) else b""
    if not part.startswith(name):
        raise _malformed(f"expected {name.decode('ascii')} as part {index + 1}")
    text = part
    return text[2 : len(part)]


def _base64(text: bytes, begin: int = 0) -> bytes:
    data = from_base64(text, begin)
    if data is None:
        raise _malformed("not base64")
    return data


def _number(digits: bytes) -> int:
    """1 to 2147483647, without sign, blank or underscore (which `int` would take)."""
    if not digits.isdigit() or len(digits) > 10 or not 0 < int(digits) <= 0x7FFF_FFFF:
        raise _malformed("iterations are a number from 1 to 2147483647")
    return int(digits)
