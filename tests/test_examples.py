"""The scripts in examples/ are run as their users run them, each in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
#: One thread each, so that results are those of every machine; and the package of this tree, wherever it is run from.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    """``python command`` in ``folder``, where nothing of the repository lies."""
    pipe = subprocess.PIPE
    command = (sys.executable, *command)
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True)


def said(folder: Path, *command: str) -> list[str]:
    """The lines that ``python command`` prints."""
    process = started(folder, *command)
    out, errors = process.communicate(timeout=300)
    # The script is over; rarely a thread of gloo's makes torch abort while the interpreter goes down.
    torn_down = "End of run" in errors and "terminate called without an active exception" in errors
    assert process.returncode == 0 or torn_down, errors
    return out.splitlines()


def test_a_supervised_run_goes_on_after_ctrl_c_and_keeps_its_best_weights(tmp_path: Path) -> None:
    script = str(EXAMPLES / "supervised.py")
    process = started(tmp_path, script)
    assert process.stdout
    while not process.stdout.readline().startswith("epoch 13"):
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors

    last = max((tmp_path / "runs/digits").glob("last_*.pt"), key=lambda path: path.stat().st_mtime)
    iterations = int(re.findall(r"\d+", last.name)[0])
    assert iterations >= 12 * 17  # those of an epoch
    *epochs, stopped, tested = said(tmp_path, script, "--resume", str(last))
    resumed = iterations // 17 + 1
    assert epochs[0].startswith(f"epoch {resumed} ")
    assert resumed + len(epochs) < 40
    reason = r"stopped: val/loss did not improve for 4 evaluations in a row .*After\(epochs=10\) open since epoch 11"
    assert re.fullmatch(reason, stopped)
    found = re.fullmatch(r"test accuracy (0\.\d+) with (runs/digits/best_model_(\d+)_accuracy=.*\.pt)", tested)
    assert found
    assert float(found[1]) > 0.9
    assert 10 < int(found[3]) < resumed + len(epochs)
    assert (tmp_path / found[2]).is_file()


def test_a_gan_settles_and_keeps_samples_from_then_on(tmp_path: Path) -> None:
    records, rates, *samples = said(tmp_path, str(EXAMPLES / "gan.py"))
    assert records == "40 records of 640 iterations; nobody has won"
    assert len(samples) > 5
    fallen = [float(rate) for rate in re.findall(r"0\.\d+", rates)]
    assert len(fallen) == 2
    assert fallen == pytest.approx([1e-3 * 0.9 ** (len(samples) - 2)] * 2, rel=0.2)
    assert 0.8 < float(samples[-1].split()[5].rstrip(",")) < 1.2


def test_what_is_recorded_by_hand_stops_the_run(tmp_path: Path) -> None:
    explored, solved, steps = said(tmp_path, str(EXAMPLES / "by_hand.py"))
    assert re.fullmatch(r"episode \d+: no more reward for exploring", explored)
    assert re.fullmatch(r"\d+ episodes: Metric\('reward'\)\.mean\(20\) >= -10\.0 held", solved)
    assert float(steps.split()[5]) <= 10


def test_two_ranks_stop_in_the_same_epoch(tmp_path: Path) -> None:
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    lines = said(tmp_path, *launch, str(EXAMPLES / "distributed.py"))
    told = r"rank (\d) of 2: (epoch \d+, accuracy [\d.]+; loss did not improve.*?since epoch 6)"
    ranks = re.findall(told, "".join(lines))
    assert sorted(rank for rank, _ in ranks) == ["0", "1"]
    assert len({said for _, said in ranks}) == 1


def test_each_is_linked_in_the_readme() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert scripts == set(re.findall(r"<examples/(\w+\.py)>", (ROOT / "README.rst").read_text(encoding="utf-8")))
