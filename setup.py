"""One library, `pglane._compiled`, of every module with a types-only `.pxd` of its own name.

One, not one for each module: hot code of all modules then lies together, and what it costs to
serve a client that comes back cold is the pages and cache lines that it touches
(`pglane.compiled` finds the modules in it).

A failing compiler is not an error (`optional`): the `.py` are then what runs, slower. Generated C
goes to the build folder, so that it is never taken for a part of the package. It is not ours to
review: its warnings are off.

What serves clients lies together, in two steps. `cold_paths.h` tells the compiler which paths are
those of errors; `hot_functions.txt` tells the linker which functions serve (`make order` measures
them). A linker that does not understand how it is told links them as they come.

In the environment, PGLANE_PURE=1 compiles nothing at all, and PGLANE_PROFILE=write:FOLDER or
read:FOLDER makes a compiler that knows GCC's options count what runs, or lay the code out as it
was counted (`make fast`).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import LinkError

SOURCE = Path("src")
COLD_PATHS = SOURCE / "pglane" / "cold_paths.h"
HOT_FUNCTIONS = SOURCE / "pglane" / "hot_functions.txt"
USUAL = ["-O2", "-g0", "-include", str(COLD_PATHS)]
PLACED = ["-w", "-ffunction-sections", "-fdata-sections"]
# Of memory that begins empty: what each call of another module's method reads, globals, methods.
HOT_UNSET = (".bss.__pyx_vtabptr_* .bss.__pyx_f_*", ".bss.__pyx_v_*", ".bss.__pyx_vtable_*")
PROFILE = os.environ.get("PGLANE_PROFILE", "")
PROFILING = {
    "": [],
    "write": ["-fprofile-generate={}", "-ftest-coverage"],
    "read": [
        "-fprofile-use={}", "-fprofile-partial-training", "-fprofile-correction",
        "-Werror=missing-profile",
    ],
}  # fmt: skip


def compiled_library() -> Extension:
    """All modules that have a `.pxd`, in one."""
    sources = sorted(pxd.with_suffix(".py") for pxd in SOURCE.rglob("*.pxd"))
    translated = cythonize(
        [
            Extension(".".join(source.relative_to(SOURCE).with_suffix("").parts), [str(source)])
            for source in sources
        ],
        build_dir="build/c",
        compiler_directives={"language_level": 3, "annotation_typing": False},
        nthreads=os.cpu_count() or 1,
        quiet=True,
    )
    do, _, folder = PROFILE.partition(":")
    profiling = [option.format(folder) for option in PROFILING[do]]
    return Extension(
        "pglane._compiled",
        [source for module in translated for source in module.sources],
        extra_compile_args=[*USUAL, *(profiling or PLACED)],
        extra_link_args=profiling[:1],
        optional=True,
    )


def linker_script() -> str:
    """For GNU ld and its likes: what serves clients first, code and data.

    Of code the functions named in `hot_functions.txt`, in that order: a line names an object by
    its module, and a function as C knows it; `.` and more may follow where the compiler made a
    variant of it. Of data the types of those modules, and what their calls read (`HOT_UNSET`).
    """
    lines = [line.split() for line in HOT_FUNCTIONS.read_text().splitlines() if line[:1] != "#"]
    named = [line for line in lines if line]
    functions = [f"*pglane/{module}.o(.text.{name} .text.{name}.*)" for module, name in named]
    modules = dict.fromkeys(module for module, _ in named)
    unset = [f"*pglane/{module}.o({sections})" for sections in HOT_UNSET for module in modules]
    types = [f"*pglane/{module}.o(.data.rel.local.__pyx_type_*)" for module in modules]
    return _first("text", functions) + _first("data", types) + _first("bss", unset)


def _first(section: str, parts: list[str]) -> str:
    return "\n".join(
        [f"SECTIONS {{ .{section}.hot : {{", *parts, f"}} }} INSERT BEFORE .{section};", ""]
    )


class BuildLibrary(build_ext):
    """Compiles what is older than its source, on all processors."""

    def finalize_options(self) -> None:
        """Objects of both halves of profiling lie in one folder, by which GCC knows them again.

        Linking is always done anew.
        """
        super().finalize_options()
        self.force = True
        self.build_temp = str(Path(self.build_temp, "profile" if PROFILE else ""))

    def build_extensions(self) -> None:
        """As usual, except for the compiler's `compile`."""
        compiler = self.compiler
        compile_all = compiler.compile

        def compile_parallel(sources: list[str], output_dir: str, **options: Any) -> list[str]:
            targets = compiler.object_filenames(sources, output_dir=output_dir)
            pairs = zip(sources, targets, strict=True)
            outdated = [source for source, target in pairs if is_outdated(target, source)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda one: compile_all([one], output_dir, **options), outdated))
            return targets

        compiler.compile = compile_parallel
        super().build_extensions()

    def build_extension(self, extension: Extension) -> None:
        """With hot functions first, or as they come where this linker cannot do that.

        Where GCC orders by a profile, it has named the sections by it.
        """
        if PROFILE:
            super().build_extension(extension)
            return
        script = Path(self.build_temp, "hot_functions.ld")
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(linker_script())
        as_they_come = list(extension.extra_link_args)
        extension.extra_link_args.append(f"-Wl,-T,{script}")
        try:
            super().build_extension(extension)
        except LinkError:
            extension.extra_link_args = as_they_come
            super().build_extension(extension)


def is_outdated(target: str, source: str) -> bool:
    """Whether it is missing, or made before its source, what is included, or this file."""
    made = Path(target).stat().st_mtime_ns if Path(target).exists() else 0
    return any(made <= Path(other).stat().st_mtime_ns for other in (source, COLD_PATHS, __file__))


# Where processes are not forked, each of those that translate begins by reading this file.
if __name__ == "__main__":
    setup(
        ext_modules=[] if os.environ.get("PGLANE_PURE") == "1" else [compiled_library()],
        cmdclass={"build_ext": BuildLibrary},
    )
