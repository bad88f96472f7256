"""Kill a training process at random moments, resume it until its end, and compare with the run that was left alone.

``python benchmarks/soak.py --kills 50`` exits with an error where anything but the seconds differs. With ``--ranks 2``
two processes train together, rank 0 evaluates and saves alone, in the middle of epochs too, and all are killed.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ignite
import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import Checkpoint, DiskSaver
from ignite.metrics import Accuracy, Loss
from torch.nn.parallel import DistributedDataParallel
from torch.optim import lr_scheduler

from ignite_delayed import (
    After,
    Gate,
    History,
    LRPhases,
    Metric,
    Phase,
    Recorder,
    __version__,
    delay_early_stopping,
    warmup,
)

EPOCHS, BATCHES = 300, 10


class Batches:
    """The training data in an order of their own for each epoch, the same whenever that epoch is trained.

    An epoch that was cut goes on where it was; each rank has its part of every batch.
    """

    def __init__(self, trainer: Engine, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.trainer, self.inputs, self.targets = trainer, inputs, targets

    def __len__(self) -> int:
        return BATCHES

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        generator = torch.Generator().manual_seed(self.trainer.state.epoch)
        parts = torch.randperm(len(self.inputs), generator=generator).chunk(BATCHES)
        for part in parts[self.trainer.state.iteration % BATCHES :]:
            time.sleep(0.002)
            mine = part[idist.get_rank() :: idist.get_world_size()]
            yield self.inputs[mine], self.targets[mine]


def digits() -> list[torch.Tensor]:
    """Noisy pictures of ten classes, eight by eight: the training set, then the other."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.randn(10, 64, generator=generator)
    data = []
    for size in (100, 400):
        targets = torch.randint(10, (size,), generator=generator)
        data += [classes[targets] + 2.5 * torch.randn(size, 64, generator=generator), targets]
    return data


def meet(rendezvous: Path, rank: int, ranks: int) -> None:
    """Join the process group of those who train together."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    idist.set_local_rank(rank)
    idist.sync()


def is_evaluated(engine: Engine, iteration: int) -> bool:
    """Whether rank 0 evaluates in the middle of an epoch; its records wait for the end of it."""
    return iteration % BATCHES == 6


def is_saved(engine: Engine, iteration: int) -> bool:
    """Whether rank 0 saves in the middle of an epoch, with records that wait and without."""
    return iteration % BATCHES in (4, 8)


def train(folder: Path) -> None:
    """Train in ``folder`` from the last checkpoint there, if there is one, to the end."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    inputs, targets, test_inputs, test_targets = digits()
    alone = idist.get_world_size() == 1
    evaluated = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    model = evaluated if alone else DistributedDataParallel(evaluated)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.004, momentum=0.5)
    loss = torch.nn.CrossEntropyLoss()
    trainer = create_supervised_trainer(model, optimizer, loss)
    metrics: dict[str, Any] = {"loss": Loss(loss), "accuracy": Accuracy()}
    evaluator = create_supervised_evaluator(evaluated, metrics=metrics if alone else {})
    recorder = Recorder(trainer, evaluator, optimizer=optimizer, evaluate_on=None if alone else "rank0")
    accurate = (Metric("accuracy").mean(5) > 0.5).sustained(evaluations=3)
    phases = LRPhases(
        recorder,
        optimizer,
        [
            Phase(warmup(epochs=15), per="iteration"),
            Phase(lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.99), per="epoch", until=accurate),
            Phase(
                lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4, threshold=0.01),
                monitor="loss",
                mode="min",
            ),
        ],
    )
    Gate(recorder, until=accurate, name="accurate")
    Gate(recorder, when=Metric("loss").change(2) < -0.01, name="falling")
    stopper = delay_early_stopping(
        recorder,
        "loss",
        mode="min",
        patience=40,
        until=After(epochs=60),
        while_closed="track",
        threshold=0.02,
        cumulative=True,
    )

    moments = Events.EPOCH_COMPLETED
    if not alone:
        moments |= Events.ITERATION_COMPLETED(event_filter=is_evaluated)

    def report(engine: Engine) -> None:  # Ignite's own metrics would wait for the other ranks
        outputs, targets = engine.state.output
        accuracy = (outputs.argmax(dim=1) == targets).float().mean()
        engine.state.metrics = {"loss": loss(outputs, targets).item(), "accuracy": accuracy.item()}

    def evaluate() -> None:
        evaluator.run([(test_inputs, test_targets)])

    if not alone:
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, report)
    if idist.get_rank() == 0:
        trainer.add_event_handler(moments, evaluate)

    objects = {"model": model, "optimizer": optimizer, "trainer": trainer, **recorder.to_save()}
    saver = DiskSaver(str(folder), require_empty=False)
    if not alone:
        moments = Events.EPOCH_COMPLETED | Events.ITERATION_COMPLETED(event_filter=is_saved)
    checkpoint = Checkpoint(objects, saver, n_saved=None, global_step_transform=lambda *_: trainer.state.iteration)
    if idist.get_rank() == 0:
        trainer.add_event_handler(moments, checkpoint)
    checkpoints = sorted(folder.glob("checkpoint_*.pt"), key=lambda path: int(path.stem.split("_")[1]))
    if checkpoints:
        Checkpoint.load_objects(objects, checkpoints[-1])
    idist.barrier()  # before one that another rank would see is written, or was deleted
    for old in checkpoints[:-1]:
        old.unlink(missing_ok=True)
    print("training", flush=True)
    trainer.run(Batches(trainer, inputs, targets), max_epochs=EPOCHS)
    switches = [list(switch) for switch in phases.switches]
    if idist.get_rank() > 0:
        return
    end = {"weights": evaluated.state_dict(), "reason": stopper.reason, "switches": switches}
    torch.save(end, folder / "end.tmp")
    recorder.history.save(folder / "history.jsonl", overwrite=True)
    (folder / "end.tmp").replace(folder / "end.pt")


def start(folder: Path, ranks: int) -> list[subprocess.Popen[str]]:
    """The processes that train in ``folder``, past their imports."""
    rendezvous = Path(tempfile.mkdtemp(dir=folder), "rendezvous")
    command = [sys.executable, __file__, "--train", str(folder), "--ranks", str(ranks), "--rendezvous", str(rendezvous)]
    processes = [
        subprocess.Popen([*command, "--rank", str(rank)], stdout=subprocess.PIPE, text=True) for rank in range(ranks)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    return processes


def soak(folder: Path, kills: int, chance: random.Random, longest: float, ranks: int) -> int:
    """Train in ``folder`` to the end, killed at most ``kills`` times on the way; how often it was."""
    killed = 0
    while True:
        processes = start(folder, ranks)
        try:
            codes = [processes[0].wait(chance.uniform(0, longest) if killed < kills else None)]
        except subprocess.TimeoutExpired:
            for process in chance.sample(processes, ranks):
                process.kill()
            for process in processes:
                process.wait()
            killed += 1
            continue
        codes += [process.wait() for process in processes[1:]]
        if any(codes):
            raise SystemExit(f"the training processes failed with codes {codes} after {killed} kills")
        return killed


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run left behind, but for the seconds."""
    history = History.load(folder / "history.jsonl")
    end = torch.load(folder / "end.pt", weights_only=True)
    return {
        "records": [(r.epoch, r.iteration, r.evaluation, r.planned, r.source, r.values) for r in history],
        "decisions": [(m.kind, m.name, m.epoch, m.iteration, m.evaluation, m.text) for m in history.marks],
        "reason": end["reason"],
        "switches": end["switches"],
        "weights": {name: weight.tolist() for name, weight in end["weights"].items()},
    }


def main() -> None:
    """Soak, compare, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how often to kill (default: 50)")
    parser.add_argument("--longest", type=float, default=0.5, help="seconds of training before a kill, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--ranks", type=int, default=1, help="processes that train together (default: 1)")
    for name, kind in (("--train", Path), ("--rendezvous", Path), ("--rank", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train is not None:
        if arguments.ranks > 1:
            meet(arguments.rendezvous, arguments.rank, arguments.ranks)
        train(arguments.train)
        return
    chance, killed, runs, began = random.Random(arguments.seed), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        undisturbed = Path(place, "undisturbed")
        undisturbed.mkdir()
        soak(undisturbed, 0, chance, arguments.longest, arguments.ranks)
        expected = outcome(undisturbed)
        while killed < arguments.kills:
            runs += 1
            folder = Path(place, f"run {runs}")
            folder.mkdir()
            killed += soak(folder, arguments.kills - killed, chance, arguments.longest, arguments.ranks)
            found = outcome(folder)
            different = [what for what in expected if found[what] != expected[what]]
            if different:
                raise SystemExit(f"run {runs} differs from the undisturbed one in {', '.join(different)}")
    print(f"ignite-delayed {__version__}, ignite {ignite.__version__}, torch {torch.__version__}")
    print(f"{arguments.ranks} processes: {killed} kills (SIGKILL) in {runs} runs, {time.monotonic() - began:.0f} s")
    print(f"{len(expected['records'])} records and {len(expected['decisions'])} decisions a run: equal")
    print(f"weights: equal bit for bit; {expected['reason']}")


if __name__ == "__main__":
    main()
