"""The layers hold: arrows point one way, studying past runs imports neither torch nor ignite, names resolve lazily."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ignite_delayed

ROOT = Path(ignite_delayed.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# From the bottom to the top: a module imports only from the lines above its own, and from its own room.
# A package is one room; a new one must be given its place here. Imports for annotations, and those inside functions,
# are arrows as well.
LAYERS = """
    errors
    _utils
    history schedules
    conditions
    logs replays recording
    gates
    lr
    status
    loggers plots
    demo
    cli
    __main__
"""
LAYER = {name: number for number, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}

# The recorder's face shows what stands above it: the type of recorder.gates, and recorder.status(), loaded when asked.
UPWARD = {("recording/recorder.py", "gates"), ("recording/recorder.py", "status")}

# Fluent methods build what derives from their class.
CIRCLES = [
    {"conditions/condition.py", "conditions/predicate.py", "conditions/temporal.py"},
    {"conditions/comparison.py", "conditions/expression.py", "conditions/windows.py"},
    {"schedules/base.py", "schedules/composed.py", "schedules/functions.py"},
]

# What needs neither torch nor ignite.
PURE = ("conditions", "schedules", "history", "logs", "replays")


def room(path: Path) -> str:
    """The package, or the module in the root, that ``path`` belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[tuple[str, str]]:
    """What ``path`` imports, as module (ours as ``ignite_delayed.name``) and name; the name is empty for a module."""
    package = ["ignite_delayed", *path.relative_to(ROOT).parts[:-1]]
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found.update((module, alias.name) for alias in node.names)
    return found


def file_of(module: str, name: str) -> str | None:
    """The file of ours that defines ``name`` of ``module``, looked up through the faces of packages."""
    if module.split(".")[0] != "ignite_delayed":
        return None
    path = ROOT.joinpath(*module.split(".")[1:])
    if path.with_suffix(".py").is_file():
        return str(path.with_suffix(".py").relative_to(ROOT))
    if name and (path / f"{name}.py").is_file():
        return str((path / f"{name}.py").relative_to(ROOT))
    for deeper, its in imports(path / "__init__.py") if path != ROOT else ():
        if its == name:
            return file_of(deeper, name)
    return str((path / "__init__.py").relative_to(ROOT))


def arrows(path: Path) -> set[str]:
    """The files of ours that ``path`` knows."""
    files = {file_of(module, name) for module, name in imports(path)}
    return {file for file in files if file is not None} - {str(path.relative_to(ROOT)), "__init__.py"}


def test_every_module_has_its_place() -> None:
    assert {room(path) for path in MODULES} - {"__init__"} - LAYER.keys() == set()


def test_arrows_point_down() -> None:
    up = set()
    for path in MODULES:
        rooms = {room(ROOT / file) for file in arrows(path)} - {room(path)}
        here = str(path.relative_to(ROOT))
        up |= {(here, other) for other in rooms if LAYER[other] >= LAYER[room(path)]}
    assert up == UPWARD


def test_no_two_files_know_each_other_but_those_that_are_named() -> None:
    knows = {str(path.relative_to(ROOT)): arrows(path) for path in MODULES if path.name != "__init__.py"}
    for file in knows:  # what the face of the recorder shows is no part of it
        knows[file] -= {other for other in knows[file] if (file, other.split("/")[0]) in UPWARD}
    reached = {file: reachable(file, knows) for file in knows}
    circles = {frozenset(other for other in reached[file] if file in reached[other]) for file in knows}
    assert sorted(map(sorted, circles - {frozenset()})) == sorted(map(sorted, CIRCLES))


def reachable(start: str, knows: dict[str, set[str]]) -> set[str]:
    """The files that ``start`` knows, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for other in knows.get(waiting.pop(), set()) - found:
            found.add(other)
            waiting.append(other)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_studies_past_runs_imports_neither_torch_nor_ignite(path: Path) -> None:
    if room(path) in (*PURE, "_utils", "errors"):
        assert {module.split(".")[0] for module, _ in imports(path)}.isdisjoint({"torch", "ignite"})


def in_a_fresh_process(code: str) -> str:
    """What ``code`` prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = "print(sorted({'torch', 'ignite', 'numpy', 'matplotlib', 'pandas'} & set(sys.modules)))"


def test_importing_the_package_imports_nothing() -> None:
    code = (
        f"import sys, ignite_delayed; ignite_delayed.__version__, dir(ignite_delayed), ignite_delayed.__all__; {HEAVY}"
    )
    assert in_a_fresh_process(code) == "[]"


def test_past_runs_are_studied_without_torch_and_ignite() -> None:
    code = f"""
import sys
from ignite_delayed import {", ".join(name for name, home in homes().items() if home in PURE)}
import {", ".join(f"ignite_delayed.{name}" for name in PURE)}
history = History(Record(epoch=e, iteration=e, values={{"loss": 1 / e}}) for e in range(1, 20))
assert replay(history, EarlyStop("loss", mode="min", patience=3, until=After(epochs=5))).first is None
assert replay(history, Metric("loss").mean(3) < 0.2).held
warmup(steps=3).then(Cosine(steps=7))
assert not {{'torch', 'ignite'}} & set(sys.modules), set(sys.modules)
print("done")
"""
    assert in_a_fresh_process(code) == "done"


def homes() -> dict[str, str]:
    """The room of each public name, as the stub has it."""
    tree = ast.parse((ROOT / "__init__.pyi").read_text())
    nodes = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in nodes for alias in node.names}


class TestLazyNames:
    def test_each_resolves_to_what_its_room_offers(self) -> None:
        assert sorted(homes()) == sorted(ignite_delayed.__all__)
        for name, room in homes().items():
            home = importlib.import_module(f"ignite_delayed.{room}")
            assert getattr(ignite_delayed, name) is getattr(home, name)
            assert name in home.__all__
        assert set(ignite_delayed.__all__) <= set(dir(ignite_delayed))

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="No ignite_delayed attribute Gat"):
            ignite_delayed.Gat  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("face", sorted(ROOT.rglob("*/__init__.py")), ids=lambda face: str(face.relative_to(ROOT)))
def test_a_room_says_what_is_in_it(face: Path) -> None:
    inside = {path.stem for path in face.parent.glob("*.py")} | {
        path.parent.name for path in face.parent.glob("*/__init__.py")
    }
    documentation = ast.get_docstring(ast.parse(face.read_text())) or ""
    assert inside - {"__init__"} - set(re.findall(r"``(\w+)/?``", documentation)) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_outgrows_some_300_lines_of_code(path: Path) -> None:
    text = path.read_text()
    documented = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            first = node.body[0]
            documented += (first.end_lineno or first.lineno) - first.lineno + 1
    assert len(text.splitlines()) - documented <= 320


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_outgrows_40_lines_of_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body[0]
            assert (node.end_lineno or 0) - first.lineno < 40, node.name
