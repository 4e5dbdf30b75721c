"""Which settings a statement changes whose names are its parameters: the Bind says it.

`SELECT set_config($1, $2, false)` is the form that drivers and frameworks use. The scanner notes
which parameter names a setting (`ConfigCall`); with the parameters of one Bind the verdict becomes
that of the same text with literal names.

A name is believed where the value that was sent is the value that set_config gets: the parameter
was declared as text or left to the server (which finds text then), and stands in one place of the
text only. Its bytes are the same in text and in binary form. What is no plain name of a setting
counts as any setting, as it does where the text itself computes it.

Whether the setting is local is believed of the literal true alone. A parameter may say either:
then the setting counts as changed for the session, and reading it back tells.
"""

import re

from pglane.wire.custom_names import NAME_BYTES_MAX as CUSTOM_BYTES_MAX, NAMES_MAX
from pglane.wire.statement_forms import ConfigCall, changed, may_reread
from pglane.wire.statement_words import Effect
from pglane.wire.statements import Verdict

NAME_BYTES_MAX = 63
"""A longer one could be cut on its way: it counts as any setting."""
PLAIN_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*")
TEXT_TYPES = frozenset({0, 25, 705, 1043})
"""Type OIDs whose values reach set_config as they are: unspecified, text, unknown, varchar."""
BOUND = int(Effect.SETTING_BOUND)


def bound_verdict(verdict: Verdict, types: bytes, parameters: bytes) -> Verdict | None:
    """The verdict on a statement with the parameters of one Bind.

    Args:
        verdict: on its text; it has `Effect.SETTING_BOUND`.
        types: the tail of its Parse: int16 count and int32 type OIDs.
        parameters: the tail of the Bind, behind the two names.

    Returns:
        None if the parameters cannot be read; no server can read them either.
    """
    values = read_parameters(parameters, max(call.name for call in verdict.calls))
    if values is None:
        return None
    effects = Effect(verdict.shown & ~BOUND)
    rereads = verdict.rereads
    settings = list(verdict.settings)
    for call in verdict.calls:
        # Without a name set_config fails; without the parameter the Bind does.
        value = values[call.name - 1] if call.name <= len(values) else None
        if value is None:
            continue
        name, more = _changed(value, type_of(types, call.name), call)
        rereads = rereads or PLAIN_NAME.fullmatch(value) is None or may_reread(value)
        effects |= more
        if name and name not in settings:
            settings.append(name)
    bound = Verdict(verdict.kinds, int(effects), tuple(settings))
    bound.effects |= verdict.effects & ~BOUND
    bound.may_draw = verdict.may_draw
    bound.fingerprint = verdict.fingerprint
    bound.certain = verdict.certain
    bound.custom = verdict.custom
    bound.rereads = rereads
    return bound


def custom_names_bound(parameters: bytes) -> tuple[str, ...]:
    """What may be names of custom settings among the first parameters of a Bind.

    Args:
        parameters: what of the tail of the Bind is here.
    """
    found = []
    at = 2 + 2 * max(_int16(parameters, 0), 0)
    count = min(_int16(parameters, at), NAMES_MAX)
    at += 2
    for _ in range(count):
        length = int.from_bytes(parameters[at : at + 4], "big", signed=True)
        at += 4
        value = parameters[at : at + max(length, 0)]
        at += max(length, 0)
        plain = b"." in value and len(value) == length <= CUSTOM_BYTES_MAX
        if plain and PLAIN_NAME.fullmatch(value) is not None:
            found.append(value.lower().decode())
    return tuple(found)


def _changed(value: bytes, type_oid: int, call: ConfigCall) -> tuple[str, Effect]:
    """The setting that one call changes, and the effects."""
    either = Effect.NONE if call.session or call.local else Effect.LOCAL_SETTING
    plain = len(value) <= NAME_BYTES_MAX and PLAIN_NAME.fullmatch(value) is not None
    if plain and type_oid in TEXT_TYPES:
        name, effects = changed(value, call.local)
        return name, effects | either
    return "", Effect.LOCAL_SETTING if call.local else Effect.SETTING_UNKNOWN


def type_of(types: bytes, number: int) -> int:
    """The declared type of a parameter; 0 where the server is to find it."""
    return int.from_bytes(types[4 * number - 2 : 4 * number + 2], "big")


def read_parameters(tail: bytes, number_max: int) -> list[bytes | None] | None:
    """The values of the first parameters, whatever their form; None if that is no Bind's tail."""
    formats = _int16(tail, 0)
    at = 2 + 2 * formats
    count = _int16(tail, at)
    if formats < 0 or count < 0:
        return None
    at += 2
    values: list[bytes | None] = []
    for _ in range(min(count, number_max)):
        length = int.from_bytes(tail[at : at + 4], "big", signed=True)
        end = at + 4 + max(length, 0)
        if len(tail) < end or length < -1:
            return None
        values.append(tail[at + 4 : end] if length >= 0 else None)
        at = end
    return values


def _int16(tail: bytes, at: int) -> int:
    """The number at `at`, from 0 to 65535; -1 if the message ends before it."""
    return int.from_bytes(tail[at : at + 2], "big") if len(tail) >= at + 2 else -1
