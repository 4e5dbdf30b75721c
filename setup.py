"""The extensions: every module with a types-only `.pxd` of its own name beside it.

A failing compiler is not an error (`optional`): the `.py` is then what runs, slower. Generated C
goes to the build folder, so that it is never taken for a part of the package. It is not ours to
review: its warnings are off. With PGLANE_PURE=1 in the environment nothing is compiled at all.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path("src")


def compiled_modules() -> list[Extension]:
    """One extension per `.py` that has a `.pxd`."""
    sources = sorted(pxd.with_suffix(".py") for pxd in SOURCE.rglob("*.pxd"))
    modules = [
        Extension(
            ".".join(source.relative_to(SOURCE).with_suffix("").parts),
            [str(source)],
            extra_compile_args=["-O2", "-w"],
        )
        for source in sources
    ]
    translated = cythonize(
        modules,
        build_dir="build/c",
        compiler_directives={"language_level": 3, "annotation_typing": False},
        quiet=True,
    )
    for module in translated:
        module.optional = True  # cythonize() makes new objects and forgets it
    return translated


setup(ext_modules=[] if os.environ.get("PGLANE_PURE") == "1" else compiled_modules())
