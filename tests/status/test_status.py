from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from engines import handler_table, loop
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from nbclient import NotebookClient
from ranks import on_ranks
from rich.console import Console
from terminals import CONTROL, terminal

from ignite_delayed import (
    After,
    Constant,
    Gate,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    Status,
    adjust_lr,
    delay_early_stopping,
    stop_when,
)

LOSSES = [0.9, 0.62, 0.45, 0.44, 0.43, 0.5, 0.5, 0.5, 0.5, 0.5]
BELOW = Metric("loss") < 0.5


ALIVE: list[Engine] = []  # a recorder does not keep its trainer


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    ALIVE.clear()


def trained(epochs: int, **attached: Any) -> tuple[Engine, Recorder]:
    """A trainer and its recorder, to be run for so many epochs of LOSSES."""
    trainer, evaluator = loop(loss=LOSSES)
    recorder = Recorder(trainer, evaluator)
    ALIVE.append(trainer)
    for attach in attached.values():
        attach(recorder)
    trainer.run([0] * 3, max_epochs=epochs)
    return trainer, recorder


def rows(recorder: Recorder) -> dict[str, tuple[str, str]]:
    """State and text of each row of the plain status, by name."""
    lines = [line.strip() for line in str(recorder.status()).splitlines() if line.startswith("  ")]
    return {name: (state, text) for name, state, text in (re.split(r"  +", line, maxsplit=2) for line in lines)}


def handlers(*engines: Engine) -> int:
    return sum(len(attached) for engine in engines for attached in handler_table(engine).values())


class TestPlainText:
    def test_before_the_run(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        assert str(recorder.status()) == "not started\n  no gates"
        Gate(recorder, until=After(epochs=5), name="late")
        assert str(recorder.status()) == "not started\n  late  closed  After(epochs=5)"

    def test_clock_and_last_values_come_first(self) -> None:
        _, recorder = trained(2)
        assert str(recorder.status()).splitlines()[:2] == ["epoch 2 of 2, iteration 6, evaluation 2", "loss 0.62"]

    def test_gates(self) -> None:
        _, recorder = trained(
            4,
            first=lambda r: Gate(r, until=BELOW, name="opened"),
            second=lambda r: Gate(r, until=BELOW.sustained(evaluations=3), name="waits"),
            third=lambda r: Gate(r, when=BELOW, name="follows"),
        )
        assert rows(recorder) == {
            "opened": ("open", "since epoch 3: Metric('loss') < 0.5"),
            "waits": ("closed", "loss 0.44, needs < 0.5 for 3, has 2"),
            "follows": ("open", "since epoch 3: while Metric('loss') < 0.5"),
        }

    @pytest.mark.parametrize(
        ("epochs", "while_closed", "state", "text"),
        [
            (2, "ignore", "closed", "epoch 2, needs > 3"),
            (2, "track", "closed", "epoch 2, needs > 3; best 0.62 in epoch 2"),
            (2, "count", "closed", "epoch 2, needs > 3; loss: patience 2 of 2 left, best 0.62 in epoch 2"),
            (6, "ignore", "counting", "loss: patience 1 of 2 left, best 0.43 in epoch 5"),
        ],
    )
    def test_patience(self, epochs: int, while_closed: Any, state: str, text: str) -> None:
        def attach(recorder: Recorder) -> None:
            until = After(epochs=3)
            delay_early_stopping(
                recorder, "loss", mode="min", patience=2, until=until, while_closed=while_closed, name="early"
            )

        assert rows(trained(epochs, early=attach)[1]) == {"early": (state, text)}

    def test_a_stop_says_why(self) -> None:
        trainer, recorder = trained(
            10, early=lambda r: delay_early_stopping(r, "loss", mode="min", patience=2, name="s")
        )
        [(state, text)] = rows(recorder).values()
        assert trainer.state.epoch == 7
        assert (state, text) == ("stopped", f"in epoch 7: {vars(trainer.state)['stop_reason']}")

    def test_a_stop_on_a_condition_is_open_until_it_stopped(self) -> None:
        assert rows(trained(2, stop=lambda r: stop_when(r, BELOW))[1]) == {"stop": ("open", "loss 0.62, needs < 0.5")}

    def test_phases_and_their_rates(self) -> None:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.25)
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        LRPhases(
            recorder,
            optimizer,
            [
                Phase(Constant(1.0, epochs=1), per="epoch"),
                Phase(Constant(0.5), per="epoch", until=BELOW.sustained(evaluations=2)),
                Phase(None, until=After(epochs=1)),
                Phase(Constant(0.5), per="epoch", until=After(epochs=2)),
            ],
        )
        told: list[tuple[str, str]] = []
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: told.append(rows(recorder)["lr"]))
        trainer.run([0], max_epochs=9)
        assert told[0][0] == "phase 1 of 4"
        assert told[1] == (
            "phase 2 of 4",
            "lr 0.125: Constant(0.5) per epoch, until: loss 0.62, needs < 0.5 for 2, has 0",
        )
        assert told[2][1].endswith("needs < 0.5 for 2, has 1")
        assert told[3] == ("phase 3 of 4", "lr 0.125: left alone, until: epoch 0, needs > 1")
        assert told[-1] == ("ended", "lr 0.125, stays; all 4 phases done")

    def test_adjusted_rates(self) -> None:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.25)
        _, recorder = trained(1, adjust=lambda r: adjust_lr(r, optimizer, {Metric("loss") > 0.8: 0.5}))
        assert rows(recorder) == {"adjust lr": ("adjusting", "lr 0.125: times 0.5 when Metric('loss') > 0.8")}

    def test_it_is_read_anew_each_time(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        status = Recorder(trainer, evaluator).status()
        assert str(status).startswith("not started")
        trainer.run([0], max_epochs=1)
        assert str(status).startswith("epoch 1 of 1")
        assert repr(status) == str(status)


def panel(recorder: Recorder, width: int, encoding: str = "utf-8") -> str:
    """The panel as text of so many columns, written in that encoding."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=file, width=width, color_system=None).print(recorder.status())
    file.flush()
    return raw.getvalue().decode(encoding)


class TestPanel:
    def attach(self, recorder: Recorder) -> None:
        Gate(recorder, until=After(epochs=4) & BELOW, name="[red]late[/]")
        Gate(recorder, until=BELOW.sustained(evaluations=4), name="low")

    @pytest.mark.parametrize("width", [40, 80, 120])
    def test_it_fits_and_loses_no_word(self, width: int) -> None:
        lines = panel(trained(3, gates=self.attach)[1], width).splitlines()
        assert {len(line) for line in lines} == {width}
        words = " ".join(" ".join(lines).replace("│", " ").split())
        for word in ("epoch 3 of 3", "loss 0.45", "late", "low", "closed", "needs"):
            assert word in words

    def test_names_are_no_markup(self) -> None:
        assert "[red]late[/]" in panel(trained(1, gates=self.attach)[1], 120)

    def test_wide_ones_have_bars_told_by_shape(self) -> None:
        _, recorder = trained(3, gates=self.attach)
        assert "━━╌╌╌╌╌╌" in panel(recorder, 120)  # 1 of 4
        assert "╌" not in panel(recorder, 80)

    def test_ascii_terminals_get_ascii(self) -> None:
        text = panel(trained(3, gates=self.attach)[1], 120, encoding="ascii")
        assert "##......" in text


class TestHtml:
    def test_a_row_for_each_gate_and_all_of_it_escaped(self) -> None:
        _, recorder = trained(2, gates=lambda r: Gate(r, until=BELOW.sustained(evaluations=4), name="<b>&"))
        html = recorder.status()._repr_html_()
        assert "&lt;b&gt;&amp;" in html
        assert "<b>&" not in html
        assert "loss 0.62, needs &lt; 0.5 for 4, has 0" in html
        assert '<progress value="0" max="4"' in html
        assert "color" not in html.replace("color: inherit", "")  # the notebook's own theme decides


@pytest.fixture(autouse=True)
def common_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def live_run(file: Any, epochs: int = 10, bar: bool = False, every: int | None = None) -> None:
    """Without ``with``, in which a terminal would have it pinned (tests/status/test_pinned.py)."""
    trainer, evaluator = loop(loss=LOSSES)
    recorder = Recorder(trainer, evaluator)
    delay_early_stopping(recorder, "loss", mode="min", patience=2, until=After(epochs=3))
    Gate(recorder, until=BELOW.sustained(evaluations=2), name="low")
    if bar:
        ProgressBar(file=file, mininterval=0, persist=True).attach(trainer)
    live = recorder.status().live(file=file, every=every)
    trainer.run([0] * 3, max_epochs=epochs)
    live.remove()


class TestLiveInATerminal:
    def test_a_panel_at_the_beginning_at_each_change_and_at_the_end(self) -> None:
        with terminal() as (file, written):
            live_run(file, epochs=5)
        titles = re.findall(r"╭─ (.*?) ─", CONTROL.sub("", written[0]))
        epoch = "epoch {0} of 5, iteration {1}, evaluation {0}".format
        assert titles == ["epoch 1 of 5 begins", epoch(4, 12), epoch(5, 15)]

    def test_every_few_evaluations_if_asked(self) -> None:
        with terminal() as (file, written):
            live_run(file, epochs=3, every=1)
        assert CONTROL.sub("", written[0]).count("╭─") == 4

    def test_colours_stand_beside_words_and_go_with_no_color(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with terminal() as (file, written):
            live_run(file)
        assert "\x1b[33mclosed" in written[0]
        assert "\x1b[1;31mstopped" in written[0]
        monkeypatch.setenv("NO_COLOR", "1")
        with terminal() as (file, written):
            live_run(file)
        assert set(re.findall(r"\x1b\[([0-9;]*)m", written[0])) <= {"0", "1", "2"}  # plain, bold, dim
        assert "closed" in written[0]
        assert "stopped" in written[0]

    def test_beside_a_progress_bar_each_line_stays_whole(self) -> None:
        with terminal() as (file, written):
            live_run(file, bar=True)
        lines = CONTROL.sub("", written[0]).split("\n")
        # What a terminal shows of a line is what follows the last return to its beginning.
        shown = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
        panels = [line for line in shown if line[:1] in set("╭│╰")]
        assert panels
        assert all(len(line) == 100 and line[-1] in "╮│╯" for line in panels)
        bars = [line for line in shown if "Epoch [" in line]
        assert len(bars) == 7
        assert all(line.startswith("Epoch [") and "100%" in line for line in bars)
        assert set(shown) - set(panels) - set(bars) <= {"", " " * 100}

    def test_without_rich_it_gets_plain_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "rich", None)  # Python's way to say: not installed
        with terminal() as (file, written):
            live_run(file)
            trained(1)[1].status().show(file)
        assert written[0].count("\n") == 3 + 3
        assert "\x1b" not in written[0]

    def test_a_dumb_one_gets_plain_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "dumb")
        with terminal() as (file, written):
            live_run(file)
        assert written[0].count("\n") == 3


class TestLiveElsewhere:
    def test_a_file_gets_a_line_for_each_change(self) -> None:
        file = io.StringIO()
        live_run(file)
        why = "Metric('loss') < 0.5"
        opened, low, stopped = file.getvalue().splitlines()
        assert opened == "early stopping opened in epoch 4, iteration 12: After(epochs=3)"
        assert low == f"low opened in epoch 4, iteration 12: ({why}).sustained(evaluations=2)"
        assert stopped.startswith(
            "early stopping stopped in epoch 7, iteration 21: loss did not improve for 2 evaluations"
        )

    def test_without_control_codes_or_rich(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "rich", None)
        monkeypatch.setitem(sys.modules, "rich.console", None)
        file = io.StringIO()
        live_run(file)
        assert file.getvalue().count("\n") == 3
        assert not re.search(r"[^\n -~]", file.getvalue())

    def test_beside_a_progress_bar_in_the_same_file(self) -> None:
        file = io.StringIO()
        live_run(file, bar=True)
        shown = [line.rpartition("\r")[2] for line in file.getvalue().split("\n")]
        assert sum(line.startswith(("early stopping ", "low ")) for line in shown) == 3

    def test_standard_error_by_default(self, capsys: pytest.CaptureFixture[str]) -> None:
        live_run(None)
        assert capsys.readouterr().err.count("\n") == 3

    def test_shown_once_it_is_plain_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        _, recorder = trained(2)
        recorder.status().show()
        assert capsys.readouterr().out == f"{recorder.status()}\n"

    def test_a_second_one_replaces_the_first(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=BELOW, name="low")
        first, second = io.StringIO(), io.StringIO()
        recorder.status().live(file=first)
        recorder.status().live(file=second)
        trainer.run([0], max_epochs=5)
        assert (first.getvalue().count("\n"), second.getvalue().count("\n")) == (0, 1)

    def test_every_is_a_count(self) -> None:
        with pytest.raises(ValueError, match="every must be"):
            trained(1)[1].status().live(every=0)


def lines_written() -> int:
    file = io.StringIO()
    live_run(file)
    return file.getvalue().count("\n")


def test_of_several_processes_the_first_writes(tmp_path: Path) -> None:
    assert on_ranks(2, lines_written, folder=tmp_path) == [("returned", 3), ("returned", 0)]


class TestCost:
    def test_nothing_is_attached_by_looking(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        Gate(recorder, until=BELOW)
        before, begins = handlers(trainer, evaluator), list(recorder.hub.parts)
        status = recorder.status()
        for show in (str, repr, Status._repr_html_):
            show(status)
        panel(recorder, 80)
        status.show(io.StringIO())
        assert handlers(trainer, evaluator) == before
        assert recorder.hub.parts == begins

    def test_what_live_attached_is_removed(self) -> None:
        trainer, evaluator = loop(loss=LOSSES)
        recorder = Recorder(trainer, evaluator)
        before, kept = handlers(trainer, evaluator), list(recorder.hub.attached)
        with recorder.status().live(file=io.StringIO()) as live:
            assert handlers(trainer, evaluator) == before + 4  # the trainer's start, end and epochs; an evaluator's end
        live.remove()
        assert handlers(trainer, evaluator) == before
        assert (recorder.hub.attached, recorder.hub.parts) == (kept, [])
        recorder.status().live(file=io.StringIO())
        recorder.remove()
        assert not recorder.hub.parts

    def test_a_run_that_is_not_looked_at_loads_nothing(self) -> None:
        code = """
import sys
from ignite.engine import Engine, Events
from ignite_delayed import After, Gate, Recorder
trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
Gate(Recorder(trainer, evaluator), until=After(epochs=1))
trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
trainer.run([0], max_epochs=3)
print([name for name in ("ignite_delayed.status", "rich", "IPython") if name in sys.modules])
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
        assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_notebook_gets_one_table_that_is_updated_in_place() -> None:
    code = """
from ignite.engine import Engine, Events
from ignite_delayed import Gate, Metric, Recorder
trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
recorder = Recorder(trainer, evaluator)
Gate(recorder, until=Metric("loss") < 0.3, name="low")
@trainer.on(Events.EPOCH_COMPLETED)
def evaluate():
    evaluator.state.metrics["loss"] = 1 / trainer.state.epoch
    evaluator.run([0])
with recorder.status().live():
    trainer.run([0], max_epochs=5)
"""
    cells = [nbformat.v4.new_code_cell(source) for source in (code, "recorder.status()", "recorder.status().show()")]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=600, startup_timeout=600, kernel_name="python3").execute()
    for cell in notebook.cells:
        [output] = cell.outputs  # one, whatever was shown before it
        assert "epoch 5 of 5" in output.data["text/html"]
        assert "since epoch 4" in output.data["text/html"]
        assert "since epoch 4" in output.data["text/plain"]


class TestNamesOfOthers:
    """Line ends and escapes in names reach neither log, status, live file nor terminal."""

    CLEAR = "\x1b[2J"

    def run(self, file: Any) -> tuple[Engine, Recorder]:
        clear = self.CLEAR
        trainer, evaluator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
        source, loss = f"val\n{clear}", f"lo\r\nss{clear}"
        evaluator.add_event_handler(
            Events.EPOCH_COMPLETED, lambda: evaluator.state.metrics.update({loss: 1 / trainer.state.epoch, "text": ""})
        )
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        trainer.add_event_handler(Events.COMPLETED, lambda: evaluator.run([0]))
        recorder = Recorder(trainer, {source: evaluator})
        metric = Metric(f"{source}/{loss}")
        Gate(recorder, until=metric < 0.3, name=f"gate\n{clear}one")
        Gate(recorder, until=metric < 0.0, name=f"gate\n{clear}two")
        delay_early_stopping(recorder, metric, mode="max", patience=3, name=f"stop\n{clear}")
        with recorder.status().live(file=file):
            trainer.run([0], max_epochs=6)
        return trainer, recorder

    def test_in_text_panel_and_html(self) -> None:
        trainer, recorder = self.run(io.StringIO())
        assert trainer.state.epoch == 4  # it is kept: the status asks its clock
        shown = [str(recorder.status()), panel(recorder, 120), recorder.status()._repr_html_()]
        for text in shown:
            assert "\x1b[2J" not in text
            assert r"gate\n\x1b[2Jone" in text
        assert len(shown[0].splitlines()) == 5
        assert all(line.isprintable() for line in shown[0].splitlines())

    def test_in_a_live_file_and_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        file = io.StringIO()
        with caplog.at_level("INFO", "ignite_delayed"):
            self.run(file)
        told = file.getvalue().splitlines()
        assert [line[:4] for line in told] == ["gate", "stop"]
        assert all(line.isprintable() for line in told)
        assert len(caplog.messages) >= 4
        assert all(message.isprintable() for message in caplog.messages)
        assert any(r"gate\n\x1b[2Jone opened" in message for message in caplog.messages)
