"""Measure every case, print a table, and fail where a goal is missed."""

from __future__ import annotations

import sys

from cases import TIMED, measured_alone
from timing import side_by_side


def main() -> int:
    """Print name, figure and goal of each case; the number of goals missed."""
    rows: list[tuple[str, float, float, str]] = []
    for name, (case, number, goal) in TIMED.items():
        bare, ours = case()
        median = side_by_side({"bare": bare, "ours": ours}, number=number)
        print(f"{name}: {median['bare'] * 1e9:,.0f} ns, {median['ours'] * 1e9:,.0f} ns", file=sys.stderr)
        rows.append((name, median["ours"] / median["bare"], goal, "x"))
    rows += measured_alone()
    missed = 0
    for name, figure, goal, unit in rows:
        within = figure <= goal
        missed += not within
        print(f"{name:56} {figure:9.2f} {unit:2}  goal <= {goal:g} {unit}  {'ok' if within else 'MISSED'}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
