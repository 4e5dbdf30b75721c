"""Tags of a comment: every set of them is read as it was written, and nothing else does harm."""

from urllib.parse import quote

from hypothesis import given, strategies as st

from pglane.wire.tags import TAGS_MAX, comment_at_an_end, may_be_tagged, tags_of

texts = st.text(st.characters(codec="utf-8"), max_size=12)
written = st.dictionaries(texts.filter(bool), texts, min_size=1, max_size=TAGS_MAX)
scraps = st.lists(
    st.sampled_from([b"/*", b"*/", b"'", b"\\", b"=", b",", b"lane", b"%27", b" ", b";", b"\xff"]),
    max_size=24,
)


def comment(tags):
    said = [f"{quote(key, safe='')}='{quote(value, safe='')}'" for key, value in tags.items()]
    return f"/*{','.join(said)}*/".encode()


@given(written, st.booleans())
def test_what_is_written_is_read(tags, ahead):
    text = comment(tags) + b" SELECT 1" if ahead else b"SELECT 1 " + comment(tags) + b" ;\0"
    assert tags_of(text, 0, len(text)) == tags
    assert may_be_tagged(text, 0, len(text))


@given(scraps)
def test_whatever_comes_is_text_or_nothing(parts):
    text = b"".join(parts)
    inside = comment_at_an_end(text, 0, len(text))
    assert inside in text
    assert may_be_tagged(text, 0, len(text)) or not inside
    for key, value in tags_of(text, 0, len(text)).items():
        assert key
        assert (key + value).encode()
