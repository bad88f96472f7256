"""Ctrl-C at each line of the package that a small training comes by: how many of the resumed runs are as undisturbed.

``PYTHONPATH=. python benchmarks/interrupts.py [every] [first]``: every line, or each one of so many.
``PYTHONPATH=. python benchmarks/interrupts.py timer [times]``: by a timer instead, at random moments.
"""

from __future__ import annotations

import collections
import logging
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from interruptions import Training, differences, differences_after, lines_of


def main(every: int = 1, first: int = 1) -> None:
    """Print the counts, and of what differed the first cuts."""
    logging.disable(logging.CRITICAL)
    undisturbed = Training().run().outcome()
    cuts = range(first, lines_of(Training().run) + 1, every)
    found: dict[str, list[int]] = collections.defaultdict(list)
    for cut in cuts:
        different = differences(cut, undisturbed)
        if different:
            found[", ".join(different)[:150]].append(cut)
    wrong = sum(map(len, found.values()))
    print(f"{len(cuts) - wrong} of {len(cuts)} interrupted runs end as the undisturbed one")
    for what, at in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(at):5d}: {what}; cut at {', '.join(map(str, at[:8]))}")


def by_timer(times: int = 300) -> None:
    """The same for a timer that goes off at random moments of the run, in Ignite's lines and torch's as well."""
    logging.disable(logging.CRITICAL)
    undisturbed = Training().run().outcome()
    start = time.perf_counter()
    Training().run()
    takes, random = time.perf_counter() - start, Random(0)
    found: collections.Counter[str] = collections.Counter()
    cut = 0
    while cut < times:
        different = differences_after(random.uniform(1e-4, takes), undisturbed)
        if different is not None:
            cut += 1
            found[", ".join(different)[:150]] += 1
    print(f"{found.pop('', 0)} of {times} runs that a timer interrupts end as the undisturbed one")
    for what, count in found.most_common():
        print(f"{count:5d}: {what}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["timer"]:
        by_timer(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
