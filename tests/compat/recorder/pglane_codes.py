"""What a failure says of itself: the code of a refusal, or the SQLSTATE, or the kind of error.

Read from the exception that failed the test and everything it came from, not from the text of a
log: what another test or another connection was told does not count. Runs inside a suite's own
process and imports nothing.
"""

import re
from collections.abc import Iterator

CODE = re.compile(r"PGL\d{4}")
CHAINED_MAX = 50


def code_of(error: "BaseException | None") -> str:
    """The first code of the gateway in the chain, else the first SQLSTATE, else the class."""
    if error is None:
        return ""
    chain = list(_chain(error))
    for one in chain:
        found = CODE.search(_told_by(one))
        if found:
            return found.group()
    for one in chain:
        for name in ("sqlstate", "pgcode"):
            state = getattr(one, name, None)
            if isinstance(state, str) and state:
                return state
    return type(error).__name__


def _chain(error: BaseException) -> "Iterator[BaseException]":
    """The error and all that it came from: causes, contexts, wrapped and grouped ones."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < CHAINED_MAX:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "orig", None)]
            waiting += getattr(one, "exceptions", ())


def _told_by(error: BaseException) -> str:
    """Its text and its DETAIL, wherever the driver keeps that."""
    diag = getattr(error, "diag", None)
    return f"{error} {getattr(error, 'detail', '')} {getattr(diag, 'message_detail', '')}"
