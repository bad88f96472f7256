"""What attaches itself, delayed: it waits whole, goes whole, and what cannot wait is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from engines import epochs_of, handler_table, loop
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping, EMAHandler, Timer
from ignite.handlers.base_logger import BaseLogger
from ignite.handlers.tqdm_logger import ProgressBar
from ignite.metrics import Average

from ignite_delayed import After, AttachError, Gate, Metric, Recorder, delay, delay_attach


def built(*losses: float) -> tuple[Engine, Engine, Recorder]:
    trainer, evaluator = loop(loss=losses or [1.0] * 9)
    return trainer, evaluator, Recorder(trainer, evaluator)


def attached_counts(one: Engine) -> dict[Any, int]:
    return {event: len(entries) for event, entries in handler_table(one).items() if entries}


class Journal(BaseLogger):
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def note(self, engine: Engine, logger: Journal, event: Any) -> None:
        logger.told.append((str(event.name), engine.state.epoch))

    def _create_output_handler(self, *args: Any, **kwargs: Any) -> Any:
        return self.note

    def _create_opt_params_handler(self, *args: Any, **kwargs: Any) -> Any:
        return self.note


def test_a_moving_average_begins_when_the_delay_is_over() -> None:
    trainer, _, recorder = built()
    model = torch.nn.Linear(1, 1)
    ema: Any = EMAHandler(model, momentum=0.5)
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda: torch.nn.init.constant_(model.weight, trainer.state.epoch))
    seen: list[float] = []
    delay_attach(recorder, ema, trainer, name="ema", event=Events.ITERATION_COMPLETED, until=After(epochs=2))
    before = ema.ema_model.weight.item()
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.append(ema.ema_model.weight.item()))
    trainer.run([0], max_epochs=4)
    third = (before + 3) / 2
    assert seen == pytest.approx([before, before, third, (third + 4) / 2])
    assert trainer.state.ema == 0.5  # type: ignore[attr-defined]


def test_a_warming_moving_average_waits_with_its_scheduler() -> None:
    trainer, _, recorder = built()
    ema = EMAHandler(torch.nn.Linear(1, 1), momentum=0.5, momentum_warmup=0.1, warmup_iters=4)
    clean = attached_counts(trainer)
    with delay_attach(recorder, ema, trainer, until=After(epochs=1)):
        assert attached_counts(trainer)[Events.ITERATION_COMPLETED] == clean.get(Events.ITERATION_COMPLETED, 0) + 2
    assert attached_counts(trainer) == clean


def test_a_progress_bar_appears_when_the_delay_is_over() -> None:
    trainer, _, recorder = built()
    clean, out = attached_counts(trainer), io.StringIO()
    handle = delay_attach(recorder, ProgressBar(persist=True, file=out), trainer, until=After(epochs=2))
    trainer.run([0, 0], max_epochs=3)
    text = out.getvalue()
    assert "Epoch [3/3]" in text
    assert "Epoch [1/3]" not in text
    assert "Epoch [2/3]" not in text
    handle.remove()
    handle.remove()
    assert attached_counts(trainer) == clean
    assert recorder.gates == []


def test_a_logger_s_attach_and_its_shortcuts_wait_for_the_record_of_their_event() -> None:
    trainer, evaluator, recorder = built(0.9, 0.4, 0.9, 0.9)
    journal, gate = Journal(), Gate(recorder, until=Metric("loss") < 0.5)
    delay_attach(recorder, journal, trainer, journal.note, Events.EPOCH_COMPLETED | Events.COMPLETED, until=gate)
    delay_attach(recorder, journal.attach_output_handler, evaluator, event_name=Events.COMPLETED, until=gate)
    trainer.run([0], max_epochs=3)
    told = [(event, epoch) for event, epoch in journal.told if event == "EPOCH_COMPLETED"]
    assert told == [("EPOCH_COMPLETED", 2), ("EPOCH_COMPLETED", 3)]
    assert len(journal.told) == 5  # two epochs, two evaluations, the end


def test_tensorboard_is_written_from_then_on(tmp_path: Any) -> None:
    from ignite.handlers import TensorboardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer, _, recorder = built()
    with TensorboardLogger(log_dir=tmp_path) as logger:
        delay_attach(
            recorder,
            logger.attach_output_handler,
            trainer,
            event_name=Events.EPOCH_COMPLETED,
            tag="training",
            output_transform=lambda output: {"epoch": float(trainer.state.epoch)},
            until=After(epochs=2),
        )
        trainer.run([0], max_epochs=4)
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in read.Scalars("training/epoch")] == [3, 4]


def test_filters_and_while_are_kept() -> None:
    trainer, _, recorder = built()
    timer, (seen, note) = Timer(average=True), epochs_of(trainer)

    class Noting:
        def attach(self, engine: Engine) -> None:
            engine.on(Events.EPOCH_COMPLETED(every=2))(note)

    delay_attach(recorder, Noting(), trainer, when=~After(epochs=5))
    delay_attach(recorder, timer, trainer, step=Events.EPOCH_COMPLETED, until=After(epochs=6))
    trainer.run([0], max_epochs=9)
    assert seen == [2, 4]
    assert timer.step_count == 3


def test_what_fails_part_of_the_way_leaves_nothing() -> None:
    trainer, evaluator, recorder = built()

    class Broken:
        def attach(self, engine: Engine) -> None:
            engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: None)
            engine.add_event_handler("no such event", lambda: None)

    clean = attached_counts(trainer)
    with pytest.raises(ValueError, match="no such event"):
        delay_attach(recorder, Broken(), trainer, until=After(epochs=2))
    assert attached_counts(trainer) == clean
    assert recorder.gates == []
    assert "add_event_handler" not in vars(trainer)
    trainer.add_event_handler(Events.COMPLETED, evaluator.terminate)
    assert len(handler_table(trainer)[Events.COMPLETED]) == clean.get(Events.COMPLETED, 0) + 1


def test_twice_is_refused() -> None:
    trainer, _, recorder = built()
    bar = ProgressBar()
    delay_attach(recorder, bar, trainer, until=After(epochs=2))
    clean = attached_counts(trainer)
    with pytest.raises(AttachError, match="is delayed on EPOCH_COMPLETED of this engine already"):
        delay_attach(recorder, bar, trainer, until=After(epochs=2))
    assert attached_counts(trainer) == clean


def test_what_cannot_be_delayed_so_is_refused_with_the_way_that_can() -> None:
    trainer, evaluator, recorder = built()
    bar: Any = ProgressBar()

    class Idle:
        def attach(self, engine: Engine) -> None:
            """Attach nothing."""

    def attach(attachable: Any, one: Any = trainer) -> None:
        delay_attach(recorder, attachable, one, until=After(epochs=1))

    stopping = EarlyStopping(3, lambda engine: 0.0, trainer)
    with pytest.raises(AttachError, match="added no handler to the engine: there is nothing to delay"):
        attach(Idle())
    with pytest.raises(TypeError, match="no metric, which would be computed of part of the data"):
        attach(Average(), evaluator)
    with pytest.raises(TypeError, match=r"delay\(recorder, early_stopping, until=\.\.\.\), unattached"):
        attach(stopping, evaluator)
    with pytest.raises(TypeError, match=r"what has an attach\(engine, \.\.\.\) of its own, got 3"):
        attach(3)
    with pytest.raises(TypeError, match="engine must be an ignite Engine, got 'trainer'"):
        attach(Timer(), "trainer")
    assert recorder.gates == []
    with pytest.raises(TypeError, match=r"handler must be a callable, .*delayed by delay_attach\(recorder, it, engine"):
        delay(recorder, bar, until=After(epochs=1))
