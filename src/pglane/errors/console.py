"""Family 08, continued: what the console's commands refuse."""

from typing import ClassVar

from pglane.errors.catalogue import Refusal


class ConsoleNeedsAdmin(Refusal):
    """Somebody who may only look asked for a change."""

    code = "PGL0830"
    sqlstate = "42501"
    message = 'user "{user}" may not run {verb}'
    detail = "Users that are among stats_users only may run SHOW, and nothing that changes things."
    hint = "Name the user in clients.admin_users, or connect as somebody who is."
    retry_safe = True


class ConsoleDatabaseUnknown(Refusal):
    """A command names a database that nobody came to and that is not configured."""

    code = "PGL0831"
    sqlstate = "3D000"
    message = 'there is no database "{name}" here'
    detail = "Nobody has connected to it through this gateway, and it is not the configured one."
    hint = "SHOW DATABASES lists them. Capitals count."
    retry_safe = True


class ConsoleDatabaseNeeded(Refusal):
    """A command that is about one database, and names none."""

    code = "PGL0837"
    sqlstate = "42601"
    message = "{verb} needs a database"
    detail = "seen: {verb}, and nothing behind it"
    hint = "Write {verb} NAME; SHOW DATABASES lists them."
    retry_safe = True


class ConsoleCommandUnfinished(Refusal):
    """A command that waits for others reached its bound."""

    code = "PGL0832"
    sqlstate = "57014"
    message = "{verb} took effect, but what it waits for has not happened within {waited_s} s"
    detail = "{left}"
    hint = (
        "SHOW SERVERS tells who holds server connections. The effect stays: run {verb} again to "
        "wait on, or end it (RESUME)."
    )
    retry_safe = True


class ConsolePauseEnded(Refusal):
    """RESUME came before a PAUSE was complete."""

    code = "PGL0838"
    sqlstate = "57014"
    message = "PAUSE was ended by RESUME before all server connections were closed"
    detail = "Somebody has said RESUME at another console since"
    hint = "SHOW DATABASES tells what is still paused; run PAUSE again if it is wanted."
    retry_safe = True


class ConsoleSettingUnknown(Refusal):
    """SET names a setting that there is not."""

    code = "PGL0833"
    sqlstate = "42704"
    message = 'there is no setting "{key}"'
    detail = "{seen}"
    hint = "{suggestion}SHOW CONFIG lists all of them."
    retry_safe = True


class ConsoleSettingFixed(Refusal):
    """SET names a setting that cannot change while the gateway runs."""

    code = "PGL0834"
    sqlstate = "55P02"
    message = "{key} cannot be changed while the gateway runs"
    detail = "It is {value}."
    hint = "Change it in the configuration and start again."
    retry_safe = True


class ConsoleReloadImpossible(Refusal):
    """There is nothing to read again."""

    code = "PGL0835"
    sqlstate = "55000"
    message = "there is no configuration file to read again"
    detail = "The gateway was started without one."
    hint = "Start it with --config FILE, or change single settings with SET."
    retry_safe = True
    log_level: ClassVar[str] = "info"


class MetricsAddressNotUsable(Refusal):
    """The metrics cannot be offered there."""

    code = "PGL0836"
    sqlstate = "58000"
    message = "the metrics cannot be offered on {address} port {port}"
    detail = "the system answered: {reason}"
    hint = (
        "Use an address of this machine in metrics.address and a free port in metrics.port "
        "(`ss -ltnp` names who has it); without metrics.port nothing listens."
    )
    retry_safe = True
    log_level: ClassVar[str] = "error"
    fatal = True
