"""The layers hold: arrows point one way, studying past runs imports neither torch nor ignite, names resolve lazily."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ignite_delayed

ROOT = Path(ignite_delayed.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# From the bottom to the top: a module imports only from the lines above its own, and from its own room.
# A package is one room; a new one must be given its place here.
LAYERS = """
    errors
    _utils
    history schedules
    conditions
    replays recording
    gates
    lr
    status
    loggers plots
    demo
    cli
    __main__
"""
LAYER = {name: number for number, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}

# What needs neither torch nor ignite; the layers below them need them even less.
PURE = ("conditions", "schedules", "history", "replays")


def component(path: Path) -> str:
    """The module or package that ``path`` belongs to, by the name that it has in the package."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of ``tree`` outside of ``if TYPE_CHECKING``: annotations are no arrows."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from runtime_nodes(child)


def imports(path: Path) -> set[str]:
    """What ``path`` imports, in functions too: absolute names, our own as ``ignite_delayed.name``."""
    package = ["ignite_delayed", *path.relative_to(ROOT).parts[:-1]]
    found: set[str] = set()
    for node in runtime_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = [*base, *(node.module or "").split(".")] if node.module else base
            if full == ["ignite_delayed"]:
                found.update(f"ignite_delayed.{alias.name}" for alias in node.names)
            else:
                found.add(".".join(full))
    return found


def ours(path: Path) -> set[str]:
    """The components of the package that ``path`` imports, its own left out."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("ignite_delayed.")}
    return names - {component(path), "__version__"}


def test_every_module_has_its_place() -> None:
    assert {component(path) for path in MODULES} - {"__init__"} - LAYER.keys() == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_down(path: Path) -> None:
    name = component(path)
    if name == "__init__":
        assert ours(path) == set()  # it resolves names when they are used
        return
    up = {other for other in ours(path) if other != "__init__" and LAYER[other] > LAYER[name]}
    assert up == set(), f"{name} imports {up}, which stand above it"


def test_within_a_layer_nothing_goes_round() -> None:
    arrows: dict[str, set[str]] = {}
    for path in MODULES:
        arrows.setdefault(component(path), set()).update(ours(path))

    def below(name: str, seen: tuple[str, ...]) -> None:
        assert name not in seen, f"{' -> '.join([*seen, name])} goes round"
        for other in arrows.get(name, ()):
            below(other, (*seen, name))

    for name in arrows:
        below(name, ())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_studies_past_runs_imports_neither_torch_nor_ignite(path: Path) -> None:
    if component(path) in (*PURE, "_utils", "errors"):
        assert {name.split(".")[0] for name in imports(path)}.isdisjoint({"torch", "ignite"})


def in_a_fresh_process(code: str) -> str:
    """What ``code`` prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
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
