"""The folder that an embedded PostgreSQL lives in, and the lock on it.

::

    lock            held while a pglane uses the folder (flock), names its process
    password        of the superuser, generated, 0600, ours
    port            the TCP port of last time
    data/           PostgreSQL's data directory, 0700, owned by the account it runs as
    socket/         its Unix socket, 0700, same owner; unused when its path would be too long
    postgres.log    what it said since the last start; the one before: postgres.log.previous
    programs-KEY/   a copy of the programs, only when the account cannot reach the installed ones

Two pglanes never meet in it: the lock is the kernel's and dies with its holder. So whatever is
found under the lock is a leftover, and can be ended or removed.

No mode of a folder that exists is ever changed, and nothing is put into a folder that holds
anything else.
"""

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

from pglane.errors.embedded import ClusterInUse, FolderUnusable, PasswordLost
from pglane.errors.refused import RefusedError
from pglane.postgres.account import Account

SOCKET_FOLDER_BYTES_MAX = 88
"""sun_path holds 104 bytes on macOS; "/.s.PGSQL.65535" and the end need 16."""
PASSWORD_BYTES = 24


def default_data_dir() -> Path:
    """Where the folder is: in /var/lib for root, else in the XDG state folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/pglane/postgres")
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "pglane" / "postgres"


class StateFolder:
    """The folder; every method but `take` wants the lock to be held.

    Attributes:
        path: the folder.
        data: PostgreSQL's data directory in it.
        log: what the server writes.
        password_file: what the superuser's password is read from.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.data = self.path / "data"
        self.log = self.path / "postgres.log"
        self._socket = self.path / "socket"
        self.password_file = self.path / "password"
        self._port = self.path / "port"
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Creates the folder when there is none, and locks it.

        Raises:
            RefusedError: it cannot be used, or another process has it.
        """
        self._make()
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read(20).strip() or "unknown"
            lock.close()
            raise RefusedError(ClusterInUse(folder=self.path, process=holder)) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Gives up the lock; may be called twice."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make(self) -> None:
        # Root's PostgreSQL is somebody else, who must pass through; what is inside is closed.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            missing = [each for each in (self.path, *self.path.parents) if not each.exists()]
            for each in reversed(missing):
                each.mkdir()
                each.chmod(mode)
            seen = "" if missing else _objection(self.path)
        except OSError as error:
            seen = f"{error.strerror}: {error.filename}"
        if seen:
            raise RefusedError(FolderUnusable(folder=self.path, seen=seen))

    @property
    def socket_folder(self) -> Path | None:
        """Folder of the Unix socket; None when its path would be too long for one."""
        fits = len(os.fsencode(self._socket)) <= SOCKET_FOLDER_BYTES_MAX
        return self._socket if fits else None

    def make_socket_folder(self, account: Account) -> None:
        """An empty folder for the socket: under our lock, a socket that lies there is dead."""
        if self._socket.exists():
            shutil.rmtree(self._socket)
        self._socket.mkdir()
        account.own(self._socket, 0o700)

    def password(self) -> str:
        """The superuser's password.

        Raises:
            RefusedError: the file is gone.
        """
        try:
            password = self.password_file.read_text().strip()
        except OSError:
            password = ""
        if not password:
            raise RefusedError(PasswordLost(folder=self.path, file=self.password_file))
        return password

    def new_password(self, account: Account) -> Path:
        """Makes a password for data that are being made.

        Returns:
            A second file with it, which `account` can read; to be removed after use.
        """
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self.password_file.unlink(missing_ok=True)
        _write_new(self.password_file, password)
        handed = self._socket / "password"
        _write_new(handed, password, account)
        return handed

    def last_port(self) -> int:
        """The port of last time; 0 when there was none."""
        try:
            return int(self._port.read_text())
        except (OSError, ValueError):
            return 0

    def keep_port(self, port: int) -> None:
        """Remembers the port for the next start."""
        self._port.write_text(f"{port}\n")

    def turn_log(self) -> None:
        """Puts the log of the last start aside, over the one before."""
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".previous"))


def _objection(folder: Path) -> str:
    """Why an existing folder cannot be used; "" when it can."""
    if not folder.is_dir():
        return "it is not a folder"
    if folder.stat().st_uid != os.geteuid():
        return f"it belongs to user id {folder.stat().st_uid}, you are user id {os.geteuid()}"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return "it cannot be written"
    if not (folder / "lock").exists() and any(folder.iterdir()):
        return "it is not empty, and what is in it is not pglane's"
    return ""


def _write_new(file: Path, secret: str, reader: Account | None = None) -> None:
    """A file that did not exist, readable by one: us, or the account that gets it."""
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as out:
        if reader is not None and reader.changed:
            # By descriptor: in a folder of the reader, a name may be a link a moment later.
            os.fchown(descriptor, reader.uid, reader.gid)
        out.write(secret + "\n")
