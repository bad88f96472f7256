"""Layer-wise decay: rates that fall from the output of a model to its input."""

from __future__ import annotations

from typing import Any

import torch

from .._utils.checks import check_real, refuse_type, refuse_value, suggestion

__all__ = ["layerwise_decay"]


def layerwise_decay(
    model: torch.nn.Module, decay: float, *, blocks: str, lr: float, weight_decay: float | None = None
) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer, whose rates are ``lr * decay ** depth`` with ``depth`` layers above them.

    Of ``n`` blocks the last has depth 1 and the first ``n``. What the model has before its blocks (embeddings) has
    depth ``n + 1``, and what it has behind them (norm, head) depth 0: it trains at ``lr``. Before and behind are told
    by the order of ``model.named_parameters()``. Schedules multiply each group's own rate, and so keep the ratios.

    Args:
        model: whose parameters.
        decay: from one layer to the one below, ``0 < decay <= 1``.
        blocks: the name of the module that holds the layers in order, such as ``"blocks"`` (timm), ``"encoder.layer"``
            (BERT) or ``"transformer.h"`` (GPT-2); the layers are its children.
        lr: the rate of the head (greater than 0).
        weight_decay: if given (>= 0), that of weights; biases and norms, which have one dimension or none, get 0 in
            groups of their own.

    Returns:
        Groups from the input to the output, named ``"before"``, ``"layer 1"`` ... and ``"behind"``, for any optimizer.

    Raises:
        TypeError, ValueError: for arguments of the wrong kind, and where ``blocks`` names no module with children.

    Example:
        >>> from torch import nn
        >>> blocks = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        >>> model = nn.Sequential()
        >>> for name, part in (("embed", nn.Linear(2, 2)), ("blocks", blocks), ("head", nn.Linear(2, 2))):
        ...     model.add_module(name, part)
        >>> groups = layerwise_decay(model, 0.5, blocks="blocks", lr=0.1)
        >>> optimizer = torch.optim.AdamW(groups)
        >>> [(group["name"], group["lr"]) for group in optimizer.param_groups]
        [('before', 0.0125), ('layer 1', 0.025), ('layer 2', 0.05), ('behind', 0.1)]

    Source: K. Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators", ICLR 2020,
    https://arxiv.org/abs/2003.10555; H. Bao et al., "BEiT: BERT Pre-Training of Image Transformers", ICLR 2022,
    https://arxiv.org/abs/2106.08254.
    """
    if not isinstance(model, torch.nn.Module):
        refuse_type("model", "a torch module", model)
    check_real("decay", decay, above=0, most=1)
    check_real("lr", lr, above=0)
    if weight_decay is not None:
        check_real("weight_decay", weight_decay, least=0)
    count, numbers = _number_layers(model, _layers(model, blocks))
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for number, parameter in sorted(numbers, key=lambda pair: pair[0]):
        plain = weight_decay is not None and parameter.ndim <= 1
        name = "before" if number == 0 else "behind" if number > count else f"layer {number}"
        group = {"params": [], "name": name, "lr": lr * decay ** (count + 1 - number)}
        if weight_decay is not None:
            group["weight_decay"] = 0.0 if plain else weight_decay
        groups.setdefault((number, plain), group)["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def _layers(model: torch.nn.Module, blocks: Any) -> list[torch.nn.Module]:
    known = {name: module for name, module in model.named_modules() if name and any(True for _ in module.children())}
    if not isinstance(blocks, str):
        refuse_type("blocks", "the name of a module", blocks, "For example blocks='encoder.layer'.")
    if blocks not in known:
        listed = ", ".join(map(repr, list(known)[:8])) or "none, since no module of the model has children"
        refuse_value(
            "blocks", f"the name of a module with children, such as {listed}", blocks, suggestion(blocks, known)
        )
    return list(known[blocks].children())


def _number_layers(
    model: torch.nn.Module, layers: list[torch.nn.Module]
) -> tuple[int, list[tuple[int, torch.nn.Parameter]]]:
    """How many layers there are, and each parameter with the number of its layer: 0 before them, the highest behind."""
    own = {id(parameter): number for number, layer in enumerate(layers, start=1) for parameter in layer.parameters()}
    numbers = []
    outside = 0
    for parameter in model.parameters():
        number = own.get(id(parameter))
        if number is not None:
            outside = len(layers) + 1
        numbers.append((outside if number is None else number, parameter))
    return len(layers), numbers
