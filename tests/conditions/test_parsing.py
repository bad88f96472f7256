"""Conditions from text: what repr prints is read back, and nothing is evaluated."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import expressions, trees

import ignite_delayed.conditions as conditions
from ignite_delayed import After, Always, Condition, EarlyStop, Finite, Metric
from ignite_delayed.conditions.parsing import read
from ignite_delayed.errors import ParseError

LOSS = Metric("loss")


def refusal(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        Condition.parse(text)
    return str(caught.value)


class TestWhatIsRead:
    @given(trees)
    def test_what_repr_prints_is_read_back_but_for_predicates(self, condition: Condition) -> None:
        text = repr(condition)
        if "Predicate(" in text:
            assert "a Predicate calls a Python function" in refusal(text)
        else:
            assert Condition.parse(text) == condition

    @given(expressions)
    def test_so_are_expressions_though_they_are_no_condition(self, expression: conditions.Expression) -> None:
        assert read(repr(expression)) == expression
        assert "This is a number, not a condition" in refusal(repr(expression))

    @given(st.text())
    @example("'")
    @example("\ud800")
    @example("a\nb\\\x00")
    def test_every_name_of_a_metric(self, name: str) -> None:
        condition = Finite(name or "loss")
        assert Condition.parse(repr(condition)) == condition

    @given(st.floats(allow_nan=False, allow_infinity=False))
    @example(-0.0)
    @example(5e-324)
    @example(sys.float_info.max)
    def test_every_number(self, number: float) -> None:
        for condition in (Metric("loss") < number, LOSS * number > -LOSS, number - LOSS <= 0):
            assert Condition.parse(repr(condition)) == condition

    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("After(epochs=5)\n", After(epochs=5)),
            ("  (\n After(epochs=5)  # late\n)", After(epochs=5)),
            ('Metric("loss")<1', LOSS < 1.0),
            ("0.5 > Metric('loss')", LOSS < 0.5),
            ("EarlyStop('loss', mode='min', patience=3, cumulative=True, until=None)",
             EarlyStop("loss", mode="min", patience=3, cumulative=True)),
        ],
    )  # fmt: skip
    def test_python_written_otherwise(self, text: str, condition: Condition) -> None:
        assert Condition.parse(text) == condition

    def test_as_many_side_by_side_as_the_text_may_hold(self) -> None:
        text = " & ".join(["Always()"] * 900)
        assert len(Condition.parse(text).parts) == 900
        assert repr(Condition.parse(text)) == text

    def test_every_condition_and_every_fluent_method_is_on_the_list(self) -> None:
        """What is offered is read: a new condition must say so, or be named here."""
        printed_otherwise = {"Compare", "And", "Or", "Not", "Sustained", "Holds", "Latched", "Then"}
        neither = {"Condition", "Expression", "Explanation", "Predicate", "State"}
        kinds = {
            name for name, kind in vars(conditions).items() if isinstance(kind, type) and name in conditions.__all__
        }
        for name in kinds - printed_otherwise - neither:
            assert "no condition is called" not in refusal(f"{name}(1, 2, 3, 4)")
        for kind in (Condition, conditions.Expression):
            assert all(callable(getattr(kind, name)) for name in kind.fluent)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "why", "marked"),
        [
            ("Score(f, names=('a',)) < 1", "a Score calls a Python function", "Score"),
            ("Metrc('loss') < 0.5", "no condition is called 'Metrc'. Did you mean 'Metric'?", "Metrc"),
            ("(Metric('loss') < 0.5) & Aftr(epochs=5)", "Did you mean 'After'?", "Aftr"),
            ("Metric('é') < True", "must be a finite number", "Metric('é') < True"),
            ("Finite('é') & After(epochs=-1)", "epochs must be a whole number >= 0, got -1", "After(epochs=-1)"),
            ("After(epochs=1.5)", "a whole number", "After(epochs=1.5)"),
            ("After(epochs=1, epochs=2)", "epochs is given twice", "2"),
            ("After(**{'epochs': 1})", "** is not read", "{'epochs': 1}"),
            ("After(*[1])", "this is not among", "*[1]"),
            ("loss < 0.5", "a metric is Metric('loss')", "loss"),
            ("After", "write After(...)", "After"),
            ("Metric('a') < 1 and After(epochs=2)", "with & | ~", "Metric('a') < 1 and After(epochs=2)"),
            ("not After(epochs=2)", "with & | ~", "not After(epochs=2)"),
            ("0.1 < Metric('a') < 0.5", "with & | ~", "0.1 < Metric('a') < 0.5"),
            ("Metric('a') == 1", "with & | ~", "Metric('a') == 1"),
            ("Metric('a') < 0.5 & After(epochs=2)", "put each comparison in parentheses", "0.5 & After(epochs=2)"),
            ("Metric('a').name", "this is not among", "Metric('a').name"),
            ("Metric('a').advance(1, 2)", "Metric('a') has no method 'advance'", "Metric('a').advance"),
            ("Metric('a').meen(3) < 1", "Did you mean 'mean'?", "Metric('a').meen"),
            ("After(epochs=1).then(After)", "write After(...)", "After"),
            ("'a'.format()", "'a' (str) has no methods here", "'a'.format"),
            ("Metric('a' * 9) < 1", "plain values are not computed with", "'a' * 9"),
            ("Metric('a') < 9 ** 9", "this is not among", "9 ** 9"),
            ("Metric('a') < 1 + 1", "plain values are not computed with", "1 + 1"),
            ("Metric('a') < abs(-1)", "plain values are not computed with", "abs(-1)"),
            ("Metric('a') < 1j", "1j (complex) is no argument", "1j"),
            ("Metric(b'a') < 1", "b'a' (bytes) is no argument", "b'a'"),
            ("Metric(f'{1}') < 1", "this is not among", "f'{1}'"),
            ("Metric('a') < 1e999", "must be a finite number, got inf", "Metric('a') < 1e999"),
            ("After(epochs=99999999999999999999)", "< 2**63", "After(epochs=99999999999999999999)"),
            ("5", "this is 5 (int), no condition", "5"),
            ("'After(epochs=5)'", "no condition", "'After(epochs=5)'"),
            ("lambda record: True", "this is not among", "lambda record: True"),
            ("(lambda: 1)()", "only conditions, expressions and their methods", "lambda: 1"),
            ("__import__('os').system('true')", "no condition is called '__import__'", "__import__"),
            ("Always().__class__.__base__()", "this is not among", "Always().__class__"),
        ],
    )  # fmt: skip
    def test_each_says_why_and_where(self, text: str, why: str, marked: str) -> None:
        told, line, carets = refusal(text).rsplit("\n", 2)
        assert why in told
        assert line == f"    {text}"
        place = slice(carets.index("^"), carets.rindex("^") + 1)
        assert line[place] == marked

    @pytest.mark.parametrize(
        "text", ["", "   ", "After(epochs=5", "After(epochs=5) &", "1 2", "a = 5", "\x00", "\ufeff", "\ud800"]
    )
    def test_so_does_what_is_no_python(self, text: str) -> None:
        refusal(text)

    def test_the_line_of_a_long_text_is_the_one_that_is_wrong(self) -> None:
        told = refusal("(After(epochs=5) &\n Aftr(epochs=6))")
        assert told.splitlines()[1:] == ["     Aftr(epochs=6))", "     ^^^^"]

    def test_a_long_line_is_cut_around_the_place(self) -> None:
        told = refusal(" & ".join(["Always()"] * 100 + ["Alwaz()"] + ["Always()"] * 100))
        line, carets = told.splitlines()[1:]
        assert len(line) < 120
        assert line[carets.index("^") :].startswith("Alwaz()")

    @pytest.mark.parametrize("text", ["Predicate(even)", "After(epochs=1) & Predicate(test.<locals>.<lambda>)"])
    def test_predicates_say_why_they_cannot_be_read(self, text: str) -> None:
        assert "reading a text runs none: build it in Python" in refusal(text)

    @pytest.mark.parametrize(
        "text",
        [
            "~" * 61 + "Always()",
            "~" * 9_000 + "Always()",
            "(" * 150 + "Always()" + ")" * 150,
            "(" * 4_000 + "Always()" + ")" * 4_000,
            "abs(" * 80 + "Metric('a')" + ")" * 80 + " < 1",
            "Metric('a')" + " + 1" * 2_000 + " < 1",
            "Metric('a')" + ".mean(1)" * 1_000 + " < 1",
            "-" * 9_000 + "1",
        ],
        ids=lambda text: text[:30],
    )
    def test_what_is_nested_deeply(self, text: str) -> None:
        if text.startswith("((") and text.count("(") < 200:
            assert Condition.parse(text) == Always()  # parentheses nest nothing
        else:
            refusal(text)

    def test_what_is_long(self) -> None:
        assert "10012 characters long, and at most 10000" in refusal("Metric('" + "a" * 9_998 + "') < 1")
        refusal("After(epochs=" + "9" * 9_000 + ")")
        refusal("After(epochs=0x" + "f" * 9_000 + ")")

    def test_what_is_no_text(self) -> None:
        with pytest.raises(TypeError, match="text must be a condition as repr prints it, as a string, got 5"):
            Condition.parse(5)  # type: ignore[arg-type]

    def test_its_error_is_a_value_error_that_travels(self) -> None:
        with pytest.raises(ValueError, match="no condition") as caught:
            Condition.parse("5")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


WORDS = [
    *conditions.__all__, "loss", "'loss'", "0.5", "5", "-1", "1e999", "None", "True", "(", ")", "[", "]", "{", "}", ",",
    "=", ":=", ".", "&", "|", "~", "<", ">=", "==", "+", "-", "*", "**", "/", "and", "or", "not", "if", "else",
    "lambda", "epochs", "mode", "'min'", "mean", "sustained", "then", "latched", "abs", "__class__", "__import__",
    "eval", "exec",
    "open", "await", "yield", "\n", "#", "\\", "é", "\t", "'", '"', "f'{", "}'", "\x00", "\ud800",
]  # fmt: skip


class TestRandomTexts:
    @given(
        st.one_of(
            st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join), st.lists(st.sampled_from(WORDS)).map("".join)
        )
    )
    def test_each_is_a_condition_or_a_parse_error(self, text: str) -> None:
        try:
            found = Condition.parse(text)
        except ParseError:
            return
        assert Condition.parse(repr(found)) == found

    @given(trees, st.data())
    def test_so_is_each_condition_with_a_mistake(self, condition: Condition, data: st.DataObject) -> None:
        text = repr(condition)
        at = data.draw(st.integers(0, len(text)))
        to = data.draw(st.integers(at, min(at + 3, len(text))))
        mistake = text[:at] + data.draw(st.sampled_from(["", *WORDS])) + text[to:]
        try:
            found = Condition.parse(mistake)
        except ParseError:
            return
        assert Condition.parse(repr(found)) == found


@pytest.mark.parametrize("text", ["1or Never()", "Metric('a\\d') < 1", "After(epochs=0x1for x in y)"])
def test_what_pythons_parser_warns_of_is_a_mistake(text: str) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(ParseError):
            Condition.parse(text)
    assert told == []


AUDITED = """
import sys
from ignite_delayed.conditions import Condition
from ignite_delayed.errors import ParseError

texts = sys.stdin.read().split(chr(0))
try:  # once before: what an error needs is imported
    Condition.parse("Aftr()")
except ParseError:
    pass
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
for text in texts:
    try:
        Condition.parse(text)
    except ParseError:
        pass
print(sorted(set(seen) - {"sys._getframe", "object.__getattr__"}))
"""


def test_nothing_is_evaluated() -> None:
    texts = [
        "After(epochs=1)",
        "__import__('os').system('true')",
        "open('x', 'w')",
        "exec('import antigravity')",
        "Metric('a').__class__.__init__.__globals__['__builtins__']['eval']('1')",
        "After(epochs=(lambda: open('x', 'w'))())",
        "Metric(open('x', 'w').name) < [y for y in open('x')][0]",
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
