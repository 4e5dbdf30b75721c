"""Standard input, output and error, whole before anything is opened or printed.

Some programs start others without them (`<&-` in a shell). The next socket then gets number 0, and
is lost in a child that is given a standard input of its own: the worker did not start.

Names of databases and roles may hold any character, and a terminal's encoding may not have it: it
is shown escaped.
"""

import io
import os
import sys

NUMBERS = (0, 1, 2)


def make_whole() -> None:
    """Opens on the null device what is closed; output fails on no character."""
    for number in NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, and this one is.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            number = 1 if name == "stdout" else 2
            setattr(sys, name, os.fdopen(number, "w", errors="backslashreplace", closefd=False))
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
