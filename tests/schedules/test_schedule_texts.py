"""Schedules from text: what repr prints is read back, and nothing is evaluated."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_schedules import with_functions, written

import ignite_delayed.schedules as schedules
from ignite_delayed.errors import ParseError
from ignite_delayed.schedules import Constant, Cosine, CosineRestarts, Exponential, Linear, Schedule, Step, warmup


def refusal(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        Schedule.parse(text)
    return str(caught.value)


class TestWhatIsRead:
    @given(written)
    def test_what_repr_prints_is_read_back(self, schedule: Schedule) -> None:
        assert Schedule.parse(repr(schedule)) == schedule

    @given(with_functions)
    def test_what_calls_a_function_says_why_it_is_not(self, schedule: Schedule) -> None:
        assert "reading a text runs none: build it in Python" in refusal(repr(schedule))

    @given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
    @example(5e-324)
    @example(sys.float_info.max)
    def test_every_number(self, number: float) -> None:
        for schedule in (Constant(number), Exponential(number, epochs=number)):
            assert Schedule.parse(repr(schedule)) == schedule

    @pytest.mark.parametrize(
        ("text", "schedule"),
        [
            ("warmup(epochs=5)", warmup(epochs=5)),
            ("warmup(epochs=0).then(Cosine(epochs=3))", Cosine(epochs=3)),
            ("Linear(start=0,end=1,steps=3)\n", Linear(0, 1, steps=3)),
            ("  (\n Cosine(rest=True)  # down\n)", Cosine(rest=True)),
            ("Step(0.1, epochs=[30, 60])", Step(0.1, epochs=[30, 60])),
            ("Step(0.1, epochs=(30, 60,))", Step(0.1, epochs=[30, 60])),
            ("Cosine(steps=3).repeat()", Cosine(steps=3).repeat()),
            ("Cosine(steps=3).repeat(times=None)", Cosine(steps=3).repeat()),
            ("Cosine(steps=3).then(Constant(), underway=True)", Cosine(steps=3).then(Constant(), underway=True)),
            ("Cosine(steps=3, epochs=None)", Cosine(steps=3)),
        ],
    )  # fmt: skip
    def test_python_written_otherwise(self, text: str, schedule: Schedule) -> None:
        assert Schedule.parse(text) == schedule

    def test_every_schedule_and_every_fluent_method_is_on_the_list(self) -> None:
        """What is offered is read: a new schedule must say so, or be named here."""
        for name in set(schedules.__all__) - {"Chain", "Schedule"}:
            assert "no schedule is called" not in refusal(f"{name}(1, 2, 3, 4)")
        assert all(callable(getattr(Schedule, name)) for name in Schedule.fluent)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "why", "marked"),
        [
            ("Cosin(epochs=3)", "no schedule is called 'Cosin'. Did you mean 'Cosine'?", "Cosin"),
            ("warmup(epochs=1).then(Cosin(epochs=3))", "Did you mean 'Cosine'?", "Cosin"),
            ("Cosine(epochs=0)", "epochs must be a finite number > 0, got 0", "Cosine(epochs=0)"),
            ("Cosine(end=-1, epochs=3)", "end must be a finite number >= 0, got -1", "Cosine(end=-1, epochs=3)"),
            ("Cosine()", "Cosine takes exactly one of steps", "Cosine()"),
            ("Cosine(epochs=3, epochs=4)", "epochs is given twice", "4"),
            ("Cosine(epoch=3)", "unexpected keyword argument 'epoch'", "Cosine(epoch=3)"),
            ("Cosine(epochs='3')", "epochs must be a finite number > 0, got '3'", "Cosine(epochs='3')"),
            ("Step(0.1, epochs=[3, 2])", "in rising order", "Step(0.1, epochs=[3, 2])"),
            ("Cosine(epochs=1).then(3)", "a phase must be a schedule, got 3", "Cosine(epochs=1).then(3)"),
            ("Constant().then(Cosine(epochs=1))", "a schedule that ends", "Constant().then(Cosine(epochs=1))"),
            ("Cosine(epochs=1).than(Constant())", "Did you mean 'then'?", "Cosine(epochs=1).than"),
            ("Cosine(epochs=1).resolve(per='epoch')", "has no method 'resolve'", "Cosine(epochs=1).resolve"),
            ("Linear(epochs=1) + Cosine(epochs=1)", "joined by .then", "Linear(epochs=1) + Cosine(epochs=1)"),
            ("-Linear(epochs=1)", "bad operand type", "-Linear(epochs=1)"),
            ("Linear(epochs=1) < 3", "join them by .then", "Linear(epochs=1) < 3"),
            ("not Linear(epochs=1)", "join them by .then", "not Linear(epochs=1)"),
            ("Linear(epochs=1 + 1)", "this is not among", "1 + 1"),
            ("Linear(epochs=-(-1))", "plain values are not computed with", "-(-1)"),
            ("Linear(epochs=n)", "names stand for nothing here: a schedule is Cosine(epochs=10), for example", "n"),
            ("Cosine", "write Cosine(...)", "Cosine"),
            ("Chain(Cosine(epochs=1), Constant())", "no schedule is called 'Chain'", "Chain"),
            ("Schedule.of(min, epochs=3)", "Schedule.of calls a Python function", "Schedule"),
            ("5", "this is 5 (int), no schedule", "5"),
            ("[Cosine(epochs=1)]", "no schedule", "[Cosine(epochs=1)]"),
            ("lambda step: 1", "this is not among", "lambda step: 1"),
            ("(lambda: 1)()", "only schedules and their methods can be called", "lambda: 1"),
            ("Cosine(steps=1).__class__()", "has no method '__class__'", "Cosine(steps=1).__class__"),
            ("CosineRestarts(growth=0, steps=1)", "growth must be a whole", "CosineRestarts(growth=0, steps=1)"),
        ],
    )  # fmt: skip
    def test_each_says_why_and_where(self, text: str, why: str, marked: str) -> None:
        told, line, carets = refusal(text).rsplit("\n", 2)
        assert why in told
        assert line == f"    {text}"
        place = slice(carets.index("^"), carets.rindex("^") + 1)
        assert line[place] == marked

    @pytest.mark.parametrize("text", ["", "Cosine(epochs=5", "Cosine(epochs=5) +", "1 2", "a = 5", "\x00", "\ud800"])
    def test_so_does_what_is_no_python(self, text: str) -> None:
        refusal(text)

    def test_what_is_nested_deeply_or_long(self) -> None:
        assert "nested more than 60 deep" in refusal("Cosine(steps=1)" + ".floor(0)" * 100)
        assert "at most 10000 are read" in refusal("Constant(" + "1" * 10_000 + ")")

    def test_what_is_no_text(self) -> None:
        with pytest.raises(TypeError, match="text must be a schedule as repr prints it, as a string, got 5"):
            Schedule.parse(5)  # type: ignore[arg-type]

    def test_cycles_that_no_run_could_hold(self) -> None:
        assert CosineRestarts(growth=2, cycles=54, steps=1).length == 2**54 - 1
        for growth, cycles in ((2, 55), (3, 10**9), (10**9, 3)):
            with pytest.raises(ValueError, match=r"cycles must be so few that the last is at most 2\*\*53 times"):
                CosineRestarts(growth=growth, cycles=cycles, steps=1)
        assert CosineRestarts(cycles=10**9, steps=1).length == 10**9


WORDS = [
    *schedules.__all__, "0.5", "5", "-1", "1e999", "None", "True", "(", ")", "[", "]", "{", "}", ",", "=", ":=", ".",
    "steps", "epochs", "rest=True", "fraction=0.3", "times", "every", "underway=True", "then", "repeat", "floor", "of",
    "+", "-", "*", "**", "and", "not", "lambda", "__class__", "__import__", "eval", "exec", "\n", "#", "'", "\x00",
]  # fmt: skip


class TestRandomTexts:
    @given(
        st.one_of(
            st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join), st.lists(st.sampled_from(WORDS)).map("".join)
        )
    )
    def test_each_is_a_schedule_or_a_parse_error(self, text: str) -> None:
        try:
            found = Schedule.parse(text)
        except ParseError:
            return
        assert Schedule.parse(repr(found)) == found

    @given(written, st.data())
    def test_so_is_each_schedule_with_a_mistake(self, schedule: Schedule, data: Any) -> None:
        text = repr(schedule)
        at = data.draw(st.integers(0, len(text)))
        to = data.draw(st.integers(at, min(at + 3, len(text))))
        mistake = text[:at] + data.draw(st.sampled_from(["", *WORDS])) + text[to:]
        try:
            found = Schedule.parse(mistake)
        except ParseError:
            return
        assert Schedule.parse(repr(found)) == found


AUDITED = """
import sys
from ignite_delayed.schedules import Schedule
from ignite_delayed.errors import ParseError

texts = sys.stdin.read().split(chr(0))
try:  # once before: what an error needs is imported
    Schedule.parse("Cosin(steps=1).then(Constant(0.5).floor(2).repeat())")
except ParseError:
    pass
Schedule.parse("Cosine(steps=1).floor(0.1).repeat()")
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
for text in texts:
    try:
        Schedule.parse(text)
    except ParseError:
        pass
print(sorted(set(seen) - {"sys._getframe", "object.__getattr__"}))
"""


def test_nothing_is_evaluated() -> None:
    texts = [
        "Cosine(epochs=1).repeat(2).floor(0.1)",
        "__import__('os').system('true')",
        "Cosine(epochs=open('x', 'w'))",
        "Schedule.of(eval, epochs=1)",
        "Cosine(epochs=1).__class__.__init__.__globals__['__builtins__']['eval']('1')",
        "Cosine(epochs=(lambda: open('x', 'w'))())",
        "Step(0.1, epochs=[y for y in open('x')])",
    ]
    done = subprocess.run(
        [sys.executable, "-c", AUDITED],
        input="\0".join(texts),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['compile']"  # Python's parser, to a tree
