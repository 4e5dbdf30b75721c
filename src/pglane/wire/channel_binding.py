"""Channel binding: a login that is worth nothing on another TLS connection than its own.

Both sides of SCRAM-SHA-256-PLUS sign a hash of the server's certificate as they see it. Somebody
between them who has a certificate of his own, and passes everything on, makes the two differ.

`tls-server-end-point` (RFC 5929) is the only type that PostgreSQL and its drivers know. The hash
is the one of the certificate's signature, SHA-256 in place of MD5 and SHA-1; a signature without
one (Ed25519) gives no binding, as in PostgreSQL. Which it is stands in the certificate's outermost
layer; of DER no more is read here than leads there. A certificate that cannot be read gives no
binding: then none is offered, and one that is demanded is refused.

Rejected: the package `cryptography`, a large dependency for the reading of one number.

Source: RFC 5929, section 4.1; RFC 5280, section 4.1; RFC 8017, appendix A.2.3.
"""

import hashlib

SEQUENCE = 0x30
OBJECT = 0x06
HASH_OF_PSS = 0xA0
"""The first, tagged part of what RSASSA-PSS says of itself."""
PSS = bytes.fromhex("2a864886f70d01010a")
_RSA = bytes.fromhex("2a864886f70d0101")
_ECDSA = bytes.fromhex("2a8648ce3d04")
_NIST_HASH = bytes.fromhex("6086480165030402")
_NIST_SIGNATURE = bytes.fromhex("6086480165030403")
SIGNATURES = {
    _RSA + b"\x04": "sha256",  # MD5
    _RSA + b"\x05": "sha256",  # SHA-1
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    _RSA + b"\x0e": "sha224",
    _ECDSA + b"\x01": "sha256",  # SHA-1
    _ECDSA + b"\x03\x01": "sha224",
    _ECDSA + b"\x03\x02": "sha256",
    _ECDSA + b"\x03\x03": "sha384",
    _ECDSA + b"\x03\x04": "sha512",
    bytes.fromhex("2a8648ce380403"): "sha256",  # DSA with SHA-1
    _NIST_SIGNATURE + b"\x01": "sha224",  # DSA
    _NIST_SIGNATURE + b"\x02": "sha256",
}
HASHES = {
    bytes.fromhex("2b0e03021a"): "sha256",  # SHA-1
    _NIST_HASH + b"\x01": "sha256",
    _NIST_HASH + b"\x02": "sha384",
    _NIST_HASH + b"\x03": "sha512",
    _NIST_HASH + b"\x04": "sha224",
}


class NotDer(Exception):
    """What is read is no certificate as we know them."""


def end_point_hash(certificate: bytes) -> bytes:
    """What binds a login to a TLS connection with this certificate (DER); b"": nothing can."""
    try:
        name = _hash_name(certificate)
    except NotDer:
        return b""
    return hashlib.new(name, certificate).digest() if name else b""


def _hash_name(certificate: bytes) -> str:
    """The hash of its signature, for Python; empty if there is none, or none that is known."""
    content, _ = _part(certificate, SEQUENCE)
    _, behind = _part(content, SEQUENCE)  # what is signed
    algorithm, _ = _part(behind, SEQUENCE)
    name, parameters = _part(algorithm, OBJECT)
    if name != PSS:
        return SIGNATURES.get(name, "")
    said, _ = _part(parameters, SEQUENCE)
    if said[:1] != bytes([HASH_OF_PSS]):
        return "sha256"  # the default is SHA-1
    wrapped, _ = _part(said, HASH_OF_PSS)
    algorithm, _ = _part(wrapped, SEQUENCE)
    name, _ = _part(algorithm, OBJECT)
    return HASHES.get(name, "")


def _part(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element, which has this tag, and what is behind it."""
    if len(data) < 2 or data[0] != tag:
        raise NotDer
    begin, length = 2, data[1]
    if length & 0x80:
        begin += length & 0x7F
        if not 2 < begin <= 6 or len(data) < begin:
            raise NotDer
        length = int.from_bytes(data[2:begin], "big")
    end = begin + length
    if end > len(data):
        raise NotDer
    return data[begin:end], data[end:]
