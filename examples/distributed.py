"""Several processes, each with its part of the data: all of them decide alike, and stop in the same epoch.

Ignite's metrics are averaged over the ranks; the recorder makes rank 0's values those of all, so that no rank can stop
while another waits for it::

    torchrun --nproc_per_node=2 examples/distributed.py
"""

import ignite.distributed as idist
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset, random_split

from ignite_delayed import After, Recorder, delay_early_stopping


def main(local_rank: int) -> None:
    """Train on one rank."""
    torch.manual_seed(0)  # the same split and the same weights on every rank
    digits = load_digits()
    dataset = TensorDataset(torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target))
    train_set, val_set = random_split(dataset, [0.75, 0.25])
    train_loader = idist.auto_dataloader(train_set, batch_size=128, shuffle=True)
    val_loader = idist.auto_dataloader(val_set, batch_size=256)

    model = idist.auto_model(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)))
    optimizer = idist.auto_optim(torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9))
    criterion = nn.CrossEntropyLoss()
    trainer = create_supervised_trainer(model, optimizer, criterion, device=idist.device())
    metrics = {"accuracy": Accuracy(), "loss": Loss(criterion)}
    evaluator = create_supervised_evaluator(model, metrics=metrics, device=idist.device())

    recorder = Recorder(trainer, evaluator)  # on every rank, and so all that hangs on it
    stopper = delay_early_stopping(recorder, "loss", mode="min", patience=3, until=After(epochs=5))

    @trainer.on(Events.EPOCH_STARTED)
    def shuffle() -> None:
        """Give each epoch an order of its own."""
        if idist.get_world_size() > 1:
            train_loader.sampler.set_epoch(trainer.state.epoch)

    @trainer.on(Events.EPOCH_COMPLETED)
    def evaluate() -> None:
        """Evaluate on all ranks, each on its part."""
        evaluator.run(val_loader)

    trainer.run(train_loader, max_epochs=60)
    where = f"rank {idist.get_rank()} of {idist.get_world_size()}"
    accuracy = evaluator.state.metrics["accuracy"]
    print(f"{where}: epoch {trainer.state.epoch}, accuracy {accuracy:.3f}; {stopper.reason}", flush=True)
    idist.barrier()  # no rank leaves while another still talks


if __name__ == "__main__":
    with idist.Parallel(backend="gloo") as parallel:
        parallel.run(main)
