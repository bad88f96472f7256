"""A small training with one of everything, cut by Ctrl-C at any line of the package, and what resuming makes of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from engines import decided, engine, reporting, through_torch, timeless, unsealed
from ignite.engine import Engine, Events
from lr_runs import sgd, values
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

import ignite_delayed
from ignite_delayed import (
    After,
    Constant,
    Gate,
    Linear,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    adjust_lr,
    delay_early_stopping,
)

OURS = str(Path(ignite_delayed.__file__).parent)
LENGTH, EPOCHS = 3, 12


class Training:
    """Gates that open by a metric and by the clock, phases of every kind, an adjuster, and early stopping."""

    def __init__(self) -> None:
        self.rates: dict[int, Any] = {}
        self.trained = 0
        self.heard: list[str] = []
        self.optimizer, self.other = sgd(1.0), sgd(1.0, 2.0)
        self.trainer = engine(self.step)
        losses = [0.9, 0.8, 0.7, 0.6, 0.65, 0.5, 0.55, 0.6, 0.52, 0.7, 0.8, 0.9]
        self.evaluator = reporting(self.trainer, loss=losses)
        self.recorder = Recorder(self.trainer, self.evaluator, optimizer=self.optimizer)
        loss = Metric("loss")
        self.gates = [
            Gate(self.recorder, until=loss < 0.85, name="low"),
            Gate(self.recorder, when=After(iterations=4) & ~After(iterations=10), name="window"),
            Gate(self.recorder, when=loss < 0.65, name="lower"),
        ]
        self.phases = LRPhases(
            self.recorder,
            self.optimizer,
            [
                Phase(Linear(0.25, 1.0, iterations=4), per="iteration"),
                Phase(Constant(0.8), per="iteration", until=loss < 0.75),
                Phase(lambda optimizer: StepLR(optimizer, 1, 0.9), per="epoch", until=After(epochs=2)),
                Phase(
                    lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=0), monitor="loss", mode="min"
                ),
            ],
        )
        adjust_lr(self.recorder, self.other, {loss < 0.65: 0.5})
        self.stopper = delay_early_stopping(self.recorder, "loss", mode="min", patience=2, until=After(epochs=4))
        for gate in (*self.gates, self.stopper):
            gate.on_open(lambda gate: self.heard.append(f"{gate.name} {gate.opened_at and gate.opened_at.iteration}"))
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: self.evaluator.run([0]))

    def step(self, engine: Engine, batch: Any) -> None:
        self.rates[engine.state.iteration] = values(self.optimizer) + values(self.other)
        self.optimizer.step()
        self.other.step()
        self.trained = engine.state.iteration  # the last line: a batch that was cut off is trained again

    def run(self) -> Training:
        self.trainer.run([0] * LENGTH, max_epochs=EPOCHS)
        return self

    def emergency_state(self) -> Any:
        """What is saved when Ctrl-C has ended the run: the trainer stands after the last batch that was trained."""
        trainer = {"epoch_length": LENGTH, "max_epochs": EPOCHS, "iteration": self.trained}
        optimizers = [self.optimizer.state_dict(), self.other.state_dict()]
        return through_torch([trainer, optimizers, unsealed(self.recorder.state_dict()) | {"iteration": self.trained}])

    def resume(self, before: Training) -> Training:
        """Go on from where ``before`` was cut; an evaluation that is missing there is made first."""
        trainer, optimizers, recorder = before.emergency_state()
        self.rates, self.heard, self.trained = dict(before.rates), list(before.heard), before.trained
        self.trainer.load_state_dict(trainer)
        for optimizer, state in zip((self.optimizer, self.other), optimizers, strict=True):
            optimizer.load_state_dict(state)
        self.recorder.load_state_dict(recorder)
        self.trainer.add_event_handler(Events.STARTED, self.evaluate_again)
        return self.run()

    def evaluate_again(self) -> None:
        iteration = self.trainer.state.iteration
        known = {record.iteration for record in self.recorder.history if not record.is_tick}
        if iteration and iteration % LENGTH == 0 and iteration not in known:
            self.evaluator.run([0])

    def outcome(self) -> dict[str, Any]:
        """All that a run leaves behind, but for the seconds."""
        gates = [*self.gates, self.stopper]
        return {
            "records": timeless(self.recorder.history),
            "marks": decided(self.recorder.history),
            "gates": [(gate.is_open, gate.opened_at and gate.opened_at.iteration) for gate in gates],
            "states": [str(gate.explain()) for gate in gates],
            "switches": [tuple(switch) for switch in self.phases.switches],
            "heard": self.heard,
            "reason": self.stopper.reason,
            "rates": self.rates,
            "left": values(self.optimizer) + values(self.other),
            "end": self.trained,
        }


def lines_of(run: Callable[[], object], cut_at: int | None = None) -> int:
    """How many lines of the package ``run`` comes by; before line ``cut_at``, from 1, it is interrupted."""
    count = 0

    def each_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == cut_at:
                raise KeyboardInterrupt
        return each_line

    def each_call(frame: FrameType, event: str, argument: Any) -> Any:
        return each_line if frame.f_code.co_filename.startswith(OURS) else None

    outer = sys.gettrace()
    sys.settrace(each_call)
    try:
        run()
    finally:
        sys.settrace(outer)
    return count


def differences(cut_at: int, undisturbed: dict[str, Any]) -> list[str]:
    """What is otherwise than in the ``undisturbed`` run where it is cut at a line and resumed elsewhere."""
    return _differences(lambda run: lines_of(run, cut_at), undisturbed)


def differences_after(seconds: float, undisturbed: dict[str, Any]) -> list[str] | None:
    """The same where a timer interrupts it after some ``seconds``, anywhere; ``None`` where it was over before."""
    fired = False

    def interrupted(run: Callable[[], object]) -> None:
        nonlocal fired

        def interrupt(number: int, frame: FrameType | None) -> None:
            nonlocal fired
            fired = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    found = _differences(interrupted, undisturbed)
    return found if fired else None


def _differences(interrupted: Callable[[Callable[[], object]], object], undisturbed: dict[str, Any]) -> list[str]:
    training = Training()
    try:
        interrupted(training.run)
    except KeyboardInterrupt:
        try:
            training = Training().resume(training)
        except Exception as error:  # it is counted, and the study goes on
            return [f"{type(error).__name__}: {error}"]
    outcome = training.outcome()
    return [what for what, expected in undisturbed.items() if outcome[what] != expected]
