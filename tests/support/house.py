"""The house rules: what a linter off the shelf does not know about this code.

A rule is a function from the repository's root to complaints. Each complaint begins with file:line
and ends with what to do. `tests/test_house.py` runs every rule on the repository, and on a planted
violation to show that the rule can find one.
"""

import ast
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from tests.support.held_receivers import receivers_are_held
from tests.support.import_circles import imports_make_no_circle

Rule = Callable[[Path], Iterator[str]]

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 600
CODE_FOLDERS = ("src", "tests", "bench", "tools")

VAGUE_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}
# PostgreSQL calls its process a backend; these names speak of that process and of its messages.
BACKENDS_PROCESS = re.compile(
    r"_*backend_*(pid|key|key_data|secret|process|start|type|gone|is_gone)s?(_|$)"
    r"|_*(is_|until_)?(the_)?backend_(is_)?gone",
    re.IGNORECASE,
)
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
UNSPEAKABLE = {
    "sql", "query", "queries", "statement", "statements", "password", "passwords", "secret",
    "secrets", "verifier", "verifiers", "passphrase", "token",
}  # fmt: skip
PROMISES = re.compile(r"\b(TODO|FIXME|XXX|HACK|pragma: no cover)\b")
MAY_SLEEP = {"tests/support/waiting.py"}

# Run or imported from outside the package, so nothing inside needs to import them.
ENTRANCES = {"pglane.cli", "pglane.__main__", "pglane.client", "pglane.version"}
# Source without a unit test of its own, and what tests it instead.
NOT_MIRRORED = {
    "src/pglane/__main__.py": "one call; tests/support/gateway.py starts every gateway through it",
}


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """Every source file below `folders` (default: all our code), in a fixed order."""
    for folder in folders or CODE_FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions_of(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every function of a file with its length in lines, signature and docstring included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, (node.end_lineno or node.lineno) - node.lineno + 1


def function_lengths(root: Path) -> str:
    """The figures of `src` beside the aim, for the report at the end of a run."""
    lengths = sorted(
        length for path in python_files(root, "src") for _, length in functions_of(path)
    )
    median = statistics.median(lengths)
    tenth = lengths[len(lengths) * 9 // 10]
    return (
        f"{len(lengths)} functions in src: median {median:g} lines (aim 7), "
        f"p90 {tenth} (aim 30), longest {lengths[-1]} (limit {FUNCTION_LINES_MAX})"
    )


def at(root: Path, path: Path, line: int = 1) -> str:
    """Where a complaint points to."""
    return f"{path.relative_to(root)}:{line}"


# ---------------------------------------------------------------------- sizes and shape


def functions_are_short(root: Path) -> Iterator[str]:
    for path in python_files(root):
        for function, length in functions_of(path):
            if length > FUNCTION_LINES_MAX:
                yield (
                    f"{at(root, path, function.lineno)}: {function.name} has {length} lines, "
                    f"allowed are {FUNCTION_LINES_MAX}: give a part of it a name of its own"
                )


def files_are_short(root: Path) -> Iterator[str]:
    for path in python_files(root):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES_MAX:
            yield (
                f"{at(root, path, lines)}: {lines} lines, allowed are {FILE_LINES_MAX}: "
                "split it where its docstring would need the word 'and'"
            )


def modules_have_docstrings(root: Path) -> Iterator[str]:
    for path in python_files(root, "src", "tools", "bench"):
        if not ast.get_docstring(tree_of(path)):
            yield f"{at(root, path)}: no module docstring: say what it is for and why it is so"


def nothing_is_postponed(root: Path) -> Iterator[str]:
    for path in python_files(root):
        for line, comment in comments_of(path):
            found = PROMISES.search(comment)
            if found:
                yield f"{at(root, path, line)}: {found[1]}: do it now, or write it down elsewhere"


def comments_of(path: Path) -> Iterator[tuple[int, str]]:
    """Every comment of a file with its line."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


# ---------------------------------------------------------------------- names


def names_say_something(root: Path) -> Iterator[str]:
    for path in python_files(root):
        for part in path.relative_to(root).with_suffix("").parts:
            vague = VAGUE_WORDS.intersection(part.removeprefix("test_").split("_"))
            if vague:
                word = vague.pop()
                yield f"{at(root, path)}: '{word}' says nothing: name it after what it does"


def sides_are_called_client_and_server(root: Path) -> Iterator[str]:
    for path in python_files(root, "src"):
        for name, line in identifiers_of(path):
            lowered = name.lower()
            if "frontend" in lowered:
                yield f"{at(root, path, line)}: '{name}': say client connection"
            elif "backend" in lowered and not names_the_process(name):
                yield (
                    f"{at(root, path, line)}: '{name}': say server connection; PostgreSQL's "
                    "process itself is backend_pid, backend_key, backend_gone"
                )


def names_the_process(name: str) -> bool:
    """True for names of PostgreSQL's process, snake case or camel case."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return BACKENDS_PROCESS.search(snake) is not None


def identifiers_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every name that a file introduces: modules, classes, functions, arguments, variables."""
    yield path.stem, 1
    for node in ast.walk(tree_of(path)):
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno


# ---------------------------------------------------------------------- what code may do


def nothing_sleeps(root: Path) -> Iterator[str]:
    for path in python_files(root, "src", "tests"):
        if path.relative_to(root).as_posix() in MAY_SLEEP:
            continue
        for node in ast.walk(tree_of(path)):
            direct = isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep"
            imported = isinstance(node, ast.ImportFrom) and node.module == "time"
            if direct or (imported and any(name.name == "sleep" for name in node.names)):
                yield f"{at(root, path, node.lineno)}: time.sleep: wait on an event instead"


def errors_are_not_swallowed(root: Path) -> Iterator[str]:
    for path in python_files(root):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                wide = node.type is None or catches_everything(node.type)
                swallowed = wide and all(is_nothing(line) for line in node.body)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                swallowed = any(catches_everything(argument) for argument in node.args)
            else:
                continue
            if swallowed:
                yield (
                    f"{at(root, path, node.lineno)}: every error is swallowed: name the exception "
                    "you expect, let the others be seen"
                )


def catches_everything(node: ast.expr) -> bool:
    """True for Exception and BaseException, alone or in a tuple."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(ast.unparse(part) in {"Exception", "BaseException"} for part in parts)


def is_nothing(node: ast.stmt) -> bool:
    """True for `pass`, `continue` and a lone `...`."""
    ellipsis = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return ellipsis or isinstance(node, ast.Pass | ast.Continue)


def logs_hold_no_secrets(root: Path) -> Iterator[str]:
    for path in python_files(root, "src"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and is_log_call(node.func):
                for argument in [*node.args, *(word.value for word in node.keywords)]:
                    for name in spoken(argument):
                        yield (
                            f"{at(root, path, node.lineno)}: a log line must not hold '{name}': "
                            "log its kind, its length or its fingerprint"
                        )


def is_log_call(function: ast.expr) -> bool:
    """True for `log.info`, `self._logger.warning` and the like, and for `logging.error`."""
    if not isinstance(function, ast.Attribute) or function.attr not in LOG_METHODS:
        return False
    return "log" in ast.unparse(function.value).rpartition(".")[2].lower()


def spoken(node: ast.AST) -> Iterator[str]:
    """Names below `node` whose value itself would be written and that may be SQL or a secret."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"len", "type", "bool"}:
        return
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name.lower().split("_")[-1] in UNSPEAKABLE:
            yield name
        return
    for child in ast.iter_child_nodes(node):
        yield from spoken(child)


# ---------------------------------------------------------------------- source and its mirrors


def extensions_are_fresh(root: Path) -> Iterator[str]:
    """Of one library: it holds what has types, each by a name of its own."""
    suffix = EXTENSION_SUFFIXES[0]
    library = root / "src" / "pglane" / f"_compiled{suffix}"
    for extension in sorted((root / "src").rglob("*" + suffix)):
        if extension != library:
            yield f"{at(root, extension)}: it shadows a source: delete it, or run make setup"
    by_name: dict[str, Path] = {}
    for types in sorted((root / "src").rglob("*.pxd")):
        other = by_name.setdefault(types.stem, types)
        if other != types:
            yield f"{at(root, types)}: {at(root, other)} goes by that name in the library too"
        halves = (types, types.with_suffix(".py"))
        if library.exists() and library.stat().st_mtime < max(h.stat().st_mtime for h in halves):
            yield f"{at(root, library)}: older than {types.stem}, which it shadows: make setup"


def tests_mirror_source(root: Path) -> Iterator[str]:
    package, tests = root / "src" / "pglane", root / "tests" / "unit"
    for path in python_files(root, "src"):
        if path.relative_to(root).as_posix() in NOT_MIRRORED or not has_functions(path):
            continue
        name = path.parent.name if path.stem == "__init__" else path.stem
        mirror = tests / path.parent.relative_to(package) / f"test_{name}.py"
        if not mirror.exists():
            yield f"{at(root, path)}: no unit test of its own: write {mirror.relative_to(root)}"
    for path in sorted(tests.rglob("test_*.py")):
        if not has_source(
            package / path.parent.relative_to(tests), path.stem.removeprefix("test_")
        ):
            yield f"{at(root, path)}: mirrors no module of src: name it after the one it tests"


def has_functions(path: Path) -> bool:
    """False for names passed on, tables and declarations: they do nothing that could be tested."""
    doing = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return any(isinstance(node, doing) for node in ast.walk(tree_of(path)))


def has_source(folder: Path, name: str) -> bool:
    """True if `name` is a module of `folder`, or one with an aspect behind it: `scram_vectors`."""
    if name in {folder.name, "init"}:
        return (folder / "__init__.py").exists()
    words = name.split("_")
    stems = ("_".join(words[:count]) for count in range(len(words), 0, -1))
    return any((folder / f"{stem}.py").exists() for stem in stems)


def no_module_is_dead(root: Path) -> Iterator[str]:
    sources = {module_name(root, path): path for path in python_files(root, "src")}
    mentioned = {name: mentions(path, sources) for name, path in sources.items()}
    reached: set[str] = set()
    waiting = [name for name in sources if name in ENTRANCES]
    for program in python_files(root, "tools"):
        waiting += mentions(program, sources)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += mentioned[name]
    for name, path in sources.items():
        if name not in reached and path.stem != "__init__":
            yield f"{at(root, path)}: no command and no tool leads here: use or delete it"


def module_name(root: Path, path: Path) -> str:
    """`pglane.wire.framing`; a package is named by its folder."""
    parts = path.relative_to(root / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def mentions(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules that a file imports, or names in a string to have them run (`python -m`)."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Import(names=names):
                found.update(name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                found.add(module)
                found.update(f"{module}.{name.name}" for name in names)
            case ast.Constant(value=str(text)) if text in known:
                found.add(text)
    packages = {name.rpartition(".")[0] for name in found}
    return (found | packages) & known.keys()


def imports_point_down(root: Path) -> Iterator[str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stdout + done.stderr
        yield f"pyproject.toml:1: import contracts broken: move the import down a layer\n{said}"


# ---------------------------------------------------------------------- documents


def references_are_fresh(root: Path) -> Iterator[str]:
    program = root / "tools" / "generate_reference.py"
    done = subprocess.run(
        [sys.executable, str(program), "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield (
            f"{at(root, program)}: generated pages are stale: run it without --check\n"
            f"{done.stdout}{done.stderr}"
        )


def links_resolve(root: Path) -> Iterator[str]:
    for page in pages_of(root):
        for number, line in enumerate(without_fences(page), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if not re.match(r"[a-z]+:", target) and not resolves(page, target):
                    yield f"{at(root, page, number)}: nothing at '{target}': correct the link"


def named_files_exist(root: Path) -> Iterator[str]:
    for page in pages_of(root):
        for number, line in enumerate(without_fences(page), 1):
            for name in re.findall(r"`((?:src|tests|tools|bench|docs)/[\w./-]+)`", line):
                if not (root / name).exists():
                    yield f"{at(root, page, number)}: there is no {name}: name what is there"


def pages_of(root: Path) -> list[Path]:
    """Every page that people read."""
    folders = (root / "docs", root / "bench")
    return sorted([*root.glob("*.md"), *(page for one in folders for page in one.rglob("*.md"))])


def resolves(page: Path, target: str) -> bool:
    """True if a relative link leads to a file, and its anchor to a heading."""
    file, _, anchor = target.partition("#")
    destination = page.parent / file if file else page
    if not destination.exists() or not anchor:
        return destination.exists()
    headings = (line.lstrip("#") for line in without_fences(destination) if line.startswith("#"))
    return anchor in {
        re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings
    }


def without_fences(page: Path) -> Iterator[str]:
    """The lines of a page, those of code blocks blank."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = line.lstrip().startswith("```")
        inside ^= fence
        yield "" if inside or fence else line


RULES: tuple[Rule, ...] = (
    functions_are_short,
    files_are_short,
    modules_have_docstrings,
    nothing_is_postponed,
    names_say_something,
    sides_are_called_client_and_server,
    nothing_sleeps,
    errors_are_not_swallowed,
    logs_hold_no_secrets,
    extensions_are_fresh,
    receivers_are_held,
    tests_mirror_source,
    no_module_is_dead,
    imports_point_down,
    imports_make_no_circle,
    references_are_fresh,
    links_resolve,
    named_files_exist,
)
