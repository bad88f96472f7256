"""What README.rst shows is run: its doctests, its code blocks, its table entries, and its markup."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Loss

import ignite_delayed
from ignite_delayed import Gate, Metric, Recorder

README = Path(__file__).parent.parent / "README.rst"
TEXT = README.read_text(encoding="utf-8")
BLOCK = re.compile(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)")


def blocks() -> list[str]:
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in BLOCK.findall(TEXT)]


@pytest.fixture
def names(tmp_path: Path) -> dict[str, Any]:
    """The names that the README takes for granted: engines as in any Ignite script."""
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
        "folder": tmp_path,
        "recorder": recorder,
        "recorder_gate": Gate(recorder, until=Metric("accuracy") > 0.9),
        "log_weights": lambda: None,
        "Events": Events,
    }


def test_its_doctests_hold() -> None:
    result = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert result.attempted > 5
    assert result.failed == 0


def test_the_first_example_stops_the_run(names: dict[str, Any]) -> None:
    names["recorder"].remove()
    exec(blocks()[0], names)
    assert 50 < names["trainer"].state.epoch < 200
    shown = r"loss did not improve for 5 evaluations in a row \(patience 5\); best \S+ in epoch \d+, iteration \d+; "
    assert re.fullmatch(shown + r"After\(epochs=50\) open since epoch 51", names["stopper"].reason)


@pytest.mark.parametrize("block", blocks()[1:3])
def test_a_block_attaches_what_it_says_and_the_run_goes_on(block: str, names: dict[str, Any]) -> None:
    exec(block, names)
    names["trainer"].run(names["loader"], max_epochs=3)
    assert len(names["recorder"].history) >= 3


def test_the_range_test_leaves_the_run_as_it_was(names: dict[str, Any]) -> None:
    names |= {name: getattr(ignite_delayed, name) for name in ("Cosine", "warmup")}  # imported by the block before
    exec(blocks()[3], names)
    names["trainer"].run(names["loader"], max_epochs=3)
    assert names["recorder"].history.clock("epoch").tolist() == [1, 2, 3]


def test_the_resume_blocks_save_and_load(names: dict[str, Any]) -> None:
    save, load = blocks()[4:6]
    exec(save, names)
    names["trainer"].run(names["loader"], max_epochs=3)
    epochs = len(names["recorder"].history)
    exec(load, names)
    assert len(names["recorder"].history) == epochs


@pytest.mark.parametrize("block", blocks()[6:8])
def test_a_block_that_watches_runs(block: str, names: dict[str, Any]) -> None:
    exec(block.replace("max_epochs=200", "max_epochs=3"), names)
    assert len(names["recorder"].history) == 3


def test_every_block_was_run() -> None:
    assert len(blocks()) == 8


def conditions() -> Iterator[str]:
    table = TEXT[TEXT.index("     - holds when\n") : TEXT.index("Why has it not started yet?")]
    for row in table.split("   * - ")[2:]:
        *_, example = re.findall(r"     - (.*)", row)
        yield example.strip("`")


@pytest.mark.parametrize("example", list(conditions()))
def test_each_example_of_a_condition_is_one(example: str) -> None:
    from ignite_delayed.conditions import as_condition

    public = {name: getattr(ignite_delayed, name) for name in ignite_delayed.__all__}
    as_condition("example", eval(example, public))
