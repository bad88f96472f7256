"""Gates: open from the first record at which a condition holds, or exactly while it does."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
from engines import decided, engine, epochs_of, evaluate, loop, reporting, through_json, through_torch
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine, Events

from ignite_delayed import After, Always, Between, Condition, Gate, Metric, Never, Recorder, StateError, replay

_LOSSES = [0.9, 0.4, 0.8, 0.3, 0.2, 0.9]


def recorded(**metrics: Any) -> tuple[Engine, Engine, Recorder]:
    trainer, evaluator = loop(**(metrics or {"loss": _LOSSES}))
    return trainer, evaluator, Recorder(trainer, evaluator)


async def _coroutine(gate: Gate) -> None: ...


def seen_through(gate: Gate, trainer: Engine, evaluator: Engine) -> list[int]:
    """The epochs in which a handler behind ``gate`` as a filter is called, in the run to come."""
    seen, note = epochs_of(trainer)
    evaluator.add_event_handler(Events.COMPLETED(event_filter=gate), note)
    return seen


class TestOpening:
    def test_until_latches_at_the_evaluation_that_opens_it(self) -> None:
        trainer, evaluator, recorder = recorded()
        gate = Gate(recorder, until=Metric("loss") < 0.5)
        seen = seen_through(gate, trainer, evaluator)
        assert (gate.is_open, gate.opened_at) == (False, None)
        trainer.run([0], max_epochs=6)
        assert seen == [2, 3, 4, 5, 6]
        assert gate.is_open
        assert gate.opened_at == recorder.history[1]

    def test_when_follows(self) -> None:
        trainer, evaluator, recorder = recorded()
        gate = Gate(recorder, when=Metric("loss") < 0.5)
        seen = seen_through(gate, trainer, evaluator)
        trainer.run([0], max_epochs=6)
        assert seen == [2, 4, 5]
        assert not gate.is_open
        assert gate.opened_at == recorder.history[3]
        assert [(mark.kind, mark.epoch) for mark in recorder.history.marks] == [
            ("opened", 2),
            ("closed", 3),
            ("opened", 4),
            ("closed", 6),
        ]

    def test_unknown_is_not_open(self) -> None:
        trainer, _, recorder = recorded()
        gates = [Gate(recorder, when=condition) for condition in (~(Metric("loss") > 9), Metric("loss").mean(9) < 9)]
        assert [gate.is_open for gate in gates] == [False, False]
        trainer.run([0], max_epochs=6)
        assert [gate.is_open for gate in gates] == [True, False]

    def test_asking_is_a_pure_read(self) -> None:
        trainer, evaluator, recorder = recorded()
        gate = Gate(recorder, until=After(evaluations=3))
        seen = [seen_through(gate, trainer, evaluator) for _ in range(3)]
        evaluator.add_event_handler(Events.COMPLETED, lambda: [gate(evaluator, 1) for _ in range(9)])
        trainer.run([0], max_epochs=5)
        assert seen == [[4, 5]] * 3

    def test_a_function_of_one_record_is_a_condition(self) -> None:
        trainer, _, recorder = recorded()
        gate = Gate(recorder, until=lambda record: record["loss"] < 0.5 and record.epoch > 2)
        trainer.run([0], max_epochs=6)
        assert gate.opened_at == recorder.history[3]


class TestTelling:
    def test_on_open_is_called_with_the_gate_when_all_gates_have_moved(self) -> None:
        trainer, _, recorder = recorded()
        first, second = (Gate(recorder, until=Metric("loss") < 0.5) for _ in range(2))
        seen: list[tuple[Gate, bool]] = []

        @first.on_open
        def opened(gate: Gate) -> None:
            seen.append((gate, second.is_open))

        assert callable(opened)
        trainer.run([0], max_epochs=6)
        assert seen == [(first, True)]

    def test_on_open_is_called_at_each_opening(self) -> None:
        trainer, _, recorder = recorded()
        gate, seen = Gate(recorder, when=Metric("loss") < 0.5), list[int]()
        gate.on_open(lambda gate: seen.append(gate.opened_at.epoch if gate.opened_at else -1))
        trainer.run([0], max_epochs=6)
        assert seen == [2, 4]

    def test_openings_are_logged_and_marked(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="ignite_delayed")
        trainer, _, recorder = recorded()
        Gate(recorder, until=Metric("loss") < 0.5, name="late")
        trainer.run([0, 0], max_epochs=6)
        assert caplog.messages == ["late opened in epoch 2, iteration 4: Metric('loss') < 0.5"]
        assert decided(recorder.history) == [("opened", "late", 2, 4, 2)]
        assert recorder.history.marks[0].text == "Metric('loss') < 0.5"

    def test_explain_draws_the_tree_with_what_is_missing(self) -> None:
        trainer, _, recorder = recorded()
        gate = Gate(recorder, until=After(epochs=9) & (Metric("loss") < 0.1))
        assert "unknown (no value yet)" in str(gate.explain())
        trainer.run([0], max_epochs=2)
        lines = str(gate.explain()).splitlines()
        assert lines[0].startswith("After(epochs=9) & (Metric('loss') < 0.1): false")
        assert "needs > 9" in lines[1]
        assert "last value 0.4, needs < 0.1" in lines[2]

    def test_it_prints_what_it_waits_for(self) -> None:
        _, _, recorder = recorded()
        assert repr(Gate(recorder, until=After(epochs=9))) == "<Gate 'gate': closed, until After(epochs=9)>"
        assert repr(Gate(recorder, when=After(epochs=9))) == "<Gate 'gate 2': closed, when After(epochs=9)>"
        trainer = recorder.trainer
        gate = Gate(recorder, until=After(epochs=1))
        trainer.run([0], max_epochs=2)
        assert repr(gate) == "<Gate 'gate 3': open, until After(epochs=1)>"

    def test_names_are_unique_and_come_free_again(self) -> None:
        _, _, recorder = recorded()
        gates = [Gate(recorder, until=Always(), name="late") for _ in range(3)]
        assert [gate.name for gate in gates] == ["late", "late 2", "late 3"]
        gates[1].remove()
        assert Gate(recorder, until=Always(), name="late").name == "late 2"


class TestBeingFed:
    def test_a_removed_gate_stays_as_it_is(self) -> None:
        trainer, _, recorder = recorded()
        gates = [Gate(recorder, when=Metric("loss") < 0.5) for _ in range(2)]
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), gates[0].remove)
        trainer.run([0], max_epochs=6)
        gates[0].remove()
        assert [gate.is_open for gate in gates] == [True, False]
        assert recorder.gates == gates[1:]

    @given(st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.7, float("nan")]), min_size=1, max_size=20), st.data())
    def test_a_condition_shared_by_ten_gates_behaves_as_ten_conditions(self, losses: list[float], data: Any) -> None:
        build = data.draw(
            st.sampled_from(
                [
                    lambda: (Metric("loss") < 0.4).sustained(evaluations=2),
                    lambda: Metric("loss").mean(3) < 0.4,
                    lambda: (Metric("loss") < 0.4).then(After(epochs=3)),
                    lambda: After(iterations=7) | (Metric("loss") < 0.2),
                ]
            )
        )
        trainer, _, recorder = recorded(loss=losses)
        shared = build()
        verbs = [data.draw(st.sampled_from(["until", "when"])) for _ in range(10)]
        gates = [Gate(recorder, **{verb: shared}) for verb in verbs]
        own = [Gate(recorder, **{verb: build()}) for verb in verbs]
        trainer.run([0, 0], max_epochs=len(losses))
        assert [(gate.is_open, gate.opened_at) for gate in gates] == [(gate.is_open, gate.opened_at) for gate in own]
        assert shared == build()


class TestTheClockAlone:
    @pytest.mark.parametrize(
        ("condition", "same"),
        [
            (Between(After(epochs=2), After(epochs=5)), After(epochs=2) & ~After(epochs=5)),
            (Between(~After(epochs=2), After(epochs=5)), ~After(epochs=5)),
            (Between(~After(epochs=2), Never()) & After(iterations=15), After(iterations=15)),
            ((~After(epochs=2)).latched(), Always()),
            (Always().then(After(iterations=13)), After(iterations=13)),
            (After(epochs=2).then(After(epochs=3)), After(epochs=5)),
            (After(iterations=7).then(After(iterations=6)), After(iterations=13)),
            (After(epochs=2).then(After(iterations=5)), After(iterations=13)),
            (After(evaluations=0).then(After(iterations=10)), After(iterations=13)),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("every", [1, 3])
    def test_moves_what_is_made_of_it_at_the_moment_and_not_at_the_next_evaluation(
        self, condition: Condition, same: Condition, every: int
    ) -> None:
        """Which of two rules is asked makes no difference, at any iteration; nor does replaying the saved run."""
        trainer = engine()
        evaluator = reporting(trainer, loss=lambda trainer: 0.5)
        evaluate(trainer, evaluator, Events.ITERATION_COMPLETED(once=4))
        evaluate(trainer, evaluator, Events.EPOCH_COMPLETED(every=every))
        recorder = Recorder(trainer, evaluator)
        gates = [Gate(recorder, when=one) for one in (condition, same)]
        opened = Gate(recorder, until=condition)
        seen: list[list[bool]] = []
        trainer.add_event_handler(Events.ITERATION_STARTED, lambda: seen.append([gate.is_open for gate in gates]))
        trainer.run([0] * 4, max_epochs=7)
        assert [one for one, _ in seen] == [other for _, other in seen]
        assert replay(recorder.history, condition).first == opened.opened_at
        assert opened.opened_at is not None


class TestState:
    @pytest.mark.parametrize("through", [through_torch, through_json])
    @pytest.mark.parametrize("verb", ["until", "when"])
    def test_it_goes_on_where_it_was(self, through: Any, verb: str) -> None:
        condition: Any = (Metric("loss") < 0.5).holds(at_least=2, of=3)
        for cut in range(1, 6):
            trainer, _, recorder = recorded()
            gate = Gate(recorder, **{verb: condition})
            trainer.run([0], max_epochs=cut)
            state = gate.state_dict()
            assert through(state) == state
            resumed, _, its_recorder = recorded()
            its_gate = Gate(its_recorder, **{verb: condition})
            resumed.load_state_dict({**trainer.state_dict(), "max_epochs": 6})
            its_gate.load_state_dict(through(state))
            assert (its_gate.is_open, its_gate.opened_at) == (gate.is_open, gate.opened_at)
            trainer.run([0], max_epochs=6)
            resumed.run([0])
            assert its_gate.is_open is gate.is_open
            assert [its_gate.opened_at and its_gate.opened_at.epoch] == [gate.opened_at and gate.opened_at.epoch]

    def test_a_loaded_gate_is_not_reset_by_a_trainer_that_begins(self) -> None:
        first, _, recorder = recorded()
        trainer, _, its_recorder = recorded()
        gates = [Gate(one, until=Metric("loss") < 0) for one in (recorder, its_recorder)]
        assert recorder.trainer is first  # which a recorder does not keep
        state = gates[0].state_dict()
        opened = {"epoch": 0, "iteration": 0, "evaluation": 1, "seconds": 0.0, "planned": None, "source": ""}
        open_state = [True, [-1.0], [0.0]]
        state |= {"is_open": True, "opened_at": {**opened, "values": {"loss": -1.0}}, "state": open_state}
        gates[1].load_state_dict(state)
        trainer.run([0], max_epochs=2)
        assert gates[1].is_open
        trainer.run([0], max_epochs=2)
        assert not gates[1].is_open

    def test_the_state_of_another_rule_is_refused_with_both(self) -> None:
        _, _, recorder = recorded()
        saved = Gate(recorder, until=After(epochs=1)).state_dict()
        for other in (Gate(recorder, until=After(epochs=2)), Gate(recorder, when=After(epochs=1))):
            before = other.state_dict()
            with pytest.raises(StateError) as error:
                other.load_state_dict(saved)
            assert f"saved: until After(epochs=1)\n  here:  {other.rule}" in str(error.value)
            assert other.state_dict() == before

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda state: None, "^the state of 'gate': expected a dict of version 1, got None"),
            (lambda state: [], r"expected a dict of version 1, got \[\]"),
            (lambda state: {}, "expected version 1, got None .*it was truncated"),
            (lambda state: {**state, "version": 2}, "expected version 1, got 2 .*of a newer release"),
            (lambda state: {**state, "is_open": 1}, "is truncated"),
            (lambda state: {key: state[key] for key in state if key != "opened_at"}, "is truncated"),
            (lambda state: {**state, "opened_at": {"epoch": 1}}, "opened_at must be a saved record, got {'epoch': 1}"),
            (
                lambda state: {**state, "opened_at": {**state["opened_at"], "epoch": -1}},
                "opened_at must be a saved record",
            ),
            (lambda state: {**state, "opened_at": None}, "contradicts itself"),
            (lambda state: {**state, "is_open": False}, "contradicts itself"),
            (lambda state: {**state, "state": []}, "must be a list of"),
            (lambda state: {**state, "state": ["yes", 2, 1]}, "expected true, false or null"),
        ],
    )
    def test_a_damaged_state_changes_nothing(self, damage: Any, message: str) -> None:
        trainer, _, recorder = recorded()
        gate = Gate(recorder, until=After(epochs=1))
        trainer.run([0], max_epochs=3)
        state = gate.state_dict()
        with pytest.raises(StateError, match=message):
            gate.load_state_dict(damage(copy.deepcopy(state)))
        assert gate.state_dict() == state


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "exactly one of until .* and when .*, got neither"),
            ({"until": After(epochs=1), "when": After(epochs=1)}, "exactly one of until .* and when .*, got both"),
            ({"until": 50}, r"until must be a condition.*Spell the unit: After\(epochs=50\)"),
            ({"when": True}, "when must be a condition.*== is not overloaded"),
            ({"until": "loss"}, r"until must be a condition.*Metric\('loss'\) < 0.5"),
            ({"until": Metric("loss")}, "until must be a condition.*This is a number, not a condition"),
            ({"until": lambda: True}, "must be a function of one record"),
            ({"until": lambda engine, event: True}, "must be a function of one record"),
            ({"until": lambda engine: True}, "the engine is not passed"),
            ({"until": After(epochs=1), "name": 3}, "name must be a non-empty string"),
        ],
    )
    def test_no_condition(self, arguments: dict[str, Any], message: str) -> None:
        _, _, recorder = recorded()
        with pytest.raises(TypeError, match=message):
            Gate(recorder, **arguments)
        assert recorder.gates == []

    def test_no_recorder(self) -> None:
        with pytest.raises(
            TypeError, match=r"^recorder must be a Recorder, got .* Build one: Recorder\(trainer, evaluator\)\.$"
        ):
            Gate(engine(), until=After(epochs=1))  # type: ignore[arg-type]

    def test_an_empty_name(self) -> None:
        _, _, recorder = recorded()
        with pytest.raises(ValueError, match="name must be a non-empty string"):
            Gate(recorder, until=After(epochs=1), name="")

    def test_it_has_no_truth_value(self) -> None:
        _, _, recorder = recorded()
        with pytest.raises(TypeError, match=r"ask gate\.is_open"):
            bool(Gate(recorder, until=After(epochs=1)))

    def test_it_cannot_be_copied(self) -> None:
        _, _, recorder = recorded()
        with pytest.raises(TypeError, match=r"^a gate belongs to its recorder and cannot be copied: build a new one$"):
            copy.deepcopy(Gate(recorder, until=After(epochs=1)))

    @pytest.mark.parametrize(
        ("function", "message"),
        [
            (3, "function must be a function of one gate, got 3"),
            (lambda gate, more: None, r"function must be .* of nothing, got .* Its signature is \(gate, more\)"),
            (lambda *, gate: None, r"function must be a function of the gate, of the trainer, or of nothing"),
            (lambda evaluator: None, r"function must be a function of the gate, .* Call it gate\."),
            (_coroutine, "function must be a plain function, got .* never awaited"),
        ],
    )
    def test_on_open_takes_a_function_that_can_be_called(self, function: Any, message: str) -> None:
        _, _, recorder = recorded()
        with pytest.raises(TypeError, match=message):
            Gate(recorder, until=After(epochs=1)).on_open(function)

    def test_on_open_passes_what_the_function_takes(self) -> None:
        trainer, _, recorder = recorded()
        gate, seen = Gate(recorder, until=Metric("loss") < 0.5), list[Any]()
        gate.on_open(seen.append)
        gate.on_open(lambda: seen.append("nothing"))
        gate.on_open(lambda engine: seen.append([engine]))
        gate.on_open(lambda trainer: seen.append([trainer]))
        gate.on_open(lambda number=1: seen.append(number))
        gate.on_open(lambda *args: seen.append(args))
        trainer.run([0], max_epochs=3)
        assert seen == [gate, "nothing", [trainer], [trainer], 1, (gate,)]
