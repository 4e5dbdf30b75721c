"""`python -m bench.micro.tags`: nanoseconds of `pglane.wire.tags`, a statement."""

import sys
from collections.abc import Callable
from typing import Any

from bench.micro.forms import Case, main

MODULE = "pglane.wire.tags"
TEXTS = 1000
PLAIN = b"SELECT abalance FROM pgbench_accounts WHERE aid = 12345;\x00"
ONE = b"/*lane='otp'*/ SELECT abalance FROM pgbench_accounts WHERE aid = 12345\x00"
MANY = (
    b"SELECT id, title FROM product WHERE status = 'active' LIMIT 20 /*action='index',"
    b"controller='products',framework='django%3A5.1',route='%2Fproducts%2F',"
    b"traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/"
)


def reading(text: bytes) -> Callable[[Any], Callable[[], object]]:
    """Reads the tags of a text again and again."""

    def prepare(module: Any) -> Callable[[], object]:
        def read_all() -> None:
            tags_of, size = module.tags_of, len(text)
            for _ in range(TEXTS):
                tags_of(text, 0, size)

        return read_all

    return prepare


CASES = [
    Case("no comment", TEXTS, reading(PLAIN)),
    Case("one tag in front", TEXTS, reading(ONE)),
    Case("five tags behind", TEXTS, reading(MANY)),
]

if __name__ == "__main__":
    sys.exit(main(MODULE, CASES))
