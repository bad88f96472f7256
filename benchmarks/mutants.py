"""Completes a run of mutmut: tries on real ranks what only they go through, which mutmut does not see; tells the score.

Run after ``mutmut run``, in the same folder. Verdicts are kept where mutmut keeps its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MUTANTS = Path("mutants")
SURVIVED, UNTESTED = 0, 33  # exit codes, as mutmut notes them
ON_RANKS = {"agreement.py", "engines.py", "hub.py", "records.py", "meeting.py", "rank0.py", "recorder.py"}
LIMIT = 90.0  # seconds


def on_ranks(mutant: str) -> int:
    """The exit code of the tests of several processes with ``mutant`` in place; out of time counts as failed."""
    tests = "tests/recording/ranks"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "MUTANT_UNDER_TEST": mutant}
    try:
        done = subprocess.run(command, cwd=MUTANTS, env=environment, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode


def main() -> None:
    """Try what is left of the modules that ranks go through, and print a line for each module."""
    caught = tried = 0
    for path in sorted(MUTANTS.glob("ignite_delayed/**/*.meta")):
        meta = json.loads(path.read_text(encoding="utf-8"))
        codes: dict[str, int | None] = meta["exit_code_by_key"]
        if path.stem in ON_RANKS:
            left = [mutant for mutant, code in codes.items() if code in (SURVIVED, UNTESTED)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                codes.update(zip(left, pool.map(on_ranks, left), strict=True))
            path.write_text(json.dumps(meta, indent=4), encoding="utf-8")
        killed = sum(code not in (None, UNTESTED, SURVIVED) for code in codes.values())
        caught, tried = caught + killed, tried + len(codes)
        if codes:
            module = path.relative_to(MUTANTS).with_suffix("")
            print(f"{module!s:44} {killed:5} of {len(codes):5}  {killed / len(codes):6.1%}")
    print(f"{'all':44} {caught:5} of {tried:5}  {caught / tried:6.1%}")


if __name__ == "__main__":
    main()
