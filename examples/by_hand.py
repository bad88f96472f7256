"""Reinforcement learning: there is no evaluator, and what an episode earned is recorded by hand.

REINFORCE learns to walk along a corridor to its right end. Exploring is rewarded until the walks get shorter, and the
run stops when the last 20 were short enough, or when they have not got shorter for long::

    python examples/by_hand.py
"""

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.distributions import Categorical

from ignite_delayed import After, Gate, Metric, Plateau, Recorder, stop_when

LENGTH, LIMIT = 8, 60
torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(LENGTH, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
cells = torch.eye(LENGTH)


def play(engine: Engine, episode: int) -> float:
    """Walk once, a step costs 1, and learn from it."""
    position, log_probs, entropies = 0, [], []
    while position < LENGTH - 1 and len(log_probs) < LIMIT:
        moves = Categorical(logits=policy(cells[position]))
        move = moves.sample()
        log_probs.append(moves.log_prob(move))
        entropies.append(moves.entropy())
        position = max(position + (1 if move else -1), 0)
    returns = -torch.arange(len(log_probs), 0, -1, dtype=torch.float32)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    exploration = 0.0 if improving.is_open else 0.1
    loss = -(torch.stack(log_probs) * returns).sum() - exploration * torch.stack(entropies).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return -float(len(log_probs))


trainer = Engine(play)
recorder = Recorder(trainer)  # no evaluator: recorder.record() is called below


@trainer.on(Events.ITERATION_COMPLETED)
def record() -> None:
    """Record what the episode earned."""
    recorder.record({"reward": trainer.state.output})


average = Metric("reward").mean(20)
improving = Gate(recorder, until=average > -20, name="walks get better")
solved = stop_when(recorder, average >= -10, name="solved")
stuck = stop_when(recorder, After(iterations=200) & Plateau(average, mode="max", patience=200), name="stuck")


@improving.on_open
def tell() -> None:
    """Say when exploring ends."""
    print(f"episode {trainer.state.iteration}: no more reward for exploring")


trainer.run(range(1000), max_epochs=1)

print(f"{len(recorder.history)} episodes: {solved.reason or stuck.reason or 'neither solved nor stuck'}")
print(f"the last 20 walks took {-recorder.history['reward'][-20:].mean():.1f} steps, the shortest takes {LENGTH - 1}")
