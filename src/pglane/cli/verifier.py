"""`pglane verifier`: a password to what a user file keeps of it.

The password is read from the terminal, unseen and twice, or from one line of standard input;
never from the command line, which everybody on the machine can read.
"""

import argparse
import getpass
import secrets
import sys

from pglane.errors.configuration import PasswordUnusable
from pglane.errors.refused import RefusedError
from pglane.wire.scram import SALT_BYTES, Verifier

PASSWORD_BYTES_MAX = 1024
ITERATIONS_MAX = 10_000_000


def verifier_of(password: str, iterations: int = 4096) -> str:
    """A fresh SCRAM-SHA-256 verifier in PostgreSQL's own notation."""
    secret = password.encode(errors="surrogateescape")
    salt = secrets.token_bytes(SALT_BYTES)
    return Verifier.of_password(secret, salt, iterations).format().decode()


def run(arguments: argparse.Namespace) -> int:
    """Reads a password, prints its verifier."""
    if not 1 <= arguments.iterations <= ITERATIONS_MAX:
        _refuse("--iterations", f"{arguments.iterations} is not between 1 and {ITERATIONS_MAX}")
    print(verifier_of(_password(), arguments.iterations))
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        password = sys.stdin.readline(PASSWORD_BYTES_MAX + 2).rstrip("\r\n")
    else:
        password = getpass.getpass("password: ")
        if password != getpass.getpass("once more: "):
            _refuse("password", "the two are not the same")
    if not password:
        _refuse("password", "it is empty")
    if len(password.encode(errors="surrogateescape")) > PASSWORD_BYTES_MAX:
        _refuse("password", f"it is longer than {PASSWORD_BYTES_MAX} bytes")
    return password


def _refuse(where: str, seen: str) -> None:
    raise RefusedError(PasswordUnusable(where=where, seen=seen))
