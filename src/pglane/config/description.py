"""What is known about one setting: its place, unit, limits and meaning, beside its default.

Whatever a file can say is described so, once, in the class that holds it; reader, JSON Schema and
reference page are made from the descriptions.
"""

from dataclasses import dataclass, field
from typing import Any

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Description:
    """What is known about one setting.

    Attributes:
        name: field of `Settings`.
        section: table of `pglane.toml` it stands in.
        key: its key in that table.
        unit: what a number counts ("ms", "bytes", "connections" ...); "" for texts.
        minimum: smallest allowed number.
        maximum: largest allowed number; for texts and lists the greatest length.
        choices: the allowed texts; empty when any text will do.
        meaning: one line for people.
        reloadable: True when a reload applies it without a restart.
        secret: True when it is never shown, and may be given as KEY_env or KEY_file instead.
        default: value when it is not set.
    """

    name: str
    section: str
    key: str
    unit: str
    minimum: float
    maximum: float
    choices: tuple[str, ...]
    meaning: str
    reloadable: bool
    secret: bool
    default: Any

    @property
    def place(self) -> str:
        """Section and key as people write them."""
        return f"{self.section}.{self.key}"


def setting(
    place: str,
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    limits: tuple[float, float] = (0, 1000),
    choices: tuple[str, ...] = (),
    fixed: bool = False,
    secret: bool = False,
) -> Any:
    """One row of the table; `place` is "section.key", `fixed` means a reload cannot change it."""
    section, key = place.split(".")
    told: dict[str, object] = {
        "section": section,
        "key": key,
        "unit": unit,
        "minimum": limits[0],
        "maximum": limits[1],
        "choices": choices,
        "meaning": meaning,
        "reloadable": not fixed,
        "secret": secret,
    }
    return field(default=default, metadata=told, repr=not secret)
