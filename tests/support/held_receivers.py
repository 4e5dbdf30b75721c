"""A rule for compiled modules: nothing dies while one of its methods runs.

Compiled, `self.owner.on_end()` is a call in C on what the attribute holds, and nothing counts that
call: if the method, or whatever it calls, puts something else into the attribute and nobody else
has the object, it is freed under the feet of its own method. A local does hold what it names, so
what may be replaced has to be named first: `owner = self.owner; owner.on_end()`.

Attributes that are set in constructors only are held by whoever has them, and that one is held by
its caller: so nothing else needs looking at. Classes of another package lie below, and know
nothing of what holds them. Calls of methods that no `.pxd` declares are Python's, which holds the
object.

Types are known as far as Cython goes by them: the declarations of the `.pxd` files, and locals
that get nothing but values of one declared class.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CLASS = re.compile(r"cdef class (\w+)(?:\((\w+)\))?:")
ATTRIBUTE = re.compile(r"    cdef (?:public |readonly )?(\w+) (\w+)$")
METHOD = re.compile(r"    cp?def (?:(\w+) )?(\w+)\((.*)\)")
LOCAL = re.compile(r'(\w+)="?(\w+)')
ARGUMENT = re.compile(r"(\w+) (\w+)(?:=\*)?$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Method:
    """As it is declared: the class of what it returns, of its arguments and of its locals."""

    returns: str
    names: dict[str, str]


@dataclass
class Class:
    """One `cdef class`: attributes with their types, and the methods that are called in C."""

    name: str
    base: str
    package: Path
    attributes: dict[str, str] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)


class Declared:
    """All that the `.pxd` files below `root` declare."""

    def __init__(self, root: Path) -> None:
        self.classes: dict[str, Class] = {}
        for path in sorted((root / "src").rglob("*.pxd")):
            self._read(path.read_text(encoding="utf-8"), path.parent)
        for path in sorted((root / "src").rglob("*.py")):
            self._extend(ast.parse(path.read_text(encoding="utf-8")), path.parent)

    def _read(self, text: str, package: Path) -> None:
        one = Class("", "", package)
        names: dict[str, str] = {}
        for line in re.sub(r"\(\n\s+(.*)\n\s+\)", r"(\1)", text).splitlines():
            if found := CLASS.match(line):
                one = self.classes[found[1]] = Class(found[1], found[2] or "", package)
            elif "cython.locals(" in line:
                names = dict(LOCAL.findall(line.partition("(")[2]))
            elif found := ATTRIBUTE.match(line):
                one.attributes[found[2]] = found[1]
            elif found := METHOD.match(line):
                typed = map(ARGUMENT.match, found[3].split(", "))
                names |= {each[2]: each[1] for each in typed if each}
                one.methods[found[2]] = Method(found[1] or "", names)
                names = {}

    def _extend(self, tree: ast.Module, package: Path) -> None:
        """Classes of Python that extend a declared one have its attributes."""
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name not in self.classes:
                bases = [ast.unparse(base) for base in node.bases]
                if base := next((one for one in bases if one in self.classes), ""):
                    self.classes[node.name] = Class(node.name, base, package)

    def lineage(self, name: str) -> Iterator[Class]:
        """A class and those that it extends."""
        while name in self.classes:
            yield self.classes[name]
            name = self.classes[name].base

    def owner(self, name: str, attribute: str) -> Class | None:
        """Which of them declares the attribute."""
        return next((one for one in self.lineage(name) if attribute in one.attributes), None)

    def method(self, name: str, method: str) -> Method | None:
        """The declaration that a call goes by; None: it is Python's."""
        return next((o.methods[method] for o in self.lineage(name) if method in o.methods), None)

    def packages(self, name: str) -> set[Path]:
        """Where it may be that such an object's methods lie."""
        kinds = (o for o in self.classes if any(one.name == name for one in self.lineage(o)))
        return {self.classes[kind].package for kind in kinds}


class Names:
    """Of which declared class the expressions in one function are; "": of none, or unknown.

    `noted`: Python's own annotations count; those of a compiled module give nothing a type in C.
    """

    def __init__(self, declared: Declared, within: str, function: Function, noted: bool) -> None:
        self._declared = declared
        self._names = {"self": within}
        for argument in function.args.args if noted else ():
            if argument.annotation is not None:
                note = ast.unparse(argument.annotation)
                self._names[argument.arg] = re.sub(r"\W|None", "", note)
        method = declared.method(within, function.name)
        self._names |= method.names if method else {}
        given: dict[str, set[str]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        given.setdefault(target.id, set()).add(self.of(node.value))
        for name, classes in given.items():
            if len(classes) == 1:
                self._names.setdefault(name, classes.pop())

    def of(self, node: ast.expr) -> str:
        """Its class."""
        match node:
            case ast.Name(id=name):
                found = self._names.get(name, "")
            case ast.Attribute(value=value, attr=attribute):
                owner = self._declared.owner(self.of(value), attribute)
                found = owner.attributes[attribute] if owner else ""
            case ast.Call(
                func=ast.Attribute(attr="cast"), args=[ast.Constant(value=str(found)), _]
            ):
                pass
            case ast.Call(func=ast.Name(id=found)):
                pass
            case ast.Call(func=ast.Attribute(value=value, attr=method)):
                called = self._declared.method(self.of(value), method)
                found = called.returns if called else ""
            case _:
                found = ""
        return found if found in self._declared.classes else ""


def receivers_are_held(root: Path) -> Iterator[str]:
    declared = Declared(root)
    replaced = set(replaced_attributes(root, declared))
    for path in sorted((root / "src").rglob("*.py")):
        if not path.with_suffix(".pxd").exists():
            continue
        for within, function in functions_in(path):
            names = Names(declared, within, function, noted=False)
            for of in methods_called(function):
                for whose, attribute in replaced.intersection(links_of(of, names, declared)):
                    yield (
                        f"{path.relative_to(root)}:{of.lineno}: {ast.unparse(of)}() is called on "
                        f"what {whose}.{attribute} holds, which may be replaced meanwhile: "
                        "give it a name of its own first, then it lives on"
                    )


def functions_in(path: Path) -> Iterator[tuple[str, Function]]:
    """Every function of a file, and the class that it belongs to, if any."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        for one in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(one, Function):
                yield node.name if isinstance(node, ast.ClassDef) else "", one


def links_of(of: ast.Attribute, names: Names, declared: Declared) -> Iterator[tuple[str, str]]:
    """The attributes through which a call in C reaches its receiver, each with its class."""
    receiver = names.of(of.value)
    if declared.method(receiver, of.attr) is None:
        return
    packages = declared.packages(receiver)
    link = of.value
    while isinstance(link, ast.Attribute):
        owner = declared.owner(names.of(link.value), link.attr)
        if owner is None:
            return  # Python's look-up: it holds what it found
        if owner.package in packages:
            yield owner.name, link.attr
        link = link.value


def replaced_attributes(root: Path, declared: Declared) -> Iterator[tuple[str, str]]:
    """Those that are set elsewhere than in constructors and methods that are parts of them."""
    paths = sorted((root / "src").rglob("*.py"))
    functions = [each for path in paths for each in functions_in(path)]
    parts = parts_of_constructors([function for _, function in functions])
    for within, function in functions:
        if within not in declared.classes or function.name not in parts:
            names = Names(declared, within, function, noted=True)
            for target in targets_in(function):
                yield from owners_of(target, names, declared)


def parts_of_constructors(functions: list[Function]) -> set[str]:
    """`__init__`, and methods that nothing calls but these, or on what `__new__` has just made."""
    parts, known = set[str](), {"__init__"}
    while parts != known:
        parts, called, elsewhere = known, set[str](), set[str]()
        for function in functions:
            for of in methods_called(function):
                name = of.value.id if isinstance(of.value, ast.Name) else ""
                own = name == "self" and function.name in parts
                (called if own or name in made_in(function) else elsewhere).add(of.attr)
        known = {"__init__"} | called - elsewhere
    return parts


def made_in(function: Function) -> set[str]:
    """Locals that get what `__new__` makes, and nothing else."""
    given: dict[str, set[bool]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            call = node.value
            made = isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".__new__")
            given.setdefault(node.targets[0].id, set()).add(made)
    return {name for name, kinds in given.items() if kinds == {True}}


def methods_called(function: Function) -> Iterator[ast.Attribute]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func


def targets_in(function: Function) -> Iterator[ast.Attribute]:
    """Attributes that are set or deleted."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node


def owners_of(
    target: ast.Attribute, names: Names, declared: Declared
) -> Iterator[tuple[str, str]]:
    """Whose attribute it is; anybody's of that name, if what it is set on is not known."""
    of = names.of(target.value)
    known = [of] if of else list(declared.classes)
    if not of and isinstance(target.value, ast.Name) and target.value.id == "self":
        known = []
    for name in known:
        owner = declared.owner(name, target.attr)
        if owner is not None:
            yield owner.name, target.attr
