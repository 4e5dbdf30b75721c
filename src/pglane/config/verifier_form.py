"""What is kept of a password in a file, as PostgreSQL keeps it in pg_authid: two forms."""

import re

_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_KEY_BASE64 = r"[A-Za-z0-9+/]{43}="
VERIFIER = re.compile(rf"SCRAM-SHA-256\$[1-9]\d{{0,8}}:{_BASE64}\${_KEY_BASE64}:{_KEY_BASE64}")
MD5 = re.compile(r"md5[0-9a-f]{32}")
"""md5 of password and user name."""


def is_verifier(text: str) -> bool:
    """Whether it has one of the two forms."""
    return VERIFIER.fullmatch(text) is not None or is_md5(text)


def is_md5(text: str) -> bool:
    """Whether it is an md5 hash."""
    return MD5.fullmatch(text) is not None


def iterations_of(verifier: str) -> int:
    """Of a SCRAM-SHA-256 verifier: what it costs to try a password on it."""
    return int(verifier.partition("$")[2].partition(":")[0])
