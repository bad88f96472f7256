"""The table that stays at the bottom of a terminal: on real pseudo-terminals, read from their screens."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from engines import loop
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from terminals import CONTROL, cursor_is_shown, screen, terminal

from ignite_delayed import After, Gate, Metric, Recorder, delay_early_stopping

LOSSES = [0.9, 0.62, 0.45, 0.44, 0.43, 0.5, 0.5, 0.5, 0.5, 0.5]
BELOW = Metric("loss") < 0.5
EPOCHS = "epoch {0} of {1}, iteration {2}, evaluation {0}"


@pytest.fixture(autouse=True)
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each evaluation is shown, however fast they follow each other."""
    monkeypatch.setattr("ignite_delayed.status.live._SECONDS", -1.0)


def watched(gates: int = 1) -> tuple[Engine, Recorder]:
    trainer, evaluator = loop(loss=LOSSES)
    trainer.logger.disabled = True
    recorder = Recorder(trainer, evaluator)
    delay_early_stopping(recorder, "loss", mode="min", patience=2, until=After(epochs=3))
    for number in range(gates):
        Gate(recorder, until=BELOW.sustained(evaluations=number + 2), name=f"low {number}")
    return trainer, recorder


def at_epoch(trainer: Engine, epoch: int, act: Callable[[], Any]) -> None:
    @trainer.on(Events.EPOCH_COMPLETED)
    def there() -> None:
        if trainer.state.epoch == epoch:
            act()


def tables(lines: list[str]) -> list[str]:
    """The titles of the tables among ``lines``."""
    return [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("gates", [0, 9])
class TestWidths:
    def test_one_table_is_left_below_the_events_and_it_is_whole(self, columns: int, gates: int) -> None:
        trainer, recorder = watched(gates)
        with terminal(columns) as (file, written), recorder.status().live(file=file):
            trainer.run([0] * 3, max_epochs=10)
        lines = screen(written[0])
        assert len(tables(lines)) == 1
        top = next(number for number, line in enumerate(lines) if line.startswith("╭"))
        assert all(len(line) == columns and line[0] in "╭│╰" for line in lines[top:])
        events = " ".join(" ".join(lines[:top]).split())
        assert events.startswith("early stopping opened in epoch 4, iteration 12: After(epochs=3)")
        assert "early stopping stopped in epoch 7, iteration 21: loss did not improve" in events
        table = " ".join(" ".join(lines[top:]).replace("│", " ").split())
        assert all(word in table for word in ["stopped", "closed"][: 1 + (gates > 5)])
        assert "…" not in table

    def test_while_it_runs_it_leaves_room_for_what_is_above(self, columns: int, gates: int) -> None:
        trainer, recorder = watched(gates)
        with terminal(columns, lines=24) as (file, _):
            live = recorder.status().live(file=file)
            with live:
                trainer.run([0] * 3, max_epochs=3)
                seen = len(tables_now(live))
        assert seen < 24

    def test_each_row_is_there_while_it_runs(self, columns: int, gates: int) -> None:
        trainer, recorder = watched(gates)
        with terminal(columns, lines=24) as (file, _), recorder.status().live(file=file) as live:
            trainer.run([0] * 3, max_epochs=3)
            shown = [CONTROL.sub("", line) for line in tables_now(live)]
        assert sum(line.startswith(("│ low", "│ early")) for line in shown) == gates + 1


def tables_now(live: Any) -> list[str]:
    """The lines that ``live`` has pinned."""
    board = live._display._board  # noqa: SLF001 - what is on the screen at this moment
    console = board._console  # noqa: SLF001
    return ["".join(part.text for part in line) for line in console.render_lines(board)]


class TestWhileItRuns:
    def test_each_evaluation_is_shown_in_place(self) -> None:
        trainer, recorder = watched()
        with terminal() as (file, written), recorder.status().live(file=file):
            trainer.run([0] * 3, max_epochs=3)
        for epoch in (1, 2, 3):
            assert EPOCHS.format(epoch, 3, 3 * epoch) in CONTROL.sub("", written[0])
        assert tables(screen(written[0])) == [EPOCHS.format(3, 3, 9)]

    def test_more_rows_than_lines_are_counted(self) -> None:
        trainer, recorder = watched(30)
        with terminal(lines=12) as (file, _), recorder.status().live(file=file) as live:
            trainer.run([0] * 3, max_epochs=3)
            shown = tables_now(live)
        assert len(shown) <= 12
        assert any("and 25 more" in line for line in shown)

    def test_names_cannot_write_into_the_terminal(self) -> None:
        trainer, recorder = watched()
        Gate(recorder, until=BELOW, name="evil\x1b[2J\nname")
        with terminal() as (file, written), recorder.status().live(file=file):
            trainer.run([0] * 3, max_epochs=3)
        assert "\x1b[2J" not in written[0]
        assert r"evil\x1b[2J\nname opened in epoch 3" in written[0]

    def test_what_is_printed_and_logged_passes_above(self, monkeypatch: pytest.MonkeyPatch) -> None:
        trainer, recorder = watched()
        with terminal() as (file, written):
            monkeypatch.setattr(sys, "stdout", file)
            handler = logging.StreamHandler(file)
            logger = logging.getLogger("of the user")
            logger.addHandler(handler)
            at_epoch(trainer, 2, lambda: print("printed", "words", end=" and more\n"))
            at_epoch(trainer, 2, lambda: print("no line", end="", flush=True))
            at_epoch(trainer, 3, lambda: logger.warning("logged"))
            with recorder.status().live(file=file):
                trainer.run([0] * 3, max_epochs=3)
            assert (sys.stdout, handler.stream) == (file, file)
            logger.removeHandler(handler)
            print("afterwards")
        lines = screen(written[0])
        assert lines[:3] == ["printed words and more", "no line", "logged"]
        assert len(tables(lines)) == 1
        assert lines[-1] == "afterwards"

    def test_streams_that_are_elsewhere_are_left_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        trainer, recorder = watched()
        at_epoch(trainer, 2, lambda: print("into a file"))
        before = sys.stdout, sys.stderr
        with terminal() as (file, written), recorder.status().live(file=file):
            assert (sys.stdout, sys.stderr) == before
            trainer.run([0] * 3, max_epochs=3)
        assert capsys.readouterr().out == "into a file\n"
        assert "into a file" not in written[0]

    def test_a_forked_process_writes_as_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        trainer, recorder = watched()
        with terminal() as (file, written):
            monkeypatch.setattr(sys, "stdout", file)

            def fork() -> None:
                child = os.fork()
                if child == 0:
                    print("of a worker", flush=True)
                    os._exit(0)
                os.waitpid(child, 0)

            at_epoch(trainer, 2, fork)
            with recorder.status().live(file=file):
                trainer.run([0] * 3, max_epochs=3)
        assert written[0].count("of a worker") == 1


class TestEnds:
    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
    def test_whatever_ends_the_run_the_terminal_is_as_it_was(
        self, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trainer, recorder = watched()

        @trainer.on(Events.ITERATION_STARTED(once=5))
        def fail() -> None:
            raise error

        with terminal() as (file, written):
            monkeypatch.setattr(sys, "stderr", file)
            with pytest.raises(error), recorder.status().live(file=file):
                trainer.run([0] * 3, max_epochs=4)
            assert sys.stderr is file
            file.write("prompt")
        lines = screen(written[0])
        assert tables(lines) == ["epoch 2 of 4, iteration 5, evaluation 1"]
        assert lines[-1] == "prompt"
        assert cursor_is_shown(written[0])

    def test_the_cursor_is_never_away_for_long(self) -> None:
        trainer, recorder = watched()
        shown: list[bool] = []
        with terminal() as (file, written), recorder.status().live(file=file):
            trainer.run([0], max_epochs=1)
            file.flush()
        shown = [cursor_is_shown(written[0][: written[0].index("evaluation 1")])]
        assert shown == [True]

    def test_nothing_is_pinned_before_a_run_and_nothing_stays_where_there_was_none(self) -> None:
        _, recorder = watched()
        with terminal() as (file, written), recorder.status().live(file=file):
            pass
        assert written[0] == ""

    def test_runs_that_follow_and_resume_share_the_table(self) -> None:
        trainer, recorder = watched()
        state: dict[str, Any] = {}
        with terminal() as (file, written), recorder.status().live(file=file):
            trainer.run([0] * 3, max_epochs=2)
            state |= {"trainer": trainer.state_dict(), "recorder": recorder.state_dict()}
            trainer.state.max_epochs = None
            trainer.run([0] * 3, max_epochs=3)
        assert tables(screen(written[0])) == [EPOCHS.format(3, 3, 9)]
        resumed, its_recorder = watched()
        resumed.load_state_dict(state["trainer"])
        its_recorder.load_state_dict(state["recorder"])
        resumed.state.max_epochs = 4
        with terminal() as (file, written), its_recorder.status().live(file=file):
            resumed.run([0] * 3)
        assert tables(screen(written[0])) == [EPOCHS.format(4, 4, 12)]


class TestTwoRecorders:
    def test_one_terminal_has_the_tables_of_both_and_each_is_left(self) -> None:
        (first, its), (second, other) = watched(), watched()
        with terminal() as (file, written), its.status().live(file=file):
            first.run([0] * 3, max_epochs=2)
            with other.status().live(file=file) as live:
                second.run([0] * 3, max_epochs=3)
                assert [line.strip("╭╮─ ") for line in tables_now(live) if line.startswith("╭")] == [
                    EPOCHS.format(2, 2, 6),
                    EPOCHS.format(3, 3, 9),
                ]
            first.state.max_epochs = None
            first.run([0] * 3, max_epochs=4)
        assert tables(screen(written[0])) == [EPOCHS.format(3, 3, 9), EPOCHS.format(4, 4, 12)]

    def test_a_second_one_of_a_recorder_replaces_the_first(self) -> None:
        trainer, recorder = watched()
        with terminal() as (file, written), recorder.status().live(file=file), recorder.status().live(file=file):
            trainer.run([0] * 3, max_epochs=2)
        assert tables(screen(written[0])) == [EPOCHS.format(2, 2, 6)]


class TestProgressBars:
    def test_beside_ignites_bar_panels_are_printed_as_ever(self) -> None:
        trainer, recorder = watched()
        with terminal() as (file, written):
            ProgressBar(file=file, mininterval=0, persist=True).attach(trainer)
            with recorder.status().live(file=file):
                trainer.run([0] * 3, max_epochs=5)
        shown = [line.rpartition("\r")[2] for line in CONTROL.sub("", written[0]).split("\n")]
        assert tables(shown) == ["epoch 1 of 5 begins", EPOCHS.format(4, 5, 12), EPOCHS.format(5, 5, 15)]
        assert "\x1b[?25l" not in written[0]

    def test_a_bar_that_comes_later_takes_the_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tqdm = pytest.importorskip("tqdm", reason="needs the extra progress").tqdm
        trainer, recorder = watched()
        with terminal() as (file, written):
            monkeypatch.setattr(sys, "stderr", file)
            at_epoch(trainer, 2, lambda: list(tqdm(range(2), mininterval=0)))
            with recorder.status().live(file=file):
                trainer.run([0] * 3, max_epochs=5)
                assert sys.stderr is file
        lines = screen(written[0])
        assert "2/2" in lines[0]  # where the table was
        assert tables(lines) == [EPOCHS.format(4, 5, 12), EPOCHS.format(5, 5, 15)]
