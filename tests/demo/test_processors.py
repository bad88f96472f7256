"""The demo decides alike on processors of different kinds: how they round must not reach a decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import torch

PROGRAM = """
import json, torch
from ignite_delayed.demo import runs
from ignite_delayed.demo.settings import Settings
from ignite_delayed.demo.task import load_task
settings = Settings(epochs=12, delay=4, patience=2, seed=1)
whole, *others = runs.plans(settings)
full = runs.train(load_task(1), settings, whole)
ended = [runs.would_be(full, plan) for plan in others]
print(json.dumps({
    "processor": torch.backends.cpu.get_cpu_capability(),
    "decisions": [[one.stopped_in, one.opened_in, one.best_epoch, one.test_accuracy] for one in [full, *ended]],
    "accuracies": full.history["accuracy"].tolist(),
    "losses": full.history["loss"].tolist(),
}))
"""


def told(**variables: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"} | variables
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="there is no other vector unit here")
def test_every_decision_is_that_of_a_processor_without_vector_units() -> None:
    native, plain = told(), told(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE")
    assert plain["processor"] == "DEFAULT" != native["processor"]
    assert native["decisions"] == plain["decisions"]
    assert native["accuracies"] == plain["accuracies"]
    # That near, more epochs do not part them: in single precision, or from weights first drawn in it, it is 1e-8.
    assert native["losses"] == pytest.approx(plain["losses"], rel=1e-11)
