"""Ctrl-C at each line of the package that a small training comes by: how many of the resumed runs are as undisturbed.

``PYTHONPATH=. python benchmarks/interrupts.py [every] [first]``: every line, or each one of so many.
"""

from __future__ import annotations

import collections
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from interruptions import Training, differences, lines_of


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


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
