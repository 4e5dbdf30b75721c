"""Tags in the comment at an end of a statement; whatever is malformed counts as nothing."""

import pytest

from pglane.wire.tags import (
    COMMENT_BYTES_MAX,
    TAGS_MAX,
    comment_at_an_end,
    may_be_tagged,
    may_begin_block,
    pairs_of,
    tags_of,
)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b"/*lane='otp'*/ SELECT 1", {"lane": "otp"}),
        (b" \n/*lane='otp'*/SELECT 1", {"lane": "otp"}),
        (b"SELECT 1 /*lane='otp'*/", {"lane": "otp"}),
        (b"SELECT 1 /*lane='otp'*/ ;\n\x00", {"lane": "otp"}),
        (b"SELECT 1 /* all products */", {}),
        (b"SELECT 1 /*a='1'*/ FROM t /*b='2'*/", {"b": "2"}),
        (b"/*a='1'*/ SELECT 1 /*b='2'*/", {"a": "1"}),
        (b"/* prose */ SELECT 1 /*b='2'*/", {}),
        (b"SELECT 1 /*a='1'*/ FROM t", {}),
        (b"SELECT '/*lane=''otp''*/'", {}),
        (b"SELECT 1", {}),
        (b"", {}),
        (b"/*", {}),
        (b"/**/", {}),
        (b"/*lane='otp'", {}),
        (b"lane='otp'*/", {}),
        (b"SELECT 2*/", {}),
        (b"/*/", {}),
        (b"SELECT /* /*lane='otp'*/ */", {}),
    ],
)
def test_a_comment_at_either_end(text, tags):
    assert tags_of(text, 0, len(text)) == tags


@pytest.mark.parametrize(
    ("comment", "tags"),
    [
        (b"lane='otp'", {"lane": "otp"}),
        (b" a = '1' , b = 'x%20y' ", {"a": "1", "b": "x y"}),
        (b"route='%2Flogin%2F%C3%A9'", {"route": "/login/é"}),
        (b"a%20b='1'", {"a b": "1"}),
        (rb"a='it\'s',b='\\'", {"a": "it's", "b": r"\\"}),
        (b"a=''", {"a": ""}),
        (b"a='1',", {"a": "1"}),
        (b"a='1',a='2'", {"a": "2"}),
        (b"a='%zz'", {"a": "%zz"}),
        (b"", {}),
        (b"  ", {}),
        (b"a", {}),
        (b"a ", {}),
        (b"a=", {}),
        (b"a=1", {}),
        (b"='1'", {}),
        (b"a='1", {}),
        (b"a='1\\", {}),
        (b"a='1\\'", {}),
        (b"a='1' and more", {}),
        (b"a='%ff'", {}),
        (b"\xc3\xa9='1'", {}),
        (
            ",".join(f"a{n}='1'" for n in range(TAGS_MAX)).encode(),
            {f"a{n}": "1" for n in range(16)},
        ),
        (",".join(f"a{n}='1'" for n in range(TAGS_MAX + 1)).encode(), {}),
    ],
)
def test_pairs(comment, tags):
    assert pairs_of(comment) == tags


def comment_in(text):
    return comment_at_an_end(text, 0, len(text))


def test_only_the_statement_is_looked_at():
    text = b"P/*a='1'*/name\0SELECT 1 /*b='2'*/ x /*c='3'*/"
    assert tags_of(text, 15, 33) == {"b": "2"}
    assert tags_of(text, 1, 10) == {"a": "1"}
    assert tags_of(text, 1, 9) == {}
    assert tags_of(text, 15, 15) == {}


@pytest.mark.parametrize("form", [b"/*%s*/ SELECT 1", b"SELECT 1 /*%s*/"])
def test_a_longer_comment_is_not_read(form):
    longest = b"x" * COMMENT_BYTES_MAX
    assert comment_in(form % longest) == longest
    assert comment_in(form % (longest + b"x")) == b""


@pytest.mark.parametrize(
    ("text", "may"),
    [
        (b"SELECT 1", False),
        (b"select '/*' from t", False),
        (b"SELECT 1 /* prose */ FROM t", False),
        (b"SELECT 1 /*lane='otp'*/", True),
        (b"SELECT 1 */ ;\n\x00", True),
        (b"SELECT 1 *", False),
        (b" \n/*lane='otp'*/ SELECT 1", True),
        (b"/*", True),
        (b"*/", True),
        (b"/", False),
        (b"*", False),
        (b" ;", False),
        (b"", False),
    ],
)
def test_what_neither_begins_nor_ends_with_a_comment_is_not_tagged(text, may):
    assert may_be_tagged(text, 0, len(text)) is may
    around = b"/*" + text + b"*/"
    assert may_be_tagged(around, 2, len(text) + 2) is may


@pytest.mark.parametrize(
    ("text", "may"),
    [
        (b"SELECT 1", False),
        (b"INSERT INTO t VALUES (1)", False),
        (b"Begin", True),
        (b"start transaction", True),
        (b"  SELECT 1", True),
        (b"-- c\nBEGIN", True),
        (b"bx", False),
        (b"sx", False),
        (b"te", False),
        (b"b", True),
        (b"", True),
    ],
)
def test_what_begins_with_other_letters_begins_no_block(text, may):
    assert may_begin_block(text, 0, len(text)) is may
    assert may_begin_block(b"x" + text + b"be", 1, len(text) + 1) is may
