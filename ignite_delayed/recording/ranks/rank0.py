"""What one rank saw and the others do not know yet: it is held, belongs to the state, and is handed over to all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple

import ignite.distributed as idist
from ignite.engine import Engine, Events

from ..._utils.checks import check_count, check_name, check_real, describe
from ...errors import DesyncError, StateError
from ..host import attach, detach
from ..notices import Notices
from ..runs.run import TrainerRun
from .agreement import Agreement, mean
from .meeting import Errand

__all__ = ["Evaluation", "Rank0Relay"]

_KEY = "held"


class Evaluation(NamedTuple):
    """What one evaluation measured, and when: not yet a record. Every evaluation is one, on however many ranks."""

    source: str
    values: dict[str, float]
    unusable: dict[str, str]
    epoch: int
    iteration: int
    seconds: float


class Rank0Relay:
    """Holds what rank 0 measured, and hands it over on every rank at the same moment.

    That is the end of EPOCH_COMPLETED, after whoever evaluates there, the end of COMPLETED, and the end of STARTED for
    what was saved before it was handed over; also before anything else is recorded, so that history keeps to the clock.

    Args:
        run: the ranks meet at events of its trainer.
        agreement: what they take an evaluation for, and where they meet.
        deliver: makes a record of an evaluation.
        guard: a context for what may raise.
        notices: who is told of what a saved state has instead.
        alone: whether rank 0 evaluates alone. Otherwise only what a state was saved with is handed over.
    """

    def __init__(
        self,
        run: TrainerRun,
        agreement: Agreement,
        deliver: Callable[[Evaluation], None],
        guard: Callable[[], AbstractContextManager[None]],
        notices: Notices,
        *,
        alone: bool,
    ) -> None:
        self.alone, self._notices = alone, notices
        self._takes_mean = agreement.sync == "mean"
        self._run, self._meeting, self._deliver, self._guard = run, agreement.meeting, deliver, guard
        self._held: list[Evaluation] = []  # known here alone
        self._arrived: list[Evaluation] = []  # known to all, and not recorded yet
        self._loaded = False
        self._last: dict[Any, Any] = {}
        self._attached = ExitStack()
        self._attached.callback(self._leave_end)
        for event in (Events.STARTED, Events.EPOCH_STARTED):
            attach(self._attached, run.trainer, event, self._move_to_end)

    def hold(self, evaluation: Evaluation) -> None:
        """Take an evaluation along.

        Raises:
            DesyncError: on another rank than 0, which was said to evaluate alone.
        """
        first = self._meeting.ranks[0]
        if not self._meeting.is_first:
            raise DesyncError(
                f"evaluate_on='rank0' was given, but rank {idist.get_rank()} evaluates too: run the evaluator on "
                f"rank {first} alone, or leave evaluate_on out"
            )
        self._held.append(evaluation)

    def drop(self, evaluation: Evaluation) -> None:
        """It was recorded, or never can be. A second call does nothing."""
        self._arrived = [one for one in self._arrived if one is not evaluation]

    def forget(self) -> None:
        """A run begins afresh: what is held is of another."""
        self._held, self._arrived, self._loaded = [], [], False

    def meet(self) -> bool:
        """Something is about to be recorded on all ranks: what is held comes before it. Whether there was any."""
        if not (self.alone or self._loaded):
            return False
        self._loaded = False
        errand = Errand(_WHO, "shares the evaluations of rank 0", "shared them", _WHO, self._position(), _ADVICE)
        table = self._meeting.gather(errand, {_KEY: [list(one) for one in self._held]})
        held = [[Evaluation(*fields) for fields in row[_KEY]] for row in table]
        brought = [_average(one, held) for one in held[0]] if self._takes_mean else held[0]
        self._arrived, self._held = [*self._arrived, *brought], []
        some = bool(self._arrived)
        while self._arrived:
            evaluation = self._arrived[0]
            try:
                self._deliver(evaluation)
            except Exception:
                self.drop(evaluation)
                raise
            self.drop(evaluation)
        return some

    def _position(self) -> int:
        iteration: int = self._run.trainer.state.iteration
        return iteration

    # --- when --------------------------------------------------------------------------------------------------

    def _move_to_end(self, engine: Engine) -> None:
        self._leave_end()
        if engine.last_event_name == Events.STARTED:
            self._last[Events.STARTED] = engine.add_event_handler(Events.STARTED, self._on_started)
        if self.alone:
            for event in (Events.EPOCH_COMPLETED, Events.COMPLETED):
                self._last[event] = engine.add_event_handler(event, self._on_end)

    def _on_started(self, engine: Engine) -> None:
        length, iteration = engine.state.epoch_length, engine.state.iteration
        # What was held in the middle of an epoch would have waited for its end, and so it does after a resume.
        if not self.alone or length is None or iteration % length == 0:
            self._on_end(engine)

    def _on_end(self, engine: Engine) -> None:
        with self._guard():
            self.meet()

    def _leave_end(self) -> None:
        while self._last:
            detach(self._last.popitem()[1])

    def remove(self) -> None:
        """Deliver no more."""
        self._attached.close()

    # --- state -------------------------------------------------------------------------------------------------

    def state_dict(self, pending: list[Evaluation]) -> dict[str, Any]:
        """What must be saved, ``pending`` evaluations too: nothing where all was handed over. No collective."""
        if pending and self._takes_mean:
            self._notices.say("own values", _OWN_VALUES)
        held = [one._asdict() for one in (*self._arrived, *self._held, *pending)]
        return {_KEY: held} if held else {}

    def prepare(self, saved: Mapping[str, Any], sources: Mapping[str, Any]) -> Callable[[], None]:
        """Check what was ``saved`` and change nothing; calling what is returned takes over what is of ``sources``.

        Raises:
            StateError: where it is damaged.
        """
        raw = saved.get(_KEY, [])
        if not isinstance(raw, list):
            raise StateError(f"recorder state: {_KEY} must be a list, got {describe(raw)}: it is damaged")
        held = [one for one in map(_restored, raw) if one.source in sources]

        def commit() -> None:
            self._held, self._arrived, self._loaded = held, [], True

        return commit


_OWN_VALUES = (
    "a state is saved at COMPLETED of an evaluator, before the ranks agreed on the mean: it has what this rank "
    "measured, and a run resumed from it takes the mean of what each rank loads. Attach the checkpoint after the "
    "recorder was built"
)
_WHO = "the sharing of what rank 0 evaluated"
_ADVICE = "All ranks must train equally long, and a run that resumes loads the recorder's state on each of them"


def _average(evaluation: Evaluation, held: list[list[Evaluation]]) -> Evaluation:
    """``evaluation`` with the mean of what those ranks that ``held`` it measured."""
    place = evaluation.source, evaluation.iteration
    same = [one.values for of_rank in held for one in of_rank if (one.source, one.iteration) == place]
    if all(values == evaluation.values for values in same):  # loaded from one file
        return evaluation
    names = [name for name in evaluation.values if all(name in values for values in same)]
    return evaluation._replace(values={name: mean([values[name] for values in same]) for name in names})


def _restored(entry: Any) -> Evaluation:
    if not isinstance(entry, Mapping) or entry.keys() != set(Evaluation._fields):
        raise StateError(f"recorder state: a held evaluation is {describe(entry)}: it is damaged")
    try:
        return Evaluation(
            source=_text("source", entry["source"]),
            values={check_name("a metric", name): float(value) for name, value in entry["values"].items()},
            unusable={check_name("a metric", name): _text(name, why) for name, why in entry["unusable"].items()},
            epoch=check_count("epoch", entry["epoch"], least=0),
            iteration=check_count("iteration", entry["iteration"], least=0),
            seconds=check_real("seconds", entry["seconds"], least=0),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise StateError(f"recorder state: a held evaluation is damaged: {error}") from error


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {describe(value)}")
    return value
