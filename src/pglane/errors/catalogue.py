"""The catalogue: every refusal is one class, and all of them are known by their code.

A refusal is a value, not an exception: what happens on the wire is told to the peer and to the
log, it does not unwind our stack. Its three texts are written for a tired person: the message says
what happened, DETAIL what was seen (and carries the code), HINT what to do now.

Families, by the first two digits of the code:

====  =======================================================
01    configuration and command line
02    entering: startup, authentication, address
03    waiting: budget, queue, limits in time
04    doors: statements a door cannot carry
05    protocol: malformed, too large, out of order
06    server: unreachable, refused, lost, in doubt
07    cancel
08    processes: supervisor and worker
09    the embedded PostgreSQL
====  =======================================================
"""

from typing import ClassVar

CATALOGUE: dict[str, type["Refusal"]] = {}


class Refusal:
    """One thing pglane can refuse, with the values of this occurrence filled in.

    Class attributes `message`, `detail` and `hint` are `str.format` templates over the keyword
    arguments of the constructor.

    Raises:
        KeyError: a template names a value that was not given (misuse of our API).
    """

    code: ClassVar[str]
    sqlstate: ClassVar[str]
    message: ClassVar[str]
    detail: ClassVar[str]
    hint: ClassVar[str]
    retry_safe: ClassVar[bool]
    """True: nothing was executed, the same request may be sent again."""
    log_level: ClassVar[str] = "warning"
    fatal: ClassVar[bool] = False
    """True: the client's connection ends with this answer."""

    def __init_subclass__(cls) -> None:
        """Registers the class under its code; a code is used once."""
        known = CATALOGUE.get(cls.code)
        if known is not None and known.__qualname__ != cls.__qualname__:
            msg = f"{cls.code} is {known.__name__} and {cls.__name__}"
            raise TypeError(msg)
        CATALOGUE[cls.code] = cls

    def __init__(self, **seen: object) -> None:
        self.text = self.message.format(**seen)
        self.detail_text = f"{self.detail.format(**seen)} ({self.code})"
        self.hint_text = self.hint.format(**seen)

    @property
    def severity(self) -> str:
        """PostgreSQL's word: FATAL ends the connection, ERROR does not."""
        return "FATAL" if self.fatal else "ERROR"

    def __str__(self) -> str:
        return f"{self.text}\n  detail: {self.detail_text}\n  hint: {self.hint_text}"
