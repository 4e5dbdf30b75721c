"""The extensions: every module with a types-only `.pxd` of its own name beside it.

A failing compiler is not an error (`optional`): the `.py` is then what runs, slower.
"""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path("src")


def compiled_modules() -> list[Extension]:
    """One extension per `.py` that has a `.pxd`."""
    sources = sorted(pxd.with_suffix(".py") for pxd in SOURCE.rglob("*.pxd"))
    return [
        Extension(
            ".".join(source.relative_to(SOURCE).with_suffix("").parts),
            [str(source)],
            optional=True,
            extra_compile_args=["-O2"],
        )
        for source in sources
    ]


setup(
    ext_modules=cythonize(
        compiled_modules(),
        compiler_directives={"language_level": 3, "annotation_typing": False},
    )
)
