"""Damaged states and files: refused by our own errors, and then nothing was changed; or taken, and then they work."""

from __future__ import annotations

import copy
import json
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import engine, evaluate, ignite_early_stopping, reporting, through_json, through_torch, unsealed
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from ignite_delayed import (
    After,
    Between,
    EarlyStop,
    Finite,
    Gate,
    History,
    HistoryError,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Plateau,
    Recorder,
    StateError,
    adjust_lr,
    delay,
    delay_early_stopping,
    stop_when,
)

_LOSSES = [0.9, 0.6, 0.7, 0.4, 0.5, 0.45]
_ODD: list[Any] = [
    None,
    True,
    -1,
    -(2**70),
    2**70,
    2.5,
    math.nan,
    math.inf,
    "x",
    "AAAAAAAAAAA=",
    [],
    {},
    [1, "x"],
    {1: None},
]


class Fuzzed:
    """A run with gates over conditions of every kind, stops, a delayed handler with a state, and rates that move."""

    def __init__(self) -> None:
        self.optimizer, self.scheduled, self.adjusted = (
            torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9) for _ in range(3)
        )
        self.trainer = engine(self.step)
        self.train = reporting(self.trainer, loss=_LOSSES)
        self.val = reporting(self.trainer, loss=_LOSSES[::-1])
        for evaluator in (self.val, self.train):
            evaluate(self.trainer, evaluator)
        self.recorder = Recorder(self.trainer, {"train": self.train, "val": self.val}, optimizer=self.optimizer)
        loss = Metric("val/loss")
        conditions = [
            After(iterations=7),
            loss.mean(2) + loss.ema(0.5) < loss.best("min"),
            (loss < 0.5).then(After(evaluations=4)),
            (loss - Metric("train/loss") > 0).sustained(evaluations=2),
            Between(loss < 0.7, loss > 0.7) | (loss < 0.1).holds(at_least=1, of=3).latched(),
            Plateau("train/loss", mode="min", patience=2) & Finite(loss.slope(3)),
            EarlyStop(loss.change(2), mode="max", patience=9, until=After(epochs=1), while_closed="track"),
        ]
        self.gates = [Gate(self.recorder, when=condition) for condition in conditions]
        self.open = Gate(self.recorder, until=loss < 0.8, name="open")
        self.stopper = delay_early_stopping(self.recorder, "val/loss", mode="min", patience=3, until=After(epochs=1))
        self.stop = stop_when(self.recorder, After(epochs=4))
        stopping: Any = ignite_early_stopping(self.trainer, lambda engine: engine.state.metrics["loss"], 30)
        self.handle = delay(self.recorder, stopping, until=After(epochs=1), engine=self.val)
        self.phases = LRPhases(
            self.recorder,
            self.scheduled,
            [
                Phase(Linear(0.0, 1.0, epochs=1), per="iteration"),
                Phase(lambda optimizer: StepLR(optimizer, 1, 0.9), per="epoch", until=After(epochs=2)),
                Phase(lambda optimizer: ReduceLROnPlateau(optimizer, patience=0), monitor="val/loss", mode="min"),
            ],
        )
        self.adjuster = adjust_lr(self.recorder, self.adjusted, {loss > 0.5: 0.5})

    def step(self, engine: Any, batch: Any) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["params"][0].grad = torch.ones(1)
            optimizer.step()

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.optimizer, self.scheduled, self.adjusted]

    def run(self, epochs: int) -> Fuzzed:
        self.trainer.run([0, 0], max_epochs=epochs)
        return self


PARTS: dict[str, Callable[[Fuzzed], Any]] = {
    "recorder": lambda run: run.recorder,
    "gate": lambda run: run.gates[2],
    "open gate": lambda run: run.open,
    "delay": lambda run: run.handle,
    "early stopping": lambda run: run.stopper,
    "stop": lambda run: run.stop,
    "phases": lambda run: run.phases,
    "adjuster": lambda run: run.adjuster,
    "history": lambda run: run.recorder.history,
}


@pytest.fixture(scope="module")
def saved() -> dict[str, Any]:
    """What each part saves at the end of a run."""
    run = Fuzzed().run(5)
    assert run.stop.stopped_at is not None
    assert run.open.opened_at is not None
    assert run.phases.index == 2
    assert run.adjusted.param_groups[0]["lr"] < 0.1
    return {name: part(run).state_dict() for name, part in PARTS.items()}


def places(state: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every entry of ``state``, at any depth."""
    inner = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(state: Any, path: tuple[Any, ...], *value: Any) -> Any:
    """``state`` with the entry at ``path`` replaced by ``value``, or removed where none is given."""
    state = copy.deepcopy(state)
    place = state
    for step in path[:-1]:
        place = place[step]
    if value:
        place[path[-1]] = value[0]
    else:
        del place[path[-1]]
    return state


def seen(part: Any, run: Fuzzed) -> str:
    """All that loading may change, the seconds left out."""
    state = run.recorder.state_dict() | {"seconds": 0.0}
    extras = [gate.opened_at for gate in run.recorder.gates], run.stopper.reason, run.stop.reason
    optimizers = [(one.state_dict(), one.param_groups, one.defaults) for one in run.optimizers]  # groups, state, bases
    trainer = {name: value for name, value in vars(run.trainer.state).items() if name not in ("times", "dataloader")}
    marked = [run.trainer.should_terminate, run.phases.index, run.phases.switches, run.handle.handler.state_dict()]  # type: ignore[attr-defined]
    return repr((state, extras, optimizers, trainer, marked, part.state_dict() if part is not run.recorder else None))


def load(name: str, state: Any, run: Fuzzed) -> bool:
    """Whether ``state`` was taken by the part ``name`` of ``run``; if not, nothing was changed."""
    part = PARTS[name](run)
    before = seen(part, run)
    try:
        part.load_state_dict(state)
    except StateError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert seen(part, run) == before
        return False
    again = part.state_dict()
    through_torch(again)
    part.load_state_dict(again)
    assert repr(part.state_dict()) == repr(again)
    return True


def damaged(state: Any) -> Iterator[Any]:
    """``state`` with each entry removed, and with each replaced by each odd value."""
    for path in places(state):
        yield changed(state, path)
        for value in _ODD:
            yield changed(state, path, value)


@pytest.mark.parametrize("name", [name for name in PARTS if name != "recorder"])
def test_each_entry_removed_or_retyped(name: str, saved: dict[str, Any]) -> None:
    run = Fuzzed().run(2)
    taken = sum(load(name, state, run) for state in damaged(saved[name]))
    assert load(name, saved[name], run)
    refused = sum(1 for _ in damaged(saved[name])) - taken
    assert refused > taken


@given(st.data())
def test_an_entry_of_the_recorders_state(saved: dict[str, Any], data: Any) -> None:
    """Its parts are tried one by one above; here a few are damaged at once, and what is taken must run on."""
    state = saved["recorder"]
    for _ in range(data.draw(st.integers(1, 3))):
        # Not what is inside a handler's own state: Ignite's EarlyStopping takes anything for a counter.
        ours = [path for path in places(state) if path[0] != "handlers" or len(path) < 3]
        path = data.draw(st.sampled_from(ours))
        state = changed(state, path, *data.draw(st.sampled_from([(), *((value,) for value in _ODD)])))
        if not isinstance(state, dict) or not state:
            break
    run = Fuzzed().run(2)
    if load("recorder", state, run):
        run.stop.reset()
        run.stopper.reset()
        run.run(4)
        run.recorder.state_dict()


@given(st.data())
def test_a_refused_load_leaves_optimizers_trainer_and_handlers_as_they_were(saved: dict[str, Any], data: Any) -> None:
    """Without the checksum, which refuses all of it: a handler may find the damage when others have loaded theirs."""
    state = unsealed(saved["recorder"])
    paths = [path for path in places(state) if path[0] == "handlers" and len(path) > 1]
    for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3, unique=True)):
        try:
            state = changed(state, path, *data.draw(st.sampled_from([(), *((value,) for value in _ODD)])))
        except (LookupError, TypeError):
            continue  # it was within what has been damaged already
    run = Fuzzed().run(2)
    before = seen(run.recorder, run)
    try:
        run.recorder.load_state_dict(state)
    except StateError:
        assert seen(run.recorder, run) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["version"]), inner)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def target() -> Fuzzed:
    return Fuzzed().run(2)


@pytest.mark.parametrize("name", PARTS)
@given(value=json_values, versioned=st.booleans())
def test_random_json_is_refused(target: Fuzzed, name: str, value: Any, versioned: bool) -> None:
    if versioned and isinstance(value, dict):
        value = value | {"version": 1}
    assert not load(name, value, target)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("written") / "run.jsonl"
    return Fuzzed().run(3).recorder.history.save(path).read_bytes()


def read(content: bytes, path: Path) -> History | None:
    """The history that a file of ``content`` has, ``None`` where it is refused."""
    path.write_bytes(content)
    history = History()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a last line that was cut short
            history = History.load(path)
    except HistoryError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert path.name in refusal
        return None
    path.unlink()
    through_json(history.state_dict())
    again = History.load(history.save(path))
    assert repr(list(again)) == repr(list(history))
    return history


def test_each_entry_of_a_file_removed_or_retyped(written: bytes, tmp_path: Path) -> None:
    lines = written.decode().splitlines()
    refused = 0
    for number in (0, 1, 2, len(lines) - 1):
        for line in damaged(json.loads(lines[number])):
            try:
                text = json.dumps(line)
            except (TypeError, ValueError):
                continue
            content = "\n".join([*lines[:number], text, *lines[number + 1 :], ""]).encode()
            refused += read(content, tmp_path / "run.jsonl") is None
    assert refused > 100


@given(st.binary(max_size=60))
def test_a_file_of_random_bytes(written: bytes, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.jsonl"
    assert read(content, path) is None
    header, _, rest = written.partition(b"\n")
    read(header + b"\n" + content, path)
    read(header + b"\n" + content + b"\n" + rest, path)


@given(st.data())
def test_a_file_cut_anywhere_gives_every_whole_record(
    written: bytes, tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    header = written.index(b"\n") + 1
    cut = data.draw(st.integers(header, len(written)))
    history = read(written[:cut], tmp_path_factory.getbasetemp() / "cut.jsonl")
    assert history is not None
    whole = written[:cut].count(b"\n") - 1
    lines = [json.loads(line) for line in written.splitlines()[1 : 1 + whole]]
    complete = cut < len(written) and written[cut : cut + 1] == b"\n"  # all but the end of the line
    assert len(history) - complete <= sum("mark" not in line for line in lines) <= len(history)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 10_000,
        '{"epoch": ' + "9" * 400 + "}",
        '"mark"',
        '["mark"]',
        '{"mark": null}',
        '{"mark": {}}',
        "NaN",
        "\x00",
    ],
)
def test_lines_that_break_parsers(line: str, written: bytes, tmp_path: Path) -> None:
    header, _, rest = written.partition(b"\n")
    assert read(header + b"\n" + line.encode() + b"\n" + rest, tmp_path / "run.jsonl") is None
