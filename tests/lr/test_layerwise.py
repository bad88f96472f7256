"""Layer-wise decay is that of ELECTRA, BEiT and timm, as plain groups."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lr_runs import Training
from torch import nn

from ignite_delayed import Cosine, apply_schedule, layerwise_decay, warmup


class Transformer(nn.Module):
    """As timm's vision transformers are built: parameters of its own, an embedding, blocks, a norm and a head."""

    def __init__(self, depth: int = 3, tied: bool = False) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.patch_embed = nn.Linear(4, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4)) for _ in range(depth))
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 4)
        if tied:
            self.head.weight = self.patch_embed.weight


def beit(name: str, depth: int) -> int:
    """``get_num_layer_for_vit`` of BEiT, which timm's ``param_groups_layer_decay`` follows."""
    if name in ("cls_token", "mask_token", "pos_embed") or name.startswith("patch_embed"):
        return 0
    return int(name.split(".")[1]) + 1 if name.startswith("blocks") else depth + 1


@pytest.mark.parametrize("depth", [1, 3, 12])
def test_each_parameter_has_the_rate_that_beit_gives_it(depth: int) -> None:
    model = Transformer(depth)
    groups = layerwise_decay(model, 0.75, blocks="blocks", lr=1e-3)
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(1e-3 * 0.75 ** (depth + 1 - beit(name, depth)), rel=1e-15)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_weights_alone_decay() -> None:
    groups = layerwise_decay(Transformer(1), 0.5, blocks="blocks", lr=1.0, weight_decay=0.05)
    found = [(group["name"], group["weight_decay"], [p.ndim for p in group["params"]]) for group in groups]
    assert found == [
        ("before", 0.05, [3, 2]),
        ("before", 0.0, [1]),
        ("layer 1", 0.05, [2]),
        ("layer 1", 0.0, [1, 1, 1]),
        ("behind", 0.05, [2]),
        ("behind", 0.0, [1, 1, 1]),
    ]


def test_a_weight_that_is_tied_is_in_one_group() -> None:
    groups = layerwise_decay(Transformer(tied=True), 0.5, blocks="blocks", lr=1.0)
    torch.optim.AdamW(groups)  # which refuses a parameter in two
    assert [len(group["params"]) for group in groups] == [3, 4, 4, 4, 3]


def test_schedules_keep_the_ratios() -> None:
    optimizer = torch.optim.AdamW(layerwise_decay(Transformer(), 0.5, blocks="blocks", lr=1.0))
    training = Training(optimizer)
    apply_schedule(training.recorder, optimizer, warmup(epochs=1).then(Cosine(rest=True)), per="iteration")
    for rates in training.run(3, 4)[1:]:
        assert [rate / rates[-1] for rate in rates] == pytest.approx([0.0625, 0.125, 0.25, 0.5, 1.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": [1]}, TypeError, "model must be a torch module"),
        ({"decay": 0}, ValueError, "decay must be"),
        ({"decay": 1.1}, ValueError, "decay must be"),
        ({"lr": 0}, ValueError, "lr must be"),
        ({"weight_decay": -1}, ValueError, "weight_decay must be"),
        ({"blocks": 3}, TypeError, "blocks must be the name of a module"),
        (
            {"blocks": "block"},
            ValueError,
            r"blocks must be the name of a module with children, such as 'blocks'.*blocks",
        ),
        ({"blocks": "head"}, ValueError, "blocks must be the name of a module with children"),
        ({"model": nn.Linear(1, 1)}, ValueError, "none, since no module of the model has children"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        layerwise_decay(**{"model": Transformer(), "decay": 0.5, "blocks": "blocks", "lr": 1.0, **arguments})
