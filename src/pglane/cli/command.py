"""`pglane`: words of the command line to one of its commands.

A command's module is imported when its command is called: the worker process, which starts with
`pglane worker`, must not carry what the others need. Whatever can be foreseen to go wrong arrives
here as a `RefusedError` or an `OSError` and leaves as a few lines on standard error and exit
code 1; 2 is argparse's, for words it does not know.
"""

import argparse
import difflib
import importlib
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pglane.cli import standard_streams
from pglane.errors.refused import RefusedError
from pglane.version import VERSION

REFUSED = 1
INTERRUPTED = 128 + signal.SIGINT
UNKNOWN = re.compile(
    r"unrecognized arguments: (?P<option>\S+)|invalid choice: '(?P<command>[^']*)'"
)
OPTION = re.compile(r"--[a-z-]+")

EXAMPLES = """\
pglane up                                   three doors before a PostgreSQL of its own
pglane up postgresql://app@db.local/shop    three doors before that database
pglane up --config pglane.toml              what the file says
pglane demo                                 why, in half a minute
pglane lab run otp-under-flood              who waits, here and elsewhere
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after the program's name; those of the process when None.

    Returns:
        The exit code: 0 well ended, 1 refused or failed, 2 not understood, 130 interrupted.
    """
    standard_streams.make_whole()
    words = sys.argv[1:] if argv is None else list(argv)
    known = parser(with_worker=words[:1] == ["worker"])
    arguments = known.parse_args(words)
    if "run" not in arguments:
        known.print_help()
        return 0
    try:
        return int(importlib.import_module(arguments.run).run(arguments))
    except RefusedError as error:
        for refusal in error.refusals:
            print(f"pglane: {refusal}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"pglane: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


class Parser(argparse.ArgumentParser):
    """Says what is near to a word that it does not know."""

    def error(self, message: str) -> NoReturn:
        """Leaves with exit code 2, as argparse does."""
        unknown = UNKNOWN.search(message)
        near = _nearest(unknown["option"], unknown["command"]) if unknown else ""
        super().error(f"{message}\ndid you mean {near}?" if near else message)


def _nearest(option: str | None, command: str | None) -> str:
    """The word somebody may have meant; "": who knows."""
    if command is not None and "://" in command:
        return "pglane up URI"
    commands = _grammar(with_worker=False)[1].choices
    usages = [each.format_usage() for each in commands.values()]
    known = list(commands) if option is None else OPTION.findall("".join(usages))
    word = (option or command or "").partition("=")[0]
    return next(iter(difflib.get_close_matches(word, known, 1)), "")


def parser(*, with_worker: bool = False) -> argparse.ArgumentParser:
    """What `pglane` understands; `with_worker` adds the command that only the supervisor gives."""
    return _grammar(with_worker=with_worker)[0]


def _grammar(*, with_worker: bool) -> tuple[Parser, "argparse._SubParsersAction[Parser]"]:
    """The parser, and its commands by name."""
    known = Parser(
        prog="pglane",
        description="What runs between your code and your PostgreSQL: three doors, one budget of "
        "server connections.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known.add_argument("--version", action="version", version=f"pglane {VERSION}")
    commands = known.add_subparsers(metavar="COMMAND")
    _add_up(commands)
    _add_check(commands)
    _add_verifier(commands)
    _add_lab(commands)
    _add_demo(commands)
    if with_worker:  # started by the supervisor; not for people, not in the help
        worker = commands.add_parser("worker")
        worker.add_argument("--control-fd", type=int, required=True)
        worker.set_defaults(run="pglane.cli.worker")
    return known, commands


def _add_up(commands: "argparse._SubParsersAction[Parser]") -> None:
    up = commands.add_parser(
        "up",
        help="open the doors",
        description="Opens the doors before a PostgreSQL and stays in the foreground. Without a "
        "URI, a [server] in the configuration, DATABASE_URL or PG* variables it starts a "
        "PostgreSQL of its own, whose data are kept.",
    )
    up.set_defaults(run="pglane.cli.up")
    up.add_argument("uri", nargs="?", metavar="URI", help="postgresql://user@host:port/database")
    up.add_argument("--config", type=Path, metavar="FILE", help="settings (docs/reference)")
    for door in ("transaction", "session", "direct"):
        told = f"port of the {door} door; 0: any free one"
        up.add_argument(f"--{door}-port", type=int, metavar="N", help=told)
    told = "address to listen on, may be repeated; none: only the Unix socket"
    up.add_argument("--listen", action="append", metavar="ADDR", help=told)
    up.add_argument("--unix-socket-dir", metavar="DIR", help="folder for the doors' Unix sockets")
    up.add_argument("--budget", type=int, metavar="N", help="server connections, all doors")
    told = "another server connection for every transaction, of N per role: for tests"
    up.add_argument("--rotate", type=int, metavar="N", help=told)
    told = "how clients log in: scram, md5, plain, cert, trust (docs/howto/authentication.md)"
    up.add_argument("--auth", metavar="METHOD", help=told)
    up.add_argument("--users", type=Path, metavar="FILE", help="file with [users.NAME] tables")
    own = up.add_argument_group("the embedded PostgreSQL")
    own.add_argument(
        "--embedded", action="store_true", help="use it even if variables name another"
    )
    own.add_argument("--postgres-bin", type=Path, metavar="DIR", help="folder of its programs")
    own.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of its data")
    own.add_argument("--postgres-user", metavar="NAME", help="account it runs as, for root")


def _add_check(commands: "argparse._SubParsersAction[Parser]") -> None:
    check = commands.add_parser(
        "check",
        help="tell all that is wrong with a configuration file",
        description="Exit code 0: nothing; 1: findings; 2: the file could not be checked.",
    )
    what = check.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", metavar="FILE")
    told = "print the JSON Schema of such files instead, for an editor"
    what.add_argument("--schema", action="store_true", help=told)
    check.set_defaults(run="pglane.cli.check")


def _add_verifier(commands: "argparse._SubParsersAction[Parser]") -> None:
    verifier = commands.add_parser(
        "verifier",
        help="make a SCRAM verifier of a password, for a user file",
        description="Reads a password from the terminal, or one line from standard input.",
    )
    told = "cost of each guess for a thief (default 4096, PostgreSQL's)"
    verifier.add_argument("--iterations", type=int, default=4096, metavar="N", help=told)
    verifier.set_defaults(run="pglane.cli.verifier")


def _add_lab(commands: "argparse._SubParsersAction[Parser]") -> None:
    lab = commands.add_parser(
        "lab",
        help="show on a real PostgreSQL who waits, and for how long",
        description="Plays scenarios on a throw-away PostgreSQL: a plain pool, PgBouncer (if it "
        "is there) and pglane serve the same clients in turns. Prints tables, and writes a page "
        "with plots. Exit code 1: a target was missed.",
    )
    lab.set_defaults(run="pglane.cli.lab")
    what = lab.add_subparsers(dest="what", metavar="COMMAND", required=True)
    what.add_parser("list", help="list the scenarios")
    play = what.add_parser("run", help="play scenarios, all without a name")
    play.add_argument("names", nargs="*", metavar="NAME", help="a scenario, as `list` names it")
    play.add_argument("--rounds", type=int, default=3, metavar="N", help="default: %(default)s")
    told = "length of a run; default: as each scenario says"
    play.add_argument("--seconds", type=float, metavar="S", help=told)
    play.add_argument("--seed", type=int, metavar="N", help="of the order of runs")
    told = "folder for report.html and results.json; default: below the XDG state folder"
    play.add_argument("--output", type=Path, metavar="DIR", help=told)
    told = "a PgBouncer to compare with, may be repeated; default: the one of the system"
    play.add_argument("--pgbouncer", type=Path, action="append", metavar="PROGRAM", help=told)
    play.add_argument("--postgres-bin", type=Path, metavar="DIR", help="folder of its programs")
    told = "leave it to the system where load and servers run; default: the load has a processor"
    play.add_argument("--float", action="store_true", help=told)


def _add_demo(commands: "argparse._SubParsersAction[Parser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="a marketplace for half a minute: pools beside lanes",
        description="Visitors, sellers and one-time passwords on four database connections, twice "
        "at once: through a pool for each user (PgBouncer, if it is there) and through lanes.",
    )
    demo.set_defaults(run="pglane.cli.demo")
    demo.add_argument("--seconds", type=float, default=30.0, metavar="S", help="default: 30")
    told = "the PgBouncer to show; default: the one of the system"
    demo.add_argument("--pgbouncer", type=Path, metavar="PROGRAM", help=told)
    demo.add_argument("--postgres-bin", type=Path, metavar="DIR", help="folder of its programs")
