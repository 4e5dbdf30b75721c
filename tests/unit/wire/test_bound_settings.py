"""What a Bind says about the settings that its statement changes."""

import pytest

from pglane.wire.bound_settings import (
    NAME_BYTES_MAX,
    bound_verdict,
    custom_names_bound,
    read_parameters,
    type_of,
)
from pglane.wire.statements import Effect, Verdict, scan

SESSION = "SELECT set_config($1, $2, false)"
LOCAL = "SELECT set_config($1, $2, true)"
EITHER = "SELECT set_config($1, $2, $3)"
TWO = "SELECT set_config('a.b', $2, false), set_config($3, $4, false), set_config($1, '', true)"
BIGINT, TEXT, VARCHAR = 20, 25, 1043


def int16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def tail(*values: bytes | None, formats: tuple[int, ...] = ()) -> bytes:
    """The end of a Bind: parameters, and results as text."""
    told = int16(len(formats)) + b"".join(map(int16, formats)) + int16(len(values))
    for value in values:
        told += (-1 if value is None else len(value)).to_bytes(4, "big", signed=True)
        told += value or b""
    return told + int16(0)


def types(*oids: int) -> bytes:
    return int16(len(oids)) + b"".join(oid.to_bytes(4, "big") for oid in oids)


def bound(
    text: str, *values: bytes | None, oids: tuple[int, ...] = (), formats: tuple[int, ...] = ()
) -> Verdict:
    verdict = scan(text.encode(), "UTF8", True)
    assert verdict.effects == Effect.SETTING_BOUND | (Effect.SETTING if text is TWO else 0)
    told = bound_verdict(verdict, types(*oids), tail(*values, formats=formats))
    assert told is not None
    assert told.kinds == verdict.kinds
    return told


@pytest.mark.parametrize(
    ("text", "name", "effects", "settings"),
    [
        (SESSION, b"app.tenant", Effect.SETTING, ("app.tenant",)),
        (SESSION, b"Work_Mem", Effect.SETTING, ("work_mem",)),
        (SESSION, b"sort_mem", Effect.SETTING, ("work_mem",)),
        (SESSION, b"search_path", Effect.SETTING, ("search_path",)),
        (SESSION, b"role", Effect.ROLE, ()),
        (SESSION, b"session_authorization", Effect.ROLE, ()),
        (SESSION, b"seed", Effect.SETTING | Effect.SEED, ("seed",)),
        (SESSION, None, Effect.NONE, ()),
        (SESSION, b"", Effect.SETTING_UNKNOWN, ()),
        (SESSION, b"work_mem ", Effect.SETTING_UNKNOWN, ()),
        (SESSION, b"work_mem\n", Effect.SETTING_UNKNOWN, ()),
        (SESSION, "app.ä".encode(), Effect.SETTING_UNKNOWN, ()),
        (SESSION, b"a." + b"b" * NAME_BYTES_MAX, Effect.SETTING_UNKNOWN, ()),
        (LOCAL, b"app.tenant", Effect.LOCAL_SETTING, ()),
        (LOCAL, b"role", Effect.LOCAL_SETTING, ()),
        (LOCAL, b"no such", Effect.LOCAL_SETTING, ()),
        (LOCAL, b"seed", Effect.LOCAL_SETTING | Effect.SEED, ()),
        (EITHER, b"work_mem", Effect.SETTING | Effect.LOCAL_SETTING, ("work_mem",)),
        (EITHER, b"role", Effect.ROLE | Effect.LOCAL_SETTING, ()),
    ],
)
def test_it_counts_like_the_literal(
    text: str, name: bytes | None, effects: Effect, settings: tuple[str, ...]
) -> None:
    told = bound(text, name, b"x", b"t")
    assert (Effect(told.effects), told.settings) == (effects, settings)
    assert told.shown == told.effects


@pytest.mark.parametrize("formats", [(), (0,), (1,), (1, 0), (0, 1)])
def test_text_and_binary_are_the_same_bytes(formats: tuple[int, ...]) -> None:
    assert bound(SESSION, b"work_mem", b"1MB", formats=formats).settings == ("work_mem",)


@pytest.mark.parametrize(
    ("oids", "effects"),
    [
        ((TEXT, TEXT), Effect.SETTING),
        ((VARCHAR,), Effect.SETTING),
        ((0, BIGINT), Effect.SETTING),
        ((BIGINT,), Effect.SETTING_UNKNOWN),
    ],
)
def test_the_type_must_leave_the_name_as_it_is(oids: tuple[int, ...], effects: Effect) -> None:
    assert bound(SESSION, b"work_mem", b"1MB", oids=oids).effects == effects


@pytest.mark.parametrize(
    ("name", "rereads"),
    [(b"TimeZone", True), (b"no such", True), (b"work_mem", False), (b"search_path", False)],
)
def test_whether_texts_are_read_otherwise_then(name: bytes, *, rereads: bool) -> None:
    assert bound(LOCAL, name, b"x").rereads == rereads


def test_each_call_counts() -> None:
    told = bound(TWO, b"work_mem", b"x", b"a.c", b"y")
    assert told.effects == Effect.SETTING | Effect.LOCAL_SETTING
    assert told.settings == ("a.b", "a.c")
    assert bound(TWO, b"work_mem", b"x", b"A.B", b"y").settings == ("a.b",)


def test_a_bind_without_the_parameter_fails_anyway() -> None:
    assert bound(SESSION).effects == 0


def test_what_no_text_shows_stays() -> None:
    verdict = scan(SESSION.encode(), "UTF8", True)
    unseen = Verdict(verdict.kinds, verdict.shown, verdict.settings, verdict.calls)
    unseen.effects |= Effect.UNSEEN
    unseen.fingerprint, unseen.certain = "mark", True
    told = bound_verdict(unseen, types(), tail(b"work_mem", b"1MB"))
    assert told is not None
    assert told.effects == Effect.UNSEEN | Effect.SETTING
    assert (told.shown, told.fingerprint, told.certain) == (Effect.SETTING, "mark", True)


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\0",
        int16(1) + int16(0),
        int16(0) + b"\0",
        int16(0) + int16(1),
        int16(0) + int16(1) + b"\0\0\0\5name",
        int16(0) + int16(1) + b"\xff\xff\xff\xfename",
    ],
)
def test_what_no_server_reads_is_told(malformed: bytes) -> None:
    assert read_parameters(malformed, 9) is None
    verdict = scan(SESSION.encode(), "UTF8", True)
    assert bound_verdict(verdict, types(), malformed) is None


def test_no_more_is_read_than_asked_for() -> None:
    assert read_parameters(tail(b"a", None, b"c"), 2) == [b"a", None]
    assert read_parameters(tail(b"a", None, b"c"), 5) == [b"a", None, b"c"]
    assert [type_of(types(1, 2), number) for number in (1, 2, 3)] == [1, 2, 0]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        (tail(b"app.X", None, b"plain", b"b.c", formats=(0, 1)), ("app.x", "b.c")),
        (tail(b"", b"a b.c", b"x" * 62 + b".y"), ()),
        (tail(*(b"a.b%d" % number for number in range(99))), tuple(f"a.b{n}" for n in range(8))),
        (tail(b"a.b", b"c.d")[:-4], ("a.b",)),
        (tail(b"a.b", b"c.d", b"e" * 99)[:40], ("a.b", "c.d")),
        (b"", ()),
        (int16(0) + b"\xff\xff", ()),
    ],
)
def test_what_may_be_names_of_custom_settings(parameters, names) -> None:
    """Of a Bind of which not all may be here."""
    assert custom_names_bound(parameters) == names
