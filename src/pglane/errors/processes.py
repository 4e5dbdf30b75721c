"""Family 08: what the supervisor refuses, for itself, for its worker and on the admin console."""

from typing import ClassVar

from pglane.errors.catalogue import Refusal


class AddressInUse(Refusal):
    """A door's port is taken."""

    code = "PGL0801"
    sqlstate = "55006"
    message = "{address} is in use: the {door} door cannot open on port {port}"
    detail = "the system answered: {reason}"
    hint = (
        "Stop what listens on port {port} (`ss -ltnp` names it; another pglane?) or give this "
        "door another port: --{door}-port N, where 0 takes any free one."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True


class AddressNotUsable(Refusal):
    """This machine cannot listen there: not its address, no right to, no such name."""

    code = "PGL0802"
    sqlstate = "58000"
    message = "the {door} door cannot open on {address}"
    detail = "the system answered: {reason}"
    hint = (
        "Use an address of this machine (addresses in [listen], or --listen; 127.0.0.1 and ::1 "
        "are for this machine only, * is all) and a port above 1023 unless you are root."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True


class SocketPathNotUsable(Refusal):
    """The Unix socket's path is in use, too long, or not a place for a socket."""

    code = "PGL0803"
    sqlstate = "58000"
    message = "the {door} door cannot open the Unix socket {path}"
    detail = "{reason}"
    hint = (
        "Choose another unix_socket_directory: one that exists, that we may write to, and whose "
        "path is short; or another port for this door."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True


class NowhereToListen(Refusal):
    """Neither an address nor a directory for Unix sockets."""

    code = "PGL0804"
    sqlstate = "F0000"
    message = "there is nowhere to listen"
    detail = "addresses in [listen] is empty and unix_socket_directory is not set"
    hint = (
        "Set addresses in [listen], or --listen (127.0.0.1 is for this machine only); or "
        "unix_socket_directory in [listen], or --unix-socket-dir."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True


class WorkerDidNotStart(Refusal):
    """The first worker never became ready; trying again would change nothing."""

    code = "PGL0805"
    sqlstate = "58000"
    message = "the worker process did not start"
    detail = "{reason}"
    hint = (
        "What it wrote above says why. If it wrote nothing, try the command "
        "`python -m pglane --version`: an incomplete installation fails there too."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True


class WorkerKeepsCrashing(Refusal):
    """Restarting has not helped."""

    code = "PGL0806"
    sqlstate = "58000"
    message = "the worker process keeps crashing, pglane gives up"
    detail = "{crashes} crashes within {seconds} s, the last one: {reason}"
    hint = (
        "The log lines worker_crashed above tell each crash. Please report them with the version; "
        "until then the previous version is the way out."
    )
    retry_safe = False
    log_level: ClassVar[str] = "error"
    fatal = True


class ReloadRefused(Refusal):
    """The configuration could not be read again; the old one stays in force."""

    code = "PGL0807"
    sqlstate = "F0000"
    message = "the configuration was not reloaded, the previous one stays in force"
    detail = "{reason}"
    hint = "Run `pglane check FILE`: it tells all errors at once. Then send HUP again."
    retry_safe = True
    log_level: ClassVar[str] = "error"


class ServerNotThere(Refusal):
    """At the start, or after a reload, PostgreSQL cannot be reached; the doors are open."""

    code = "PGL0808"
    sqlstate = "08001"
    message = "PostgreSQL at {address} cannot be reached; the doors are open, clients must wait"
    detail = "{reason}"
    hint = (
        "Check its host and port, and that it runs and listens to this machine "
        "(`pg_isready -h HOST -p PORT`); for a certificate, tls_sslmode and tls_ca_file in "
        "[server]; for a primary or a standby, target_session_attrs. It is tried again and again; "
        "nothing has to be restarted."
    )
    retry_safe = True


class ServerLetsNobodyIn(Refusal):
    """At the start, or after a reload, PostgreSQL answers and does not let us in."""

    code = "PGL0809"
    sqlstate = "08004"
    message = "PostgreSQL at {address} does not let {user} into database {database}"
    detail = "{reason}"
    hint = (
        "Check user, password, database and sslmode, and pg_hba.conf: a client that logs in as "
        "{user} will hear the same."
    )
    retry_safe = True


class ConsoleUnknownCommand(Refusal):
    """Text that is no command of the console."""

    code = "PGL0810"
    sqlstate = "42601"
    message = "the admin console does not know this command"
    detail = "seen: {seen}"
    hint = "{remedy}."
    retry_safe = True


class ConsoleRunsNoSql(Refusal):
    """A statement of SQL was sent to the console."""

    code = "PGL0811"
    sqlstate = "0A000"
    message = "the admin console runs no SQL: database pglane is not a database of PostgreSQL"
    detail = "seen: a statement that begins with {seen}"
    hint = "There is: {commands}. For SQL connect to your own database, on the same port."
    retry_safe = True


class ConsoleProtocolUnsupported(Refusal):
    """A part of the protocol the console has no use for."""

    code = "PGL0812"
    sqlstate = "0A000"
    message = "the admin console does not support {what}"
    detail = "seen: {seen}"
    hint = "Send the command as plain text without parameters. There is: {commands}."
    retry_safe = True


class ConsoleSnapshotUnanswered(Refusal):
    """The worker did not answer in time, or not at all."""

    code = "PGL0813"
    sqlstate = "57014"
    message = "the worker process did not answer the console"
    detail = "{reason}"
    hint = "Try again; if it stays so, the worker is overloaded or restarting: see the log."
    retry_safe = True


class ConsoleFull(Refusal):
    """Too many consoles are open."""

    code = "PGL0814"
    sqlstate = "53300"
    message = "too many connections to the admin console"
    detail = "{limit} are open, which is the limit"
    hint = "Close one of them; an idle one is closed after {idle_s} s."
    retry_safe = True
    fatal = True


class ConsoleIdle(Refusal):
    """A console that nobody uses is closed."""

    code = "PGL0815"
    sqlstate = "57P05"
    message = "this connection to the admin console is closed because it was not used"
    detail = "no command for {idle_s} s"
    hint = "Connect again."
    retry_safe = True
    log_level: ClassVar[str] = "info"
    fatal = True


class ConsoleMalformed(Refusal):
    """Bytes on a console connection that are not the protocol, or too many of them."""

    code = "PGL0816"
    sqlstate = "08P01"
    message = "the admin console cannot read this message"
    detail = "{reason}"
    hint = "A message to the console has at most {limit} bytes and follows protocol 3."
    retry_safe = True
    fatal = True


class ConsoleClosing(Refusal):
    """The gateway stops."""

    code = "PGL0817"
    sqlstate = "57P01"
    message = "pglane is stopping"
    detail = "the admin console is closed with it"
    hint = "Connect again when it runs."
    retry_safe = True
    log_level: ClassVar[str] = "info"
    fatal = True


class ConsoleTooMuchPrepared(Refusal):
    """More prepared statements or portals than a console has use for."""

    code = "PGL0818"
    sqlstate = "54000"
    message = "too many prepared statements or portals on one console connection"
    detail = "{limit} are open, which is the limit"
    hint = "Close some of them, or use the unnamed ones."
    retry_safe = True


class ConsoleNameUnknown(Refusal):
    """A statement or portal that was not prepared here."""

    code = "PGL0819"
    sqlstate = "26000"
    message = "the {what} does not exist on this console connection"
    detail = "seen: the name {seen}"
    hint = "Prepare it first, on this connection."
    retry_safe = True
