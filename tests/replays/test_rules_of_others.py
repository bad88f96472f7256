"""Rules that pages say are those of other libraries, on runs that these libraries were seen to stop."""

from __future__ import annotations

import pytest
from strategies import run_of

from ignite_delayed import After, EarlyStop, Plateau, replay

# Where Lightning 2.6.6 ended a run of Trainer(min_epochs=...), EarlyStopping("val_loss", mode="min", patience=...): its
# losses, and the epoch in which while_closed="count" ends it.
LIGHTNING = [
    (12, 3, 12, [1.0, 3.5, 1.9, 3.0, 2.2, 2.1, 2.4, 0.5, 0.5, 2.0, 2.0, 0.1, 1.0, 2.0, 3.7, 3.6], 15),
    (14, 2, 14, [1.1, 0.5, 3.0, 3.1, 3.1, 0.5, 3.0, 1.0, 1.0, 0.5, 3.0, 3.9, 0.2, 1.0, 3.0, 0.2], 15),
    (10, 3, 10, [0.6, 1.5, 2.0, 3.0, 0.5, 0.8, 0.4, 1.0, 2.0, 0.2, 0.1, 1.0, 3.9, 0.3, 3.7, 3.0], 14),
    (4, 2, 6, [1.0, 0.9, 0.8, 0.7, 0.9, 0.9, 0.6], 6),
    (6, 2, 6, [1.0, 0.9, 0.8, 0.9, 0.9, 0.9, 0.6], 6),
]


@pytest.mark.parametrize(("least", "patience", "ended", "losses", "counted"), LIGHTNING)
def test_lightning_never_takes_back_that_a_run_is_to_stop(
    least: int, patience: int, ended: int, losses: list[float], counted: int
) -> None:
    run = run_of(losses)
    lightning = Plateau("loss", mode="min", patience=patience).latched() & After(epochs=least - 1)
    first = replay(run, lightning).first
    assert first is not None
    assert first.epoch == ended
    late = After(epochs=least - 1)
    stopped = replay(run, EarlyStop("loss", mode="min", patience=patience, until=late, while_closed="count")).first
    assert stopped is not None
    assert stopped.epoch == counted
