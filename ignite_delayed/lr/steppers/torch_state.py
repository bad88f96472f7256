"""The state of a torch scheduler as plain values, and back into the types that the scheduler works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..._utils.checks import describe

__all__ = ["decode", "encode"]


def encode(value: Any) -> Any:
    """``value`` with plain containers and numbers for counters, tuples and tensors."""
    if isinstance(value, torch.Tensor):
        return value.item() if value.numel() == 1 else value.tolist()
    if isinstance(value, Mapping):
        return {key: encode(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    return value


def decode(saved: Any, like: Any, where: str = "state") -> Any:
    """``saved`` in the types of ``like``, the state of a scheduler that was just built.

    Raises:
        ValueError: where it cannot be of such a scheduler.
    """
    if isinstance(like, torch.Tensor):
        return torch.as_tensor(saved, dtype=like.dtype, device=like.device).reshape(like.shape)
    if isinstance(like, Mapping):
        return _mapping(saved, like, where)
    if isinstance(like, (list, tuple)) and saved is not None:
        if not isinstance(saved, (list, tuple)) or len(saved) != len(like):
            raise ValueError(f"{where} must be a list of {len(like)}, got {describe(saved)}")
        entries = [decode(entry, its, where) for entry, its in zip(saved, like, strict=True)]
        return entries if isinstance(like, list) else tuple(entries)
    if None not in (saved, like) and _kind(saved) != _kind(like):
        raise ValueError(f"{where} must be like {describe(like)}, got {describe(saved)}")
    return saved


def _mapping(saved: Any, like: Mapping[Any, Any], where: str) -> Any:
    if not isinstance(saved, Mapping):
        raise ValueError(f"{where} must be a dict, got {describe(saved)}")
    key_type = type(next(iter(like), ""))
    if key_type is not str:  # milestones by step: JSON has made strings of the steps
        entries: Any = {key_type(key): value for key, value in saved.items()}
        kind: Any = type(like)
        return kind(entries)
    missing = sorted(like.keys() - saved.keys())
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    return {key: decode(value, like[key], key) if key in like else value for key, value in saved.items()}


def _kind(value: Any) -> Any:
    return float if isinstance(value, (bool, int, float)) else type(value)
