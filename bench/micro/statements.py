"""`python -m bench.micro.statements`: nanoseconds of `pglane.wire.statements`, a text."""

import sys
from collections.abc import Callable
from typing import Any

from bench.micro.forms import Case, main

MODULE = "pglane.wire.statements"
TEXTS = 1000
SHORT = b"SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"
LONG = (
    b"SELECT product.id, product.title, product.price, seller.id AS seller_id, seller.name, "
    b"seller.city FROM product LEFT OUTER JOIN seller ON product.seller_id = seller.id "
    b"WHERE product.status = 'active' AND product.created_at > $1 AND (product.title LIKE $2 "
    b"OR seller.name = $3) ORDER BY product.created_at DESC LIMIT 20"
)


def scanning(text: bytes) -> Callable[[Any], Callable[[], object]]:
    """Scans the same text again and again."""

    def prepare(module: Any) -> Callable[[], object]:
        def scan_all() -> None:
            scan = module.scan
            for _ in range(TEXTS):
                scan(text, "UTF8", True)

        return scan_all

    return prepare


def finding(text: bytes) -> Callable[[Any], Callable[[], object]]:
    """Finds a text in the cache; each time other bytes, of which no hash is known yet."""

    def prepare(module: Any) -> Callable[[], object]:
        cache = module.VerdictCache(1000, 10_000)
        cache.lookup(text, "UTF8", True)

        def find_all() -> None:
            lookup = cache.lookup
            for _ in range(TEXTS):
                lookup(text[:-1] + text[-1:], "UTF8", True)

        return find_all

    return prepare


def copying(text: bytes) -> Callable[[Any], Callable[[], object]]:
    """What of the case before is spent on making the bytes and on the loop."""

    def prepare(_: Any) -> Callable[[], object]:
        def copy_all() -> None:
            for _ in range(TEXTS):
                len(text[:-1] + text[-1:])

        return copy_all

    return prepare


CASES = [
    Case("scan BEGIN", TEXTS, scanning(b"BEGIN")),
    Case(f"scan {len(SHORT)} bytes", TEXTS, scanning(SHORT)),
    Case(f"scan {len(LONG)} bytes", TEXTS, scanning(LONG)),
    Case("scan SET LOCAL", TEXTS, scanning(b"SET LOCAL app.tenant = '7'")),
    Case(f"cache hit, {len(SHORT)} bytes", TEXTS, finding(SHORT)),
    Case(f"  of which the harness ({len(SHORT)} bytes)", TEXTS, copying(SHORT)),
    Case(f"cache hit, {len(LONG)} bytes", TEXTS, finding(LONG)),
    Case(f"  of which the harness ({len(LONG)} bytes)", TEXTS, copying(LONG)),
]

if __name__ == "__main__":
    sys.exit(main(MODULE, CASES))
