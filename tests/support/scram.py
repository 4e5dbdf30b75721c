"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) for the scripted client."""

import base64
import hashlib
import hmac
import secrets


class ScramClient:
    """One exchange; `first()`, then `final(server_first)`, then `check(server_final)`."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        self._signature = b""

    def first(self) -> bytes:
        return f"n,,n=,r={self._nonce}".encode()

    def final(self, server_first: bytes) -> bytes:
        parts = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert parts["r"].startswith(self._nonce), "the server's nonce is not built on ours"
        assert len(parts["r"]) > len(self._nonce), "the server added nothing to the nonce"
        salt = base64.b64decode(parts["s"])
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(parts["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        stored_key = hashlib.sha256(client_key).digest()
        bare = f"c=biws,r={parts['r']}"
        agreed = ",".join((f"n=,r={self._nonce}", server_first.decode(), bare)).encode()
        mask = hmac.digest(stored_key, agreed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
        self._signature = hmac.digest(
            hmac.digest(salted, b"Server Key", "sha256"), agreed, "sha256"
        )
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def check(self, server_final: bytes) -> None:
        expected = b"v=" + base64.b64encode(self._signature)
        assert server_final == expected, "the server does not know the password"


def verifier(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL stores for `password` (pg_authid.rolpassword)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    coded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{coded[0]}${coded[1]}:{coded[2]}"
