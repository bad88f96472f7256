"""A GAN with two optimizers, on points around a ring; nothing is evaluated, so the trainer's own metrics are recorded.

Once both losses have settled the rates of both networks fall, and samples are kept. The run stops when the
discriminator has won::

    python examples/gan.py
"""

import torch
from ignite.engine import Engine, Events
from ignite.metrics import RunningAverage
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.optim.lr_scheduler import ExponentialLR

from ignite_delayed import After, Metric, Recorder, delay, delay_lr_scheduler, stop_when

torch.manual_seed(0)
angles = 2 * torch.pi * torch.rand(2048)
points = torch.stack([angles.cos(), angles.sin()], dim=1) + 0.05 * torch.randn(2048, 2)


def network(inputs: int, outputs: int) -> nn.Module:
    """A small perceptron."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


generator, discriminator = network(8, 2), network(2, 1)
optimizers = {
    "generator": torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999)),
    "discriminator": torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999)),
}


def judged(samples: Tensor, *, real: bool) -> Tensor:
    """The discriminator's loss on ``samples``, were they real or not."""
    logits = discriminator(samples)
    return cross_entropy(logits, torch.full_like(logits, float(real)))


def train(engine: Engine, real: Tensor) -> dict[str, float]:
    """One step of each network."""
    fake = generator(torch.randn(len(real), 8))
    optimizers["discriminator"].zero_grad()
    discriminator_loss = judged(real, real=True) + judged(fake.detach(), real=False)
    discriminator_loss.backward()
    optimizers["discriminator"].step()

    optimizers["generator"].zero_grad()
    generator_loss = judged(fake, real=True)
    generator_loss.backward()
    optimizers["generator"].step()
    return {"generator": generator_loss.item(), "discriminator": discriminator_loss.item()}


trainer = Engine(train)
RunningAverage(output_transform=lambda output: output["generator"]).attach(trainer, "generator")
RunningAverage(output_transform=lambda output: output["discriminator"]).attach(trainer, "discriminator")

# A record of the trainer's metrics and of both rates at every 16th iteration: "gan/generator", "lr/generator", ...
recorder = Recorder(trainer, {"gan": trainer}, optimizer=optimizers, every=16)
settled = After(epochs=4) & (Metric("gan/generator").std(8) < 0.1) & (Metric("gan/discriminator").std(8) < 0.1)
for name, optimizer in optimizers.items():
    delay_lr_scheduler(recorder, optimizer, lambda o: ExponentialLR(o, 0.9), until=settled, per="epoch", name=name)
won = (Metric("gan/discriminator") < 0.05).sustained(evaluations=8)
stopper = stop_when(recorder, won, name="the discriminator has won")

snapshots: dict[int, Tensor] = {}


def keep_samples() -> None:
    """Sample the generator at the end of an epoch."""
    with torch.no_grad():
        snapshots[trainer.state.epoch] = generator(torch.randn(512, 8))


delay(recorder, keep_samples, until=settled, engine=trainer, event=Events.EPOCH_COMPLETED)


loader = torch.utils.data.DataLoader(points, batch_size=64, shuffle=True)
trainer.run(loader, max_epochs=20)

history = recorder.history
print(f"{len(history)} records of {trainer.state.iteration} iterations; {stopper.reason or 'nobody has won'}")
print("rates at the end:", {name: round(history[f"lr/{name}"][-1].item(), 6) for name in optimizers})
for epoch, samples in snapshots.items():
    print(f"samples of epoch {epoch}: radius {samples.norm(dim=1).mean():.2f}, that of the ring is 1")
