"""The scripts in Ignite's own ``examples/``, cut to synthetic tensors: our handlers fit in with one line each.

Each function is wired as the script of its name: the same engines, metrics, handlers and events, in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.contrib.engines import common
from ignite.engine import Engine, Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import (
    BasicTimeProfiler,
    Checkpoint,
    DiskSaver,
    ModelCheckpoint,
    ProgressBar,
    Timer,
    global_step_from_engine,
)
from ignite.metrics import PSNR, Accuracy, Loss, MeanSquaredError, RunningAverage
from torch import Tensor, nn, optim
from torch.distributions import Categorical
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from ignite_delayed import (
    After,
    Cosine,
    Metric,
    Record,
    Recorder,
    StateError,
    Stopper,
    adjust_lr,
    apply_schedule,
    delay,
    delay_early_stopping,
    delay_lr_scheduler,
    stop_when,
    warmup,
)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same weights and batches every time, and the caller's afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def classes(count: int) -> TensorDataset:
    """Points of three classes that a linear layer tells apart."""
    labels = torch.arange(count) % 3
    return TensorDataset(torch.eye(3)[labels] + 0.1 * torch.randn(count, 3), labels)


def recorded(recorder: Recorder) -> list[Record]:
    """The records of metrics, without those of the clock alone."""
    return [record for record in recorder.history if not record.is_tick]


def classifier() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 3), nn.LogSoftmax(dim=-1))


# --- mnist/mnist.py --------------------------------------------------------------------------------------------------


def test_mnist() -> None:
    train_loader, val_loader = DataLoader(classes(24), batch_size=8, shuffle=True), DataLoader(classes(9), batch_size=9)
    model = classifier()
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    criterion = nn.NLLLoss()
    trainer = create_supervised_trainer(model, optimizer, criterion)
    evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "nll": Loss(criterion)})
    printed: list[tuple[str, int, float]] = []

    recorder = Recorder(trainer, {"train": (evaluator, train_loader), "val": (evaluator, val_loader)})
    stopper = delay_early_stopping(recorder, "val/nll", mode="max", patience=2, until=After(epochs=3))
    late: list[int] = []
    delay(recorder, lambda: late.append(trainer.state.epoch), until=Metric("val/accuracy") >= 1, engine="val")

    @trainer.on(Events.EPOCH_COMPLETED)
    def log_training_results(engine: Engine) -> None:
        evaluator.run(train_loader)
        printed.append(("train", engine.state.epoch, evaluator.state.metrics["nll"]))

    @trainer.on(Events.EPOCH_COMPLETED)
    def log_validation_results(engine: Engine) -> None:
        evaluator.run(val_loader)
        printed.append(("val", engine.state.epoch, evaluator.state.metrics["nll"]))

    trainer.run(train_loader, max_epochs=10)

    # A loss that falls is no better with mode="max": the first evaluation after the delay stays the best.
    assert trainer.state.epoch == 6
    assert stopper.best_score == {epoch: nll for name, epoch, nll in printed if name == "val"}[4]
    for name in ("train", "val"):
        assert recorder.history[f"{name}/nll"].tolist() == [nll for source, _, nll in printed if source == name]
    reached = [record.epoch for record in recorder.history if record.values.get("val/accuracy") == 1]
    assert late == list(range(reached[0], 7))


def test_mnist_without_the_names_is_refused_with_the_line_that_helps() -> None:
    train_loader, val_loader = DataLoader(classes(24), batch_size=8), DataLoader(classes(9), batch_size=9)
    model = classifier()
    criterion = nn.NLLLoss()
    trainer = create_supervised_trainer(model, optim.SGD(model.parameters(), lr=0.5), criterion)
    evaluator = create_supervised_evaluator(model, metrics={"nll": Loss(criterion)})
    Recorder(trainer, evaluator)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(train_loader))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(val_loader))
    with pytest.raises(ValueError, match=r"\{'train': \(evaluator, train_loader\), 'val': \(evaluator, val_loader\)\}"):
        trainer.run(train_loader, max_epochs=2)


# --- cifar10/main.py, with ignite.contrib.engines.common -------------------------------------------------------------


class Cifar10:
    """The script up to ``trainer.run``: the common handlers, two evaluators, and the two best checkpoints."""

    epochs = 6

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        # Three equal batches: Ignite resumes within an epoch at its next iteration, but with the first batch.
        self.train_loader: DataLoader[Any] = DataLoader(ConcatDataset([classes(8)] * 3), batch_size=8)
        test_loader = DataLoader(classes(9), batch_size=9)
        model = self.model = classifier()
        optimizer = self.optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9, nesterov=True)
        criterion = nn.NLLLoss()

        def train_step(engine: Engine, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
            model.train()
            loss = criterion(model(batch[0]), batch[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"batch loss": loss.item()}

        trainer = self.trainer = Engine(train_step)
        metrics = {"Accuracy": Accuracy(), "Loss": Loss(criterion)}
        evaluator = self.evaluator = create_supervised_evaluator(model, metrics=metrics)
        train_evaluator = self.train_evaluator = create_supervised_evaluator(model, metrics=metrics)

        recorder = self.recorder = Recorder(
            trainer, {"training": train_evaluator, "test": evaluator}, optimizer=optimizer
        )
        apply_schedule(recorder, optimizer, warmup(epochs=2).then(Cosine(epochs=4)), per="iteration")
        self.stopper = delay_early_stopping(recorder, "test/Loss", mode="min", patience=2, until=After(fraction=0.5))

        to_save = {"trainer": trainer, "model": model, "optimizer": optimizer, **recorder.to_save()}
        self.to_save: Any = to_save
        common.setup_common_training_handlers(
            trainer=trainer,
            to_save=to_save,
            save_every_iters=4,
            save_handler=DiskSaver(folder, require_empty=False),
            n_saved=None,
            output_names=["batch loss"],
            with_pbars=False,
        )
        self.trainer_is_set_up()

        def run_validation() -> None:
            train_evaluator.run(self.train_loader)
            evaluator.run(test_loader)

        trainer.add_event_handler(Events.EPOCH_COMPLETED(every=1) | Events.COMPLETED, run_validation)
        self.best = Checkpoint(
            {"model": model},
            DiskSaver(folder, require_empty=False),
            filename_prefix="best",
            n_saved=2,
            global_step_transform=global_step_from_engine(trainer),
            score_name="test_accuracy",
            score_function=Checkpoint.get_default_score_fn("Accuracy"),
        )
        self.saved_at: list[int] = []
        delay(recorder, self.best, until=After(fraction=0.5), engine=evaluator)
        delay(recorder, lambda: self.saved_at.append(trainer.state.epoch), until=After(fraction=0.5), engine=evaluator)

    def trainer_is_set_up(self) -> None:
        """Where the script resumes: before its evaluators have handlers."""

    def run(self) -> Any:
        self.trainer.run(self.train_loader, max_epochs=self.epochs)
        history = self.recorder.history
        weights = nn.utils.parameters_to_vector(self.model.parameters()).tolist()
        return [(r.iteration, r.source, repr(r.values)) for r in history], weights


def test_cifar10_with_the_common_handlers(tmp_path: Path) -> None:
    script = Cifar10(tmp_path)
    script.run()
    history = script.recorder.history
    made = [(record.epoch, record.iteration, record.source) for record in recorded(script.recorder)]
    assert made == [(epoch, 3 * epoch, source) for epoch in range(1, 7) for source in ("training", "test")]
    # COMPLETED evaluates once more, at an iteration that is recorded already: handlers run, patience is not spent.
    assert script.saved_at == [4, 5, 6, 6]
    assert script.stopper.counter == 0
    assert {path.name.split("_")[0] for path in tmp_path.iterdir()} == {"best", "training"}
    assert history["lr"][:4].tolist() == pytest.approx([0.5 * 2 / 6] * 2 + [0.5 * 5 / 6] * 2)


def test_cifar10_resumes_once_everything_is_attached(tmp_path: Path) -> None:
    whole = Cifar10(tmp_path / "whole").run()
    checkpoint = torch.load(next((tmp_path / "whole").glob("training_*_8.pt")), weights_only=True)
    resumed = Cifar10(tmp_path / "resumed")
    Checkpoint.load_objects(resumed.to_save, checkpoint)
    assert resumed.trainer.state.iteration == 8
    assert resumed.run() == whole


def test_cifar10_resumed_where_the_script_does_is_told_to_attach_first(tmp_path: Path) -> None:
    Cifar10(tmp_path / "whole").run()
    checkpoint = torch.load(next((tmp_path / "whole").glob("training_*_8.pt")), weights_only=True)

    class TooSoon(Cifar10):
        def trainer_is_set_up(self) -> None:
            Checkpoint.load_objects(self.to_save, checkpoint)

    with pytest.raises(StateError, match="Attach the same ones, under the same names, before loading"):
        TooSoon(tmp_path / "resumed")


# --- gan/dcgan.py ----------------------------------------------------------------------------------------------------


def test_dcgan(tmp_path: Path) -> None:
    z_dim, batch_size = 2, 8
    generator, discriminator = nn.Linear(z_dim, 3), nn.Sequential(nn.Linear(3, 1), nn.Sigmoid(), nn.Flatten(0))
    optimizer_g = optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.999))
    optimizer_d = optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.999))
    bce, real_labels, fake_labels = nn.BCELoss(), torch.ones(batch_size), torch.zeros(batch_size)

    def step(engine: Engine, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
        real, _ = batch
        discriminator.zero_grad()
        error_real = bce(discriminator(real), real_labels)
        error_real.backward()
        fake = generator(torch.randn(batch_size, z_dim))
        error_fake = bce(discriminator(fake.detach()), fake_labels)
        error_fake.backward()
        optimizer_d.step()
        generator.zero_grad()
        error = bce(discriminator(fake), real_labels)
        error.backward()
        optimizer_g.step()
        return {"errD": (error_real + error_fake).item(), "errG": error.item()}

    trainer = Engine(step)
    rates = {"G": optimizer_g, "D": optimizer_d}
    recorder = Recorder(trainer, {"gan": trainer}, optimizer=rates, every=2)
    stopper = stop_when(recorder, After(epochs=4) & (Metric("gan/errD") < 100))
    adjust_lr(recorder, optimizer_d, {After(epochs=2): 0.5})
    apply_schedule(recorder, optimizer_g, warmup(iterations=3), per="iteration")
    checkpoint = ModelCheckpoint(str(tmp_path), "networks", n_saved=10, require_empty=False)
    to_save = {"netG": generator, "netD": discriminator}
    at_epochs: dict[str, Any] = {"engine": trainer, "event": Events.EPOCH_COMPLETED}
    delay(recorder, checkpoint, until=After(epochs=2), kwargs={"to_save": to_save}, **at_epochs)
    seen: list[tuple[int, float]] = []

    for name in ("errD", "errG"):
        RunningAverage(alpha=0.98, output_transform=lambda output, name=name: output[name]).attach(trainer, name)
    ProgressBar(disable=True).attach(trainer, metric_names=["errD", "errG"])
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED(every=2), lambda e: seen.append((e.state.iteration, e.state.metrics["errD"]))
    )
    Timer(average=True).attach(trainer, start=Events.EPOCH_STARTED, step=Events.ITERATION_COMPLETED)

    @trainer.on(Events.EXCEPTION_RAISED)
    def handle_exception(engine: Engine, error: BaseException) -> None:
        raise error

    trainer.run(DataLoader(classes(24), batch_size=batch_size, drop_last=True), 10)

    history = recorder.history
    assert stopper.stopped_at is not None
    assert (stopper.stopped_at.epoch, stopper.stopped_at.iteration) == (5, 14)
    assert [(record.iteration, record["gan/errD"]) for record in recorded(recorder)] == seen
    assert history["lr/G"].tolist()[:3] == pytest.approx([0.01 / 3, 0.01, 0.01])
    assert history["lr/D"][-1] == pytest.approx(0.01 * 0.5**3)
    assert sorted(int(path.stem.split("_")[-1]) for path in tmp_path.iterdir()) == [9, 12]


# --- notebooks/VAE.ipynb ---------------------------------------------------------------------------------------------


def test_vae() -> None:
    encoder, decoder = nn.Linear(3, 4), nn.Sequential(nn.Linear(2, 3), nn.Sigmoid())
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
    reconstruct: Callable[[Tensor, Tensor], Tensor] = nn.BCELoss(reduction="sum")
    loader = DataLoader(TensorDataset(torch.rand(16, 3)), batch_size=8)

    def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
        return -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())

    def outputs(batch: list[Tensor]) -> dict[str, Tensor]:
        [x] = batch
        mean, log_variance = encoder(x).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return {"x_pred": decoder(code), "x": x, "mean": mean, "log_variance": log_variance}

    def process_function(engine: Engine, batch: list[Tensor]) -> dict[str, Any]:
        optimizer.zero_grad()
        made = outputs(batch)
        loss_bce = reconstruct(made["x_pred"], made["x"])
        loss_kld = divergence(made["mean"], made["log_variance"])
        (loss_bce + loss_kld).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return {**made, "BCE": loss_bce.item(), "KLD": loss_kld.item()}

    def evaluate_function(engine: Engine, batch: list[Tensor]) -> dict[str, Any]:
        with torch.no_grad():
            made = outputs(batch)
        return {**made, "arguments": {"mean": made["mean"], "log_variance": made["log_variance"]}}

    trainer, evaluator = Engine(process_function), Engine(evaluate_function)
    val_loader = DataLoader(TensorDataset(torch.rand(8, 3)), batch_size=8)
    recorder = Recorder(trainer, {"train": (evaluator, loader), "val": (evaluator, val_loader)})
    loss = Metric("val/bce") + Metric("val/kld")
    stopper = delay_early_stopping(recorder, loss, mode="min", patience=2, until=After(iterations=6))

    for name in ("BCE", "KLD"):
        RunningAverage(output_transform=lambda made, name=name: made[name]).attach(trainer, name)
    MeanSquaredError(output_transform=lambda made: (made["x_pred"], made["x"])).attach(evaluator, "mse")
    Loss(reconstruct, output_transform=lambda made: (made["x_pred"], made["x"])).attach(evaluator, "bce")
    Loss(
        divergence,
        output_transform=lambda made: (made["mean"], made["log_variance"]),
    ).attach(evaluator, "kld")

    @trainer.on(Events.EPOCH_COMPLETED)
    def print_trainer_logs() -> None:
        evaluator.run(loader)
        evaluator.run(val_loader)

    trainer.run(loader, max_epochs=30)
    history = recorder.history
    losses = (history["val/bce"] + history["val/kld"]).tolist()
    assert len(losses) == trainer.state.epoch == len(recorded(recorder)) // 2
    best, since = math.inf, 0
    for epoch, value in enumerate(losses[3:], start=4):  # those after iteration 6
        best, since = min(best, value), 0 if value < best else since + 1
        assert (since == 2) is (epoch == stopper_epoch(stopper))
    assert since == 2


def stopper_epoch(stopper: Stopper) -> int | None:
    return None if stopper.stopped_at is None else stopper.stopped_at.epoch


# --- reinforcement_learning/reinforce.py -----------------------------------------------------------------------------


def test_reinforce() -> None:
    policy = nn.Linear(2, 2)
    optimizer = optim.Adam(policy.parameters(), lr=0.1)
    log_probs: list[Tensor] = []

    def run_single_timestep(engine: Any, timestep: int) -> None:
        moves = Categorical(logits=policy(torch.tensor([1.0, timestep % 2])))
        move = moves.sample()  # type: ignore[no-untyped-call]
        log_probs.append(moves.log_prob(move))  # type: ignore[no-untyped-call]
        engine.state.ep_reward += int(move)
        if timestep == 3 + engine.state.epoch % 2:
            engine.terminate_epoch()

    trainer = Engine(run_single_timestep)
    state: Any = trainer.state
    state.running_reward = 0.0
    recorder = Recorder(trainer)
    solved = stop_when(recorder, Metric("running_reward") > 3)
    delay_lr_scheduler(
        recorder, optimizer, lambda o: optim.lr_scheduler.ExponentialLR(o, 0.9), until=After(epochs=2), per="epoch"
    )
    episodes: list[tuple[int, float]] = []

    @trainer.on(Events.EPOCH_STARTED)
    def reset_environment_state() -> None:
        state.ep_reward = 0

    @trainer.on(Events.EPOCH_COMPLETED)
    def update_model() -> None:
        state.running_reward = 0.2 * state.ep_reward + 0.8 * state.running_reward
        optimizer.zero_grad()
        (-torch.stack(log_probs).sum() * state.ep_reward).backward()
        optimizer.step()
        log_probs.clear()

    @trainer.on(Events.EPOCH_COMPLETED)
    def record_episode() -> None:
        episodes.append((trainer.state.epoch, state.running_reward))
        recorder.record({"running_reward": state.running_reward})

    trainer.run(range(100), max_epochs=200)
    assert [(record.epoch, record["running_reward"]) for record in recorded(recorder)] == episodes
    assert solved.stopped_at is not None
    assert solved.stopped_at.epoch == trainer.state.epoch < 200
    assert all(reward <= 3 for _, reward in episodes[:-1])
    assert optimizer.param_groups[0]["lr"] < 0.1


# --- super_resolution/main.py ----------------------------------------------------------------------------------------


def test_super_resolution() -> None:
    high = torch.nn.functional.interpolate(torch.rand(8, 1, 2, 2), scale_factor=4, mode="bilinear")
    pairs = TensorDataset(high[:, :, ::2, ::2], high)
    training_data_loader, testing_data_loader = DataLoader(pairs, batch_size=4, shuffle=True), DataLoader(pairs)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2))
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.02)

    def train_step(engine: Engine, batch: tuple[Tensor, Tensor]) -> float:
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def validation_step(engine: Engine, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        model.eval()
        with torch.no_grad():
            return model(batch[0]), batch[1]

    trainer, evaluator = Engine(train_step), Engine(validation_step)
    recorder = Recorder(trainer, evaluator)
    stopper = delay_early_stopping(recorder, "psnr", mode="max", patience=2, threshold=1.0, until=After(epochs=3))
    saved: list[int] = []
    at_epochs: dict[str, Any] = {"engine": trainer, "event": Events.EPOCH_COMPLETED}
    delay(recorder, lambda: saved.append(trainer.state.epoch), until=Metric("psnr") > 10, **at_epochs)

    PSNR(data_range=1).attach(evaluator, "psnr")
    printed: list[float] = []

    @trainer.on(Events.EPOCH_COMPLETED(every=1))
    def log_validation() -> None:
        evaluator.run(testing_data_loader, epoch_length=3)
        printed.append(evaluator.state.metrics["psnr"])

    profiler = BasicTimeProfiler()
    profiler.attach(trainer)
    ProgressBar(disable=True).attach(trainer, output_transform=lambda loss: {"loss": loss})

    trainer.run(training_data_loader, 100, epoch_length=2)
    assert profiler.get_results()
    assert recorder.history["psnr"].tolist() == printed
    assert 5 < trainer.state.epoch < 100
    assert stopper.stopped_at is not None
    assert stopper.stopped_at.epoch == trainer.state.epoch
    assert saved == [epoch for epoch, psnr in enumerate(printed, start=1) if max(printed[:epoch]) > 10]
