"""A description made by a field."""

from dataclasses import dataclass, fields

from pglane.config.description import Description, setting


@dataclass(frozen=True)
class Example:
    size: int = setting("box.size", 3, "how large", unit="cm", limits=(1, 5), fixed=True)


def test_a_field_describes_itself():
    (field,) = fields(Example)
    told = Description(name=field.name, default=field.default, **field.metadata)
    assert (told.place, told.unit, told.minimum, told.maximum) == ("box.size", "cm", 1, 5)
    assert not told.reloadable
    assert not told.secret
    assert Example().size == 3
