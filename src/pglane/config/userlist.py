"""Reads PgBouncer's `userlist.txt` as it is: `"name" "secret"`, one user a line.

Inside quotes, two of them stand for one; nothing else is special. Empty lines, lines that begin
with `;`, and whatever stands behind the secret are passed over. Of two lines with one name the
later counts. An empty secret lets nobody in.

What a secret is shows its form, as in PgBouncer: a SCRAM-SHA-256 verifier, an md5 hash, or else
the password itself. PgBouncer also takes two mistakes, which are refused here: a secret on another
line than its name (a forgotten one makes the next name a secret), and a verifier that is not whole
(it counts as a password).

Source: PgBouncer's manual, "Authentication file format".
"""

from pglane.config.settings import User
from pglane.config.verifier_form import VERIFIER, is_md5
from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import UserlistMalformed, VerifierInvalid

NAME_BYTES_MAX = 127
SECRET_BYTES_MAX = 2047
"""The longest that PgBouncer takes."""
SCRAM = "SCRAM-SHA-256$"


def read_userlist(
    text: str, file: str, places: dict[str, str] | None = None
) -> tuple[tuple[User, ...], list[Refusal]]:
    """The users of such a file, and what is wrong in it, each with its line.

    Args:
        text: of the file.
        file: its name.
        places: gets where each user stands.
    """
    users: dict[str, User] = {}
    refusals: list[Refusal] = []
    for number, line in enumerate(text.split("\n"), 1):
        said = line.strip()
        if not said or said.startswith(";"):
            continue
        user = _user_of(said, f"{file}:{number}")
        if isinstance(user, Refusal):
            refusals.append(user)
        else:
            users[user.name] = user
            if places is not None:
                places[f"users.{user.name}"] = f"{file}:{number}"
    return tuple(users.values()), refusals


def _user_of(line: str, where: str) -> User | Refusal:
    """One line's user. No text of a refusal shows what stands where a secret may be."""
    name, rest = _quoted(line)
    if not line.startswith('"'):
        return _malformed(where, 'the line does not begin with "')
    if name is None:
        return _malformed(where, 'the " behind the name is missing')
    if not 0 < len(name.encode()) <= NAME_BYTES_MAX:
        seen = f"a name of {len(name.encode())} bytes, 1 to {NAME_BYTES_MAX} are possible"
        return _malformed(where, seen)
    rest = rest.lstrip()
    secret, _ = _quoted(rest)
    if not rest.startswith('"'):
        return _malformed(where, f"no secret in quotes behind the name {name}")
    if secret is None:
        return _malformed(where, f'the " behind the secret of {name} is missing')
    if len(secret.encode()) > SECRET_BYTES_MAX:
        seen = f"a secret of {len(secret.encode())} bytes, at most {SECRET_BYTES_MAX} are possible"
        return _malformed(where, seen)
    return _with_secret(name, secret, where)


def _with_secret(name: str, secret: str, where: str) -> User | Refusal:
    if is_md5(secret):
        return User(name, verifier=secret)
    if not secret.startswith(SCRAM):
        return User(name, password=secret)
    if not VERIFIER.fullmatch(secret):
        return VerifierInvalid(where=where, user=name, seen="it is not shown")
    return User(name, verifier=secret)


def _quoted(text: str) -> tuple[str | None, str]:
    """What stands in the quotes that a text begins with, and what comes behind them."""
    end = 1
    while (end := text.find('"', end)) > 0:
        if text[end + 1 : end + 2] != '"':
            return text[1:end].replace('""', '"'), text[end + 1 :]
        end += 2
    return None, ""


def _malformed(where: str, seen: str) -> Refusal:
    return UserlistMalformed(where=where, seen=seen)
