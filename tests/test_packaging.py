from __future__ import annotations

import ast
import configparser
import functools
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ignite_delayed

ROOT = Path(__file__).resolve().parent.parent
NAME = "ignite-delayed"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# A GPU build of torch brings these, each pinned by torch.
CUDA = ("nvidia-", "cuda-", "triton")


@functools.cache
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line.strip()]


def extras() -> dict[str, list[Requirement]]:
    return {extra: requirements(text) for extra, text in setup_cfg()["options.extras_require"].items()}


def pins(python: str) -> dict[str, str]:
    """The version that constraints.txt holds each name to, on that Python."""
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(requirement.specifier)), line
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice on Python {python}"
            found[name] = str(requirement.specifier).removeprefix("==")
    return found


def package_files() -> list[Path]:
    return sorted((ROOT / "ignite_delayed").rglob("*.py"))


def strings(path: Path) -> list[str]:
    """The strings of a module, those written in pieces already joined."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_readme_and_ci_give_the_same_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line.strip() for line in script.splitlines() if re.search(r"^[^#]*-m venv .* -m pytest", line)]
    assert len(commands) == 1, commands
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    assert commands[0] in [line.strip() for line in readme.splitlines()]


def test_ci_alone_runs_the_tests_that_need_the_peers() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "install -c constraints.txt -e '.[peers]' && .venv/bin/python -m pytest tests/peers\n" in script
    assert "peers" not in {listed.name for extra in ("dev", "test") for listed in extras()[extra]}


@pytest.mark.skipif(os.name == "nt", reason="no execute permission")
def test_ci_is_executable_and_parses() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    bash = shutil.which("bash")
    if bash is not None:
        subprocess.run([bash, "-n", script], check=True)


def test_the_wheel_carries_the_stub_that_names_are_resolved_by() -> None:
    assert "*.pyi" in setup_cfg()["options.package_data"]["ignite_delayed"]
    assert "__init__.pyi" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_workflow_runs_ci_on_every_supported_python() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"run: (.*)", text) == ["bash .ci/run"]
    assert re.findall(r'"(3\.\d+)"', text) == list(PYTHONS)
    classifiers = setup_cfg()["metadata"]["classifiers"]
    assert re.findall(r":: (3\.\d+)$", classifiers, flags=re.MULTILINE) == list(PYTHONS)


def test_the_version_is_a_literal_that_setuptools_reads_without_importing() -> None:
    assert setup_cfg()["metadata"]["version"] == "attr: ignite_delayed.__version__"
    tree = ast.parse((ROOT / "ignite_delayed" / "__init__.py").read_text(encoding="utf-8"))
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "__version__"
    ]
    assert len(values) == 1
    assert ast.literal_eval(values[0]) == ignite_delayed.__version__


def test_the_version_is_that_of_the_installed_metadata() -> None:
    try:
        installed = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        pytest.skip("runs from a source tree that is not installed")
    assert installed == ignite_delayed.__version__


def test_every_extra_that_is_named_exists() -> None:
    texts = [text for path in package_files() for text in strings(path)]
    texts += [path.read_text(encoding="utf-8") for path in ROOT.glob("*.rst")]
    named = {extra for text in texts for extra in re.findall(r"needs the [\"'`]*([\w-]+)[\"'`]* extra", text)}
    for text in texts:
        for group in re.findall(rf"(?:{NAME}|\.)\[([a-z][a-z, -]*)\]", text):
            named |= {extra.strip() for extra in group.split(",")}
    assert named <= extras().keys()


def test_no_extra_is_left_out_of_the_pins() -> None:
    required = requirements(setup_cfg()["options"]["install_requires"])
    required += [requirement for listed in extras().values() for requirement in listed]
    for python in PYTHONS:
        pinned = pins(python)
        for requirement in required:
            if requirement.name == NAME:
                assert requirement.extras <= extras().keys(), requirement
            elif requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
                assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_torch_is_pinned_without_the_suffix_of_a_build() -> None:
    assert pins("3.11")["torch"] == "2.13.0"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems install a few packages of their own")
def test_what_the_requirements_bring_along_is_pinned_too() -> None:
    pinned = pins(f"{sys.version_info.major}.{sys.version_info.minor}")
    required = requirements(setup_cfg()["options"]["install_requires"])
    waiting = required + [requirement for listed in extras().values() for requirement in listed]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        wanted = frozenset(requirement.extras or {""})
        if (name, wanted) in seen or name == NAME or name.startswith(CUDA):
            continue
        seen.add((name, wanted))
        try:
            brings = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        assert name in pinned
        waiting += [
            further
            for further in map(Requirement, brings)
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in wanted)
        ]
