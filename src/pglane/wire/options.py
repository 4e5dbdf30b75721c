r"""The startup parameter `options`: settings as switches of the server's command line.

The server splits the text at blanks; a backslash takes the next byte as it is, a lone one at the
end is dropped. Of its switches only the two that set a parameter are understood, `-c name=value`
(also `-cname=value`) and `--name=value`; dashes in a name become underscores; a lone `--` ends
them. Everything else is refused rather than ignored: a setting that is silently lost is wrong
results later.

Source: PostgreSQL manual, "Shaping the Session", `postgres` reference page; checked against a
server by tests.
"""

from collections.abc import Iterable, Iterator

from pglane.errors import Refusal
from pglane.errors.protocol import OptionsSwitch, OptionsValue, quoted

_BLANKS = b" \t\n\v\f\r"
_BACKSLASH = ord("\\")


def split_options(value: bytes) -> list[tuple[str, bytes]] | Refusal:
    """The settings in `value`, in order; a name may come twice, the last one counts."""
    settings: list[tuple[str, bytes]] = []
    words = iter(_words(value))
    for word in words:
        if word == b"--":
            behind = next(words, None)
            return settings if behind is None else OptionsSwitch(word=quoted(behind))
        if not word.startswith((b"-c", b"--")):
            return OptionsSwitch(word=quoted(word))
        argument = next(words, b"") if word == b"-c" else word[2:]
        name, equals, setting = argument.partition(b"=")
        if not name or not equals:
            return OptionsValue(word=quoted(argument or word))
        settings.append((_setting_name(name), setting))
    return settings


def encode_options(settings: Iterable[tuple[str, bytes]]) -> bytes:
    """The text that `split_options` splits into `settings`.

    Raises:
        ValueError: a name is empty or has a dash or an equals sign, which cannot be written.
    """
    words = []
    for name, value in settings:
        if not name or "=" in name or "-" in name:
            msg = f"{name!r} cannot be the name of a setting"
            raise ValueError(msg)
        words.append(b"-c " + _escaped(name.encode("utf-8", "surrogateescape") + b"=" + value))
    return b" ".join(words)


def _words(value: bytes) -> Iterator[bytes]:
    word: bytearray | None = None
    escaped = False
    for byte in value:
        if escaped or (byte not in _BLANKS and byte != _BACKSLASH):
            word = bytearray() if word is None else word
            word.append(byte)
            escaped = False
        elif byte == _BACKSLASH:
            word = bytearray() if word is None else word
            escaped = True
        elif word is not None:
            yield bytes(word)
            word = None
    if word is not None:
        yield bytes(word)


def _setting_name(name: bytes) -> str:
    return name.replace(b"-", b"_").decode("utf-8", "surrogateescape")


def _escaped(word: bytes) -> bytes:
    special = _BLANKS + b"\\"
    return b"".join(b"\\%c" % byte if byte in special else b"%c" % byte for byte in word)
