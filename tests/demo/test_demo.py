from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ignite_delayed import EarlyStop, History, Metric, replay
from ignite_delayed.cli import main
from ignite_delayed.demo import command, figure, report, runs, task
from ignite_delayed.demo.runs import Outcome, Plan
from ignite_delayed.demo.settings import Settings, usual_delay
from ignite_delayed.demo.study import Cost, Mean, equal_patience, study_plans, summarise, too_early, wilson

# Short, and yet each rule does what it can: all but the first stop, the metric condition opens.
SETTINGS = Settings(epochs=40, delay=12, patience=3, seed=1)
NAMES = ["full", "plain", "delayed-by-epochs", "delayed-by-metric"]


@pytest.fixture(scope="module")
def reported() -> list[tuple[str, int]]:
    return []


@pytest.fixture(scope="module")
def outcomes(reported: list[tuple[str, int]]) -> list[Outcome]:
    return runs.run_all(SETTINGS, lambda plan, epoch: reported.append((plan.name, epoch)))


@pytest.fixture(scope="module")
def by_name(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {outcome.plan.name: outcome for outcome in outcomes}


def values(history: History) -> dict[str, list[float]]:
    return {name: history[name].tolist() for name in history.metrics}


class TestTask:
    def test_the_parts_divide_the_digits_and_follow_the_seed(self) -> None:
        one, again, other = task.load_task(0), task.load_task(0), task.load_task(1)
        assert [len(part.labels) for part in one] == [900, 300, 597]
        seen = {bytes(image.numpy().tobytes()) for part in one for image in part.images}
        assert len(seen) == 1797
        for part, same in zip(one, again, strict=True):
            assert torch.equal(part.images, same.images)
            assert torch.equal(part.labels, same.labels)
        assert not torch.equal(one.test.images, other.test.images)

    def test_three_tenths_of_the_training_labels_are_wrong_and_no_others(self) -> None:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        truth = {(image / 16).tobytes(): label for image, label in zip(images, labels, strict=True)}
        wrong = [
            sum(truth[image.numpy().tobytes()] != label for image, label in zip(*part, strict=True))
            for part in task.load_task(0)
        ]
        assert wrong[0] == pytest.approx(0.3 * 900, abs=50)
        assert wrong[1:] == [0, 0]

    def test_batches_follow_the_seed_alone(self) -> None:
        loaded = task.load_task(0)
        first, second = ([labels.tolist() for _, labels in loaded.batches(5)] for _ in range(2))
        assert first == second
        assert [len(batch) for batch in first] == [task.BATCH_SIZE] * (900 // task.BATCH_SIZE)
        epochs = iter(loaded.batches(5))
        assert next(epochs)[1].tolist() == first[0]
        assert [labels.tolist() for _, labels in loaded.batches(6)] != first

    def test_the_rate_rises_stays_and_falls(self) -> None:
        rates = [task.rate_at(share) for share in (0, 0.05, 0.1, 0.3, 0.5, 0.75, 1)]
        assert rates == pytest.approx([0, 0.25, 0.5, 0.5, 0.5, 0.25, 0])


class TestRuns:
    def test_all_four_are_the_same_run_until_they_are_stopped(self, outcomes: list[Outcome]) -> None:
        full = outcomes[0].history
        assert [outcome.plan.name for outcome in outcomes] == NAMES
        assert full[-1].epoch == SETTINGS.epochs
        for outcome in outcomes[1:]:
            assert values(outcome.history) == values(full[: len(outcome.history)])
        assert len({len(outcome.history) for outcome in outcomes}) > 2, "the rules must differ in where they stop"

    def test_replaying_the_saved_history_gives_the_stop_and_the_opening_that_happened(
        self, outcomes: list[Outcome], tmp_path: Path
    ) -> None:
        for outcome in outcomes:
            history = History.load(outcome.history.save(tmp_path / f"{outcome.plan.name}.jsonl"))
            assert history == outcome.history
            rule = outcome.plan.rule
            if rule is None:
                assert outcome.stopped_in is None
                continue
            stop = replay(history, rule).first
            assert (stop and stop.epoch) == outcome.stopped_in
            assert stop == history[-1]
            if rule.until is not None:
                opened = replay(history, rule.until).first
                assert (opened and opened.epoch) == outcome.opened_in

    def test_the_whole_run_tells_where_each_rule_stops(self, by_name: dict[str, Outcome]) -> None:
        full = by_name["full"].history
        for outcome in by_name.values():
            if outcome.plan.rule is not None:
                stop = replay(full, outcome.plan.rule).first
                assert (stop and stop.epoch) == outcome.stopped_in

    def test_every_run_stops_for_its_own_reason(self, by_name: dict[str, Outcome]) -> None:
        epochs, metric = by_name["delayed-by-epochs"], by_name["delayed-by-metric"]
        assert by_name["plain"].opened_in is None
        assert epochs.opened_in == SETTINGS.delay + 1
        assert epochs.stopped_in is not None
        assert epochs.stopped_in >= SETTINGS.delay + 1 + SETTINGS.patience
        assert metric.opened_in is not None
        assert metric.opened_in > 10  # the window of its condition must be full

    def test_the_best_accuracy_and_its_epoch_are_those_of_the_history(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            accuracies = outcome.history["accuracy"].tolist()
            assert outcome.best_accuracy == max(accuracies)
            assert outcome.best_epoch == accuracies.index(max(accuracies)) + 1

    def test_what_is_tested_are_the_weights_of_the_best_epoch(self) -> None:
        loaded = task.load_task(SETTINGS.seed)
        swapped = loaded._replace(test=loaded.validation)
        for plan in runs.plans(SETTINGS)[:2]:
            outcome = runs.train(swapped, SETTINGS, plan)
            assert outcome.best_epoch < outcome.epochs, "the last weights would do as well"
            assert outcome.test_accuracy == outcome.best_accuracy

    def test_the_seed_decides_everything_and_nothing_else_is_touched(self, by_name: dict[str, Outcome]) -> None:
        torch.manual_seed(123)
        state, threads = torch.get_rng_state(), torch.get_num_threads()
        again = runs.train(task.load_task(SETTINGS.seed), SETTINGS, by_name["plain"].plan)
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == threads
        assert values(again.history) == values(by_name["plain"].history)
        assert again.test_accuracy == by_name["plain"].test_accuracy
        other = runs.train(task.load_task(2), replace(SETTINGS, seed=2), by_name["plain"].plan)
        assert values(other.history) != values(by_name["plain"].history)

    def test_the_learning_rate_is_recorded_as_it_was_set(self, outcomes: list[Outcome]) -> None:
        full = outcomes[0].history
        last = [(record.iteration - 1) / full[-1].iteration for record in full]  # iteration of each epoch
        assert full["lr"].tolist() == pytest.approx([task.rate_at(share) for share in last])

    def test_every_epoch_is_reported(self, outcomes: list[Outcome], reported: list[tuple[str, int]]) -> None:
        expected = [(one.plan.name, epoch) for one in outcomes for epoch in range(1, one.epochs + 1)]
        assert reported == expected


class TestSettings:
    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"delay": 60}, ValueError, "delay must be less than epochs=60, got 60"),
            ({"delay": 0}, ValueError, "delay must be a whole number >= 1"),
            ({"epochs": 1}, ValueError, "epochs must be a whole number >= 2"),
            ({"patience": 0}, ValueError, "patience must be"),
            ({"seed": -1}, ValueError, "seed must be"),
            ({"seed": 2**32}, ValueError, r"seed must be less than 2\*\*32"),
            ({"epochs": 20.5}, ValueError, "epochs must be"),
            ({"patience": "5"}, TypeError, "patience must be"),
        ],
    )
    def test_others_are_refused(self, arguments: dict[str, Any], error: type[Exception], said: str) -> None:
        with pytest.raises(error, match=said):
            Settings(**arguments)

    def test_the_usual_delay_ends_where_the_rate_begins_to_fall(self) -> None:
        for epochs in (2, 20, 60):
            delay = usual_delay(epochs)
            assert Settings(epochs=epochs, delay=delay).delay == delay
            assert task.rate_at(delay / epochs) == task.PEAK_RATE
            assert task.rate_at((delay + 0.5) / epochs) < task.PEAK_RATE


def columns(printed: str) -> dict[str, list[str]]:
    """The cells of the table, by the run that the row is of; second lines of a cell are left out."""
    titles = [plan.title for plan in runs.plans(SETTINGS)]
    found = {}
    for line in printed.splitlines():
        title = next((title for title in titles if line.startswith(f"{title} ")), None)
        if title is not None:
            found[title] = re.split(r"\s{2,}", line[len(title) :].strip())
    return found


def printed(table: Any, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


class TestTable:
    @pytest.mark.parametrize("width", [80, 120])
    def test_agrees_with_the_histories(self, outcomes: list[Outcome], width: int) -> None:
        text = printed(report.results_table(outcomes, SETTINGS), width)
        found = columns(text)
        assert len(found) == 4, text
        for outcome in outcomes:
            history = outcome.history
            stopped = [mark.epoch for mark in history.marks if mark.kind == "stopped"]
            assert found[outcome.plan.title] == [
                str(stopped[0]) if stopped else "-",
                "3 epochs no gain" if stopped else "ran to the end",
                f"{100 * max(history['accuracy']):.1f} %",
                f"{100 * outcome.test_accuracy:.1f} %",
                str(history[-1].epoch),
            ]
        for opened in [mark.epoch for one in outcomes for mark in one.history.marks if mark.kind == "opened"]:
            assert f"open since {opened}" in text
        assert max(map(len, text.splitlines())) <= 80

    def test_says_when_a_gate_never_opened(self, by_name: dict[str, Outcome]) -> None:
        unopened = by_name["delayed-by-metric"]._replace(stopped_in=None, opened_in=None)
        assert report.reason(unopened, 3) == "ran to the end\nnever open"

    def test_notes_say_what_stopping_did(self, outcomes: list[Outcome]) -> None:
        full, plain, *_ = outcomes
        settings = replace(SETTINGS, seed=7)
        better = full._replace(best_accuracy=plain.best_accuracy + 0.021)
        early = report.results_notes([better, plain], settings)
        assert early.startswith("Seed 7.")
        saved = full.epochs - plain.epochs
        came = f"saved {saved} epochs, but too early, 2.1 points of validation accuracy came later."
        assert early.endswith(f"Early stopping (Ignite's EarlyStopping): {came}")
        same = full._replace(best_accuracy=plain.best_accuracy)
        assert report.results_notes([same, plain], settings).endswith(
            f"saved {saved} epochs; nothing better came later."
        )
        ran = plain._replace(stopped_in=None)
        assert report.results_notes([full, ran], settings).endswith("did not stop the run.")

    def test_bars_stay_where_the_runs_were_stopped_and_only_in_a_terminal(self) -> None:
        plans = runs.plans(SETTINGS)
        shown = {}
        for terminal in (True, False):
            console = Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
            with report.progress(console, SETTINGS, plans) as on_epoch:
                on_epoch(plans[0], 40)
                on_epoch(plans[1], 7)
            shown[terminal] = console.file.getvalue()  # type: ignore[attr-defined]
        last = shown[True].replace("\x1b[2K", "\n").splitlines()[-5:]
        assert [re.sub(r"\W*━\W*", " ", line).split(" epoch ")[-1].strip() for line in last if "epoch " in line] == [
            "40",
            "7",
            "0",
            "0",
        ]
        assert shown[False] == ""


class TestFigure:
    def test_shows_one_curve_and_a_lane_for_each_run(self, outcomes: list[Outcome]) -> None:
        drawn = figure.draw(outcomes)
        top, lanes, bottom = drawn.axes
        full = outcomes[0].history
        curve, rate = top.lines[0], bottom.lines[0]
        assert list(curve.get_ydata()) == pytest.approx(100 * full["accuracy"])  # type: ignore[arg-type]
        assert list(rate.get_ydata()) == full["lr"].tolist()  # type: ignore[arg-type]
        assert [label.get_text().replace("\n", " ") for label in lanes.get_yticklabels()] == [
            outcome.plan.title for outcome in outcomes
        ]
        for place, outcome in enumerate(outcomes):
            bars = [bar for bar in lanes.patches if bar.get_y() < -place < bar.get_y() + bar.get_height()]  # type: ignore[attr-defined]
            assert bars[0].get_x() == 0  # type: ignore[attr-defined]
            assert bars[-1].get_x() + bars[-1].get_width() == outcome.epochs  # type: ignore[attr-defined]
            squares = [
                line.get_xdata() for line in lanes.lines if line.get_marker() == "s" and line.get_ydata() == [-place]
            ]
            assert [list(at) for at in squares] == ([] if outcome.stopped_in is None else [[outcome.stopped_in]])  # type: ignore[arg-type]
            stars = [
                line.get_xdata() for line in lanes.lines if line.get_marker() == "*" and line.get_ydata() == [-place]
            ]
            assert [list(at) for at in stars] == [[outcome.best_epoch]]  # type: ignore[arg-type]
        assert [text.get_text() for text in lanes.texts if "%" in text.get_text()] == [
            f"{100 * share:.1f} %" for outcome in outcomes for share in (outcome.best_accuracy, outcome.test_accuracy)
        ]

    @pytest.mark.parametrize("width", [5.5, 9, 13])
    def test_no_text_overlaps_another_or_is_cut_off(self, outcomes: list[Outcome], width: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        drawn = figure.draw(outcomes, width=width)
        FigureCanvasAgg(drawn).draw()  # type: ignore[no-untyped-call]
        top, lanes, bottom = drawn.axes
        texts: list[Any] = [*lanes.texts, *lanes.get_yticklabels(), *drawn.legends[0].get_texts()]
        texts += [top.yaxis.label, bottom.yaxis.label, bottom.xaxis.label, *bottom.get_xticklabels()]
        for panel in (top, bottom):
            low, high = panel.get_ylim()
            shown = zip(panel.get_yticks(), panel.get_yticklabels(), strict=True)
            texts += [label for at, label in shown if low <= at <= high]
        texts += [text for text in drawn.texts if text.get_text()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
        for (one, here), (other, there) in combinations(boxes, 2):
            assert not here.overlaps(there), f"{one!r} lies on {other!r}"
        for text, box in boxes:
            assert drawn.bbox.x0 - 1 <= box.x0, text
            assert box.x1 <= drawn.bbox.x1 + 1, text

    def test_of_a_short_run_epochs_are_whole_and_marks_at_its_end_are_whole_too(self) -> None:
        short = Settings(epochs=3, delay=1, patience=1)
        drawn = figure.draw([runs.train(task.load_task(0), short, plan) for plan in runs.plans(short)])
        assert all(at == round(at) for at in drawn.axes[-1].get_xticks())
        marks = [line for panel in drawn.axes for line in panel.lines if line.get_marker() in ("*", "s")]
        assert marks
        assert not any(mark.get_clip_on() for mark in marks)

    def test_is_no_figure_of_pyplot(self, outcomes: list[Outcome]) -> None:
        from matplotlib import pyplot as plt

        figure.draw(outcomes)
        assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def fulls(outcomes: list[Outcome]) -> list[Outcome]:
    """The runs of three seeds that nothing ended."""
    whole = runs.plans(SETTINGS)[0]
    others = [replace(SETTINGS, seed=seed) for seed in (2, 3)]
    return [outcomes[0], *(runs.train(task.load_task(chosen.seed), chosen, whole) for chosen in others)]


class TestStudy:
    def test_a_rule_replayed_over_the_whole_run_comes_to_what_it_came_to_live(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            told = runs.would_be(outcomes[0], outcome.plan)
            assert values(told.history) == values(outcome.history)
            assert told._replace(history=outcome.history) == outcome
            assert (told.epochs, told.test_accuracy) == (outcome.epochs, outcome.test_accuracy)

    def test_costs_are_compared_seed_by_seed(self, fulls: list[Outcome]) -> None:
        plans = runs.plans(SETTINGS)
        whole, plain = summarise(fulls, plans[:2])
        assert whole == Cost(plans[0], 3, 0, Mean(0.0, 0.0), Mean(0.0, 0.0), Mean(40.0, 0.0))
        ended = [runs.would_be(full, plans[1]) for full in fulls]
        lost = [full.best_accuracy - one.best_accuracy for full, one in zip(fulls, ended, strict=True)]
        tested = [full.test_accuracy - one.test_accuracy for full, one in zip(fulls, ended, strict=True)]
        assert (plain.plan, plain.seeds, plain.too_early) == (plans[1], 3, sum(share > 0.0051 for share in lost))
        assert plain.validation_lost == pytest.approx((np.mean(lost), np.std(lost, ddof=1) / math.sqrt(3)))
        assert plain.test_lost == pytest.approx((np.mean(tested), np.std(tested, ddof=1) / math.sqrt(3)))
        assert plain.epochs.value == pytest.approx(np.mean([one.epochs for one in ended]))

    def test_half_a_point_missed_is_not_too_early_and_more_is(self, fulls: list[Outcome]) -> None:
        ended = fulls[0]._replace(best_accuracy=0.9)
        for best, early in ((0.905, False), (0.9051, True), (0.9, False)):
            assert too_early(fulls[0]._replace(best_accuracy=best), ended) is early

    def test_a_delay_is_set_beside_the_least_patience_that_costs_as_much(self, fulls: list[Outcome]) -> None:
        plans = runs.plans(SETTINGS)
        compared = study_plans(fulls, plans)
        assert [plan.name for plan in compared][:3] == NAMES[:3]
        assert [compared[2], compared[4]] == plans[2:]
        for delayed, plain in ((compared[2], compared[3]), (compared[4], compared[5])):
            assert plain.rule is not None

            def epochs(plan: Plan) -> int:
                return sum(runs.would_be(full, plan).epochs for full in fulls)

            assert epochs(plain) >= epochs(delayed) > epochs(runs.plain_plan(int(plain.rule.limit.amount) - 1))

    def test_what_costs_as_much_as_the_whole_run_is_found_too(self, fulls: list[Outcome]) -> None:
        never = Plan("never", "never", EarlyStop("accuracy", mode="max", patience=1, until=Metric("accuracy") > 2))
        found = runs.would_be(fulls[0], runs.plain_plan(equal_patience(fulls[:1], never)))
        assert found.epochs == SETTINGS.epochs

    @given(st.integers(1, 200), st.data())
    def test_wilsons_interval_has_the_shares_that_the_count_does_not_refute(self, of: int, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, of))
        low, high = wilson(count, of)
        assert 0 <= low <= count / of + 1e-12
        assert count / of - 1e-12 <= high <= 1
        for bound in (low, high):
            off = abs(count / of - bound)
            assert off == pytest.approx(1.959964 * math.sqrt(bound * (1 - bound) / of), abs=1e-6)

    def test_of_one_seed_there_is_no_standard_error(self, fulls: list[Outcome]) -> None:
        costs = summarise(fulls[:1], runs.plans(SETTINGS))
        assert math.isnan(costs[1].test_lost.error)
        assert "+-" not in printed(report.study_table(costs))

    def test_the_table_has_the_costs_and_fits_a_terminal(self, fulls: list[Outcome]) -> None:
        costs = summarise(fulls, study_plans(fulls, runs.plans(SETTINGS)))
        text = printed(report.study_table(costs))
        assert max(map(len, text.splitlines())) <= 80
        rows = [re.split(r"\s{2,}", line) for line in text.splitlines()[3:]]
        for cells, cost in zip(rows, costs, strict=True):
            low, high = (100 * share for share in wilson(cost.too_early, 3))
            assert cells[0] == cost.plan.title
            if cost.plan.rule is not None:
                assert cells[1:3] == [f"{cost.too_early} of 3", f"{low:.0f}-{high:.0f} %"]
                lost = cost.test_lost
                assert cells[4] == f"{100 * lost.value:.1f} +- {100 * lost.error:.1f}"
            assert cells[-1].startswith(f"{cost.epochs.value:.1f}")

    def test_the_comparison_is_of_pairs_that_cost_as_much(self, fulls: list[Outcome]) -> None:
        compared = study_plans(fulls, runs.plans(SETTINGS))
        gains = [
            runs.would_be(full, compared[2]).test_accuracy - runs.would_be(full, compared[3]).test_accuracy
            for full in fulls
        ]
        first, second = report.study_comparison(fulls, compared).splitlines()
        error = 100 * np.std(gains, ddof=1) / math.sqrt(3)
        assert first == (
            f"Delayed by 12 epochs, against {compared[3].title}: {100 * np.mean(gains):+.1f} +- {error:.1f} points of "
            "test accuracy."
        )
        assert second.startswith(f"Delayed until steady, against {compared[5].title}: ")

    def test_the_command_prints_it_and_writes_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["demo", "--seeds", "2", "--epochs", "4", "--seed", "5"]) == 0
        shown = capsys.readouterr()
        assert shown.err == ""
        settings = Settings(epochs=4, delay=2)
        whole = runs.plans(settings)[0]
        fulls = [runs.train(task.load_task(seed), replace(settings, seed=seed), whole) for seed in (5, 6)]
        compared = study_plans(fulls, runs.plans(settings))
        assert shown.out == (
            printed(report.study_table(summarise(fulls, compared)))
            + f"\n{report.study_notes(replace(settings, seed=5), 2)}\n{report.study_comparison(fulls, compared)}\n"
        )
        assert shown.out.splitlines()[-7].startswith("Seeds 5 to 6, patience 5, at most 4 epochs.")
        assert list(tmp_path.iterdir()) == []


class TestEndToEnd:
    def test_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        order = [sys.executable, "-m", "ignite_delayed", "demo", "--epochs", "6", "--delay", "2", "--patience", "2"]
        done = subprocess.run(order, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b" not in done.stdout
        folder = tmp_path / "demo-output"
        settings = Settings(epochs=6, delay=2, patience=2)
        assert sorted(file.name for file in folder.iterdir()) == sorted(command.files(settings))
        assert (folder / "timeline.png").read_bytes().startswith(b"\x89PNG\r\n")
        text = done.stdout.replace("delayed by 2 epochs ", f"{runs.plans(SETTINGS)[2].title} ")
        found = columns(text)
        for name, cells in zip(NAMES, found.values(), strict=True):
            history = History.load(folder / f"{name}.jsonl")
            assert cells[2] == f"{100 * max(history['accuracy']):.1f} %"
            assert cells[-1] == str(history[-1].epoch)
            stopped = [str(mark.epoch) for mark in history.marks if mark.kind == "stopped"]
            assert cells[0] == (stopped or ["-"])[0]
        again = runs.run_all(settings)
        assert [f"{100 * outcome.test_accuracy:.1f} %" for outcome in again] == [cells[3] for cells in found.values()]

    def test_nothing_that_is_there_is_lost(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = tmp_path / "deep" / "output"
        short = ["demo", "--epochs", "2", "--output", str(folder)]
        folder.mkdir(parents=True)
        (folder / "plain.jsonl").write_text("mine")
        assert main(short) == 1
        said = capsys.readouterr().err
        assert f"{folder} already holds plain.jsonl: pass --overwrite" in said
        assert [file.read_text() for file in folder.iterdir()] == ["mine"]
        (folder / "notes.txt").write_text("mine too")
        assert main([*short, "--overwrite"]) == 0
        assert len(History.load(folder / "plain.jsonl")) == 2
        assert (folder / "notes.txt").read_text() == "mine too"


class TestCutOff:
    """What Ctrl-C leaves behind: what was there before."""

    SHORT = Settings(epochs=3, delay=1, patience=1)

    @pytest.mark.parametrize("where", ["run_all", "figure.save"])
    def test_nothing_is_left_of_a_new_folder(self, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def interrupt(*args: Any, **kwargs: Any) -> None:
            (tmp_path / "deep" / "er" / "timeline.png").write_bytes(b"the first half")
            raise KeyboardInterrupt

        monkeypatch.setattr(f"ignite_delayed.demo.command.{where}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            command.demo(self.SHORT, tmp_path / "deep" / "er")
        assert list(tmp_path.iterdir()) == []

    def test_what_others_put_there_stays(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def interrupt(*args: Any, **kwargs: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("ignite_delayed.demo.command.run_all", interrupt)
        for name in ("notes.txt", "timeline.png"):
            (tmp_path / name).write_text("mine")
        with pytest.raises(KeyboardInterrupt):
            command.demo(self.SHORT, tmp_path, overwrite=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "timeline.png"]
