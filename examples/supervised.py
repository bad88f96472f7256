"""Handwritten digits, with what most runs have: warm-up, checkpoints, early stopping, and a resume.

Early stopping and the checkpoint of the best weights wait until the warm-up is long over. After Ctrl-C a run goes on
with all that it had counted, from its last checkpoint::

    python examples/supervised.py
    python examples/supervised.py --resume runs/digits/last_checkpoint_85.pt
"""

import argparse
from pathlib import Path

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import Checkpoint, DiskSaver, TerminateOnNan, global_step_from_engine
from ignite.metrics import Accuracy, Loss
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from ignite_delayed import After, Cosine, Recorder, apply_schedule, delay, delay_early_stopping, warmup

parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=Path, default=Path("runs/digits"), help="where checkpoints go")
parser.add_argument("--resume", type=Path, help="the checkpoint to go on from")
parser.add_argument("--epochs", type=int, default=40)
args = parser.parse_args()

# Data, model and engines, as in any Ignite script. One evaluator runs on two sets of data.
torch.manual_seed(0)
digits = load_digits()
dataset = TensorDataset(torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target))
train_set, val_set, test_set = random_split(dataset, [0.6, 0.2, 0.2])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader, test_loader = DataLoader(val_set, batch_size=256), DataLoader(test_set, batch_size=256)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
criterion = nn.CrossEntropyLoss()
trainer = create_supervised_trainer(model, optimizer, criterion)
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "loss": Loss(criterion)})
trainer.add_event_handler(Events.ITERATION_COMPLETED, TerminateOnNan())

# What is recorded, and what follows from it.
data = {"train": (evaluator, train_loader), "val": (evaluator, val_loader)}
recorder = Recorder(trainer, data, optimizer=optimizer)
apply_schedule(recorder, optimizer, warmup(fraction=0.05).then(Cosine(fraction=0.95)), per="iteration")
stopper = delay_early_stopping(recorder, "val/loss", mode="min", patience=4, until=After(epochs=10))
best = Checkpoint(
    {"model": model},
    DiskSaver(args.folder, require_empty=False),
    filename_prefix="best",
    score_function=Checkpoint.get_default_score_fn("accuracy"),
    score_name="accuracy",
    global_step_transform=global_step_from_engine(trainer),
)
delay(recorder, best, until=After(epochs=10), engine="val")


@trainer.on(Events.EPOCH_COMPLETED)
def evaluate() -> None:
    """Evaluate on both sets: each evaluation is a record of its own."""
    evaluator.run(train_loader)
    evaluator.run(val_loader)
    latest = recorder.history.latest
    print(f"epoch {trainer.state.epoch:2d}  train {latest['train/loss']:.3f}  val {latest['val/loss']:.3f}")


# Everything that is to be resumed, saved after the evaluations of its epoch.
to_save = {"model": model, "optimizer": optimizer, "trainer": trainer, **recorder.to_save()}
last = Checkpoint(to_save, DiskSaver(args.folder, require_empty=False), filename_prefix="last", n_saved=2)
trainer.add_event_handler(Events.EPOCH_COMPLETED, last)
if args.resume:
    Checkpoint.load_objects(to_save, torch.load(args.resume, weights_only=True))

trainer.run(train_loader, max_epochs=args.epochs)

print("stopped:", stopper.reason or "no, the run is over")
if best.last_checkpoint:
    model.load_state_dict(torch.load(best.last_checkpoint, weights_only=True))
evaluator.run(test_loader)  # after training: not a record, and no patience is spent
print(f"test accuracy {evaluator.state.metrics['accuracy']:.3f} with {best.last_checkpoint or 'the last weights'}")
