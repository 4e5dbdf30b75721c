"""Where names of custom settings stand in a text, and where they are computed."""

import pytest

from pglane.wire.custom_names import NAMES_MAX, ConfigCalls, candidates
from pglane.wire.lexemes import END, Lexer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"SELECT setter('app.Tenant', '7')", ("app.tenant",)),
        (b"DO $$ BEGIN SET app.x = 1; SET LOCAL \"a.b\" TO '2'; SET session c.\"d\" = 3; END $$",
         ("app.x", "a.b", "c.d")),
        (b"DO $$ BEGIN PERFORM set_config('x.y.z', 'no name', false); END $$", ("x.y.z",)),
        (b"UPDATE t SET a = 'a.b.', b = '.x', c = 'an.e-mail', d = 'caf\xc3\xa9.x'", ()),
        (b"SELECT f('a.%s')" % (b"x" * 62), ()),
        (b"SELECT f('a.b', 'A.B', $n$c.d$n$)", ("a.b", "c.d")),
        (b", ".join(b"'a.x%d'" % n for n in range(99)),
         tuple(f"a.x{n}" for n in range(NAMES_MAX))),
    ],
)  # fmt: skip
def test_candidates_of_a_text(text: bytes, found: tuple[str, ...]) -> None:
    assert candidates(text) == found


def computes(text: bytes) -> bool:
    calls = ConfigCalls()
    lexer = Lexer(text, True)
    while (token := lexer.next()) != END:
        calls.take(token, lexer.piece())
    return calls.computed


@pytest.mark.parametrize(
    ("text", "computed"),
    [
        (b"SELECT set_config('app.x', '1', false)", False),
        (b"SELECT set_config('search_path'::text, 'x', true)", False),
        (b"SELECT pg_catalog.\"set_config\"('app.x'::varchar, 1)", False),
        (b"SELECT set_config, (1)", False),
        (b"SELECT set_config('app.' || x, '1', false)", True),
        (b"SELECT set_config('app.x' || x, '1', false)", True),
        (b"SELECT set_config('app.x'::text || x, '1', false)", True),
        (b"SELECT set_config(('app.' || x), '1', false)", True),
        (b"SELECT set_config(name, '1', false)", True),
        (b"SELECT set_config(E'app.\\x41', '1', false)", True),
        (b"SELECT set_config($1, '1', false)", True),
    ],
)
def test_a_name_is_one_string_or_computed(text: bytes, computed: bool) -> None:
    assert computes(text) == computed
