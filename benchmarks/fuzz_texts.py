"""Random texts read as conditions and as schedules: each is one, or a ``ParseError``, and nothing is executed.

``python benchmarks/fuzz_texts.py 100000 --seed 0`` reads so many texts: words and signs at random, what ``repr`` prints
with mistakes in it, letters of all scripts, and what is nested deeply. It exits with an error where anything else was
raised, where what was read does not read back what it prints, or where Python's audit hooks tell of anything but
parsing.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections import Counter
from typing import Any

from ignite_delayed.conditions import Condition
from ignite_delayed.errors import ParseError
from ignite_delayed.schedules import Schedule

PRINTED = [
    "EarlyStop('val/loss', mode='min', patience=5, until=After(epochs=20), while_closed='track', cumulative=True)",
    "(Metric('loss').mean(3) < 0.5).sustained(evaluations=2).then(Plateau('lr', mode='min', patience=4)).latched()",
    "After(epochs=5) & ~Finite('val/loss') | Between(After(epochs=2), Metric('lr') < 0.1)",
    "abs(Metric('a') - Metric('b')) / 2 >= 1e-05",
    "GeneralizationLoss('loss', alpha=5) | ProgressQuotient('loss', 'train', alpha=2) | RisingStrips('loss', rises=3)",
    "Cosine(epochs=10).floor(0.1).repeat(3)",
    "Linear(0.1, 1.0, steps=500).then(Constant(1.0, epochs=2)).then(Step(0.1, epochs=[3, 9]))",
    "__import__('os').system('true')",
    "Metric('a').__class__.__init__.__globals__['__builtins__']['eval']('1')",
    "After(epochs=(lambda: open('x', 'w'))())",
    "[y for y in open('x')][0] if exec('import antigravity') else f'{print(1)!r:>{9}}'",
]
WORDS = [
    "After", "Always", "Never", "Metric", "EarlyStop", "Finite", "Plateau", "Cosine", "Constant", "Linear",
    "Schedule", "Predicate", "Score", "epochs", "steps", "mode", "patience", "until", "lambda", "if", "else", "and",
    "or", "not", "in", "for", "await", "yield", "eval", "exec", "open", "True", "None", "(", ")", "[", "]", "{", "}",
    ",", "=", ":=", ".", ":", ";", "&", "|", "~", "<", ">=", "==", "+", "-", "*", "**", "/", "//", "@", "%", "^",
    "<<", "'", '"', "'''", "f'{", "}'", "b'", "#", "\\", "'loss'", "'min'", "0.5", "5", "-1", "1e999", "0x", "1_0",
    "1j", "...", ".mean(", ".then(", ".floor(", "__class__", "__import__", "__builtins__"
]  # fmt: skip
WORDS += ["9" * 400, "\n", "\t", "\r", "\\\n", "\x00", "\ud800", "\ufeff", "\u202e", "é", "\N{SNOWMAN}"]
#: What is put around a text again and again.
NESTING = [("(", ")"), ("~", ""), ("-", ""), ("abs(", ")"), ("", ".mean(1)"), ("Always() & ", ""), ("[", "")]
#: What Python tells of reading a text into a tree, and of looking at objects.
HARMLESS = {"builtins.id", "compile", "object.__getattr__", "sys._getframe"}


def text_of(draw: random.Random) -> str:
    """A text at random, of one of four kinds."""
    kind = draw.randrange(4)
    if kind == 0:
        return draw.choice(["", " "]).join(draw.choices(WORDS, k=draw.randrange(40)))
    if kind == 1:
        return "".join(chr(draw.randrange(0x110000 if draw.random() < 0.3 else 128)) for _ in range(draw.randrange(60)))
    text = draw.choice(PRINTED)
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(["", *WORDS, *PRINTED]) + text[at + draw.randrange(4) :]
    if kind == 3:
        before, after = draw.choice(NESTING)
        times = draw.choice([1, 5, 50, 100, 300, 3000])
        text = before * times + text + after * times
    return text


class Found:
    """What came of the texts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = (0.0, "")

    def read(self, text: str) -> None:
        """Read ``text`` as both, and write down what came of it."""
        for kind in (Condition, Schedule):
            begun = time.perf_counter()
            try:
                found: Any = kind.parse(text)
                if kind.parse(repr(found)) != found:
                    self.wrong.append(f"{text!r} was read as {found!r}, which is read as something else")
                self.outcomes[f"a {kind.__name__}"] += 1
            except ParseError:
                self.outcomes["ParseError"] += 1
            except BaseException as error:
                self.wrong.append(f"{text!r} raised {error!r}")
            self.slowest = max(self.slowest, (time.perf_counter() - begun, text))


def main() -> int:
    """Read texts, and say what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    draw, found, told = random.Random(chosen.seed), Found(), Counter[str]()
    warnings.simplefilter("error")
    for text in PRINTED:  # once before: what reading and its errors need is imported
        Found().read(text)
    sys.addaudithook(lambda event, _: told.update([event]))
    for _ in range(chosen.count):
        found.read(text_of(draw))
    executed = sorted(set(told) - HARMLESS)
    seconds, text = found.slowest
    came = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.outcomes.items()))
    print(f"{chosen.count:,} texts, seed {chosen.seed}, each read as both: {came}")
    print(f"slowest: {1e3 * seconds:.0f} ms, {len(text):,} characters: {text[:50]!r}")
    print(f"executed: {', '.join(executed) or 'nothing'}; wrong: {len(found.wrong)}", *found.wrong[:9], sep="\n  ")
    return 1 if executed or found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
