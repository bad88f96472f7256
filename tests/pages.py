"""What pages show, found in them: blocks of Python, by section, and the names that they take for granted.

A block runs with the engines of any Ignite script, which ``world`` gives; those of one section run one after another.
Its ``:class:`` says what else it is: a ``whole`` script, which needs nothing; the ``next`` part of what ran before,
whatever the section; or ``shown`` only, because it needs what the tests do not have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ignite.engine import Engine, Events
from ignite.metrics import Loss

from ignite_delayed import Recorder

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.rst", ROOT / "README.zh-CN.rst", *sorted((ROOT / "docs").glob("*.rst"))]

_TITLE = re.compile(r"^(?P<title>\S.*)\n(?:-{3,}|={3,})$", flags=re.MULTILINE)
_BLOCK = re.compile(
    r"^\.\. code-block:: python\n(?:   :class: (?P<kind>\w+)\n)?\n(?P<code>(?:    .*\n|\n)+)", flags=re.MULTILINE
)


class Block(NamedTuple):
    """A block of Python on a page: its kind, its section, where it begins, and the code."""

    kind: str
    section: str
    line: int
    code: str

    def run(self, path: Path, names: dict[str, Any]) -> None:
        """Execute it; an error names the line of the page."""
        exec(compile("\n" * (self.line - 1) + self.code, str(path), "exec"), names)


def page_id(path: Path) -> str:
    """A page as tests name it."""
    return str(path.relative_to(ROOT))


def blocks(path: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    titles = [(match.start(), match["title"]) for match in _TITLE.finditer(text)]
    found = []
    for match in _BLOCK.finditer(text):
        section = [title for start, title in titles if start < match.start()][-1]
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(match["kind"] or "", section, line, re.sub(r"^    ", "", match["code"], flags=re.MULTILINE)))
    return found


def runs(path: Path) -> list[list[Block]]:
    """The blocks of a page that run, in groups that share their names."""
    groups: list[list[Block]] = []
    for block in blocks(path):
        if block.kind == "shown":
            continue
        follows = groups and block.kind != "whole" and block.section == groups[-1][-1].section
        if block.kind == "next" or follows:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def world(folder: Path) -> dict[str, Any]:
    """The names that blocks take for granted, above all the engines; ``folder`` is for files."""
    torch.manual_seed(0)
    inputs = torch.randn(32, 4)
    loader = [(inputs[i : i + 8], inputs[i : i + 8].sum(1, keepdim=True)) for i in range(0, 32, 8)]
    model, loss = torch.nn.Linear(4, 1), torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)

    def train(engine: Engine, batch: tuple[torch.Tensor, torch.Tensor]) -> float:
        optimizer.zero_grad()
        error = loss(model(batch[0]), batch[1])
        error.backward()
        optimizer.step()
        return float(error.item())

    def evaluate(engine: Engine, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[Any, torch.Tensor]:
        with torch.no_grad():
            return model(batch[0]), batch[1]

    trainer, evaluator = Engine(train), Engine(evaluate)
    Loss(loss).attach(evaluator, "loss")
    evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update(accuracy=0.5))
    recorder = Recorder(trainer, evaluator)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(loader))
    return {
        "model": model,
        "optimizer": optimizer,
        "trainer": trainer,
        "evaluator": evaluator,
        "loader": loader,
        "folder": folder,
        "recorder": recorder,
        "log_weights": lambda: None,
        "handler": lambda: None,
        "Events": Events,
    }
