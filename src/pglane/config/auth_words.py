"""The words for how clients log in, `clients.auth`: ours, and what other programs call the same.

PgBouncer's `auth_type` and the methods of pg_hba.conf are understood where pglane does the same;
where it does not, the reason is told, for whoever moves here from there.
"""

from pglane.errors.catalogue import Refusal
from pglane.errors.configuration import AuthUnsupported

OURS = ("scram", "md5", "plain", "cert", "trust")
SAME = {"scram-sha-256": "scram", "password": "plain"}
"""Other words for it."""
ELSEWHERE = {
    "any": (
        "it lets in everybody under another user's name; pglane logs in as the user itself",
        'say auth = "trust" (loopback and Unix sockets only), and connect with the role\'s name',
    ),
    "hba": (
        "rules of a file like pg_hba.conf are not read",
        'say one way for all, and "allow_from" where users may come from',
    ),
    "pam": ("passwords are checked here, not by the system", 'say auth = "scram"'),
    "ldap": ("passwords are checked here, not by a directory", 'say auth = "scram"'),
    "peer": ("the system is not asked who a client is", 'say auth = "scram", or "trust"'),
}


def meant(word: str) -> str:
    """Our word for it."""
    return SAME.get(word, word)


def objection(word: str, where: str) -> Refusal | None:
    """Why a way that others have is not to be had here; None if it is none of theirs."""
    if word not in ELSEWHERE:
        return None
    reason, remedy = ELSEWHERE[word]
    return AuthUnsupported(where=where, seen=f'"{word}"', reason=reason, remedy=remedy)
