"""The state of a torch scheduler as plain values, and back into the types that the scheduler works with.

What JSON and safe unpickling would change is noted as ``{"__type__": ..., ...}``. What has a state of its own, such as
a scheduler within the scheduler, is saved by that, and loaded into what a newly built one holds in the same place;
functions are taken from there as they are, as torch does with those of ``LambdaLR``.
"""

from __future__ import annotations

import types
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..._utils.checks import describe

__all__ = ["decode", "differing", "encode", "held_schedulers", "load_state", "places", "state_of"]

_TAG = "__type__"
_AS_BUILT = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type, partial),
    *(Optimizer, torch.nn.Module),
)
_MAPPINGS = {kind.__name__: kind for kind in (dict, Counter, OrderedDict)}
_SEQUENCES = {kind.__name__: kind for kind in (tuple, set, frozenset)}

# What torch's schedulers count and compute with, also within a class of the user.
_TORCHS = ("_last_lr", "_step_count", "base_lrs", "last_epoch")


def state_of(scheduler: Any) -> dict[str, Any]:
    """The state of ``scheduler`` as plain values, which share nothing with it.

    Raises:
        TypeError: where it holds something that cannot be saved.
    """
    state: dict[str, Any] = encode(scheduler.state_dict())
    return state


def load_state(scheduler: Any, saved: Any) -> None:
    """Load what :func:`state_of` gave into ``scheduler``, which was just built, or is the one that was saved.

    Raises:
        ValueError: where it cannot be of such a scheduler.
    """
    of_torch = all(type(one).__module__.startswith("torch.") for one in (scheduler, *held_schedulers(scheduler)))
    scheduler.load_state_dict(decode(saved, scheduler.state_dict(), strict=of_torch))


def held_schedulers(scheduler: Any) -> Iterator[Any]:
    """The schedulers that ``scheduler`` holds, at any depth."""
    for value in vars(scheduler).values():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, LRScheduler):
                yield one
                yield from held_schedulers(one)


def differing(saved: Any, here: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """What differs between two encoded states: where, and what it is in both."""
    if isinstance(saved, Mapping) and isinstance(here, Mapping):
        for key in sorted({*saved, *here}, key=str):
            yield from differing(saved.get(key), here.get(key), f"{where}.{key}".strip("."))
    elif isinstance(saved, list) and isinstance(here, list) and len(saved) == len(here):
        for index, pair in enumerate(zip(saved, here, strict=True)):
            yield from differing(*pair, f"{where}[{index}]")
    elif saved != here and not (saved != saved and here != here):  # NaN is NaN here
        yield where, f"{saved!r} was saved, {here!r} here"


def places(encoded: Any, where: str = "") -> set[str]:
    """Where in an encoded state something stands that a newly built scheduler must have in the same place."""
    if isinstance(encoded, list):
        return set().union(*(places(entry, f"{where}[{index}]") for index, entry in enumerate(encoded)))
    if not isinstance(encoded, Mapping):
        return set()
    here = {where} if encoded.get(_TAG) in ("as built", "object") else set()
    return here.union(*(places(entry, f"{where}.{key}".strip(".")) for key, entry in encoded.items()))


def encode(value: Any, where: str = "state") -> Any:
    """``value`` in plain containers and values, as torch's safe unpickling and JSON give them back.

    Raises:
        TypeError: where it holds something that cannot be saved.
    """
    if isinstance(value, np.generic):
        return _note("numpy", dtype=value.dtype.name, shape=[], value=encode(value.item(), where))
    if isinstance(value, (bool, int, float, str, type(None))):
        return _exactly(value)
    if isinstance(value, np.ndarray):
        return _note("numpy", dtype=value.dtype.name, shape=list(value.shape), value=encode(value.tolist(), where))
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return _note("tensor", dtype=dtype, shape=list(value.shape), value=encode(value.tolist(), where))
    if type(value) is list:
        return [encode(entry, where) for entry in value]
    if type(value) is deque:
        return _note("deque", maxlen=value.maxlen, value=[encode(entry, where) for entry in value])
    if type(value) in _SEQUENCES.values():
        return _note(type(value).__name__, value=[encode(entry, where) for entry in value])
    if type(value) in _MAPPINGS.values():
        return _encode_mapping(value)
    return _encode_object(value, where)


def _exactly(value: Any) -> Any:
    """``value`` without a class of its own, which safe unpickling would not know."""
    if isinstance(value, str):
        return str.__str__(value)
    known = (bool, int, float, type(None))
    return value if type(value) in known else int(value) if isinstance(value, int) else float(value)


def _note(kind: str, **parts: Any) -> dict[str, Any]:
    return {_TAG: kind, **parts}


def _encode_mapping(value: dict[Any, Any]) -> Any:
    if type(value) is dict and all(isinstance(key, str) for key in value) and _TAG not in value:
        return {key: encode(entry, key) for key, entry in value.items()}
    items = [[encode(key, "a key"), encode(entry, str(key))] for key, entry in value.items()]
    return _note(type(value).__name__, value=items)


def _encode_object(value: Any, where: str) -> Any:
    if isinstance(value, _AS_BUILT):
        return _note("as built")
    if hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
        return _note("object", value=encode(value.state_dict(), where))
    if hasattr(value, "__dict__") and getattr(type(value), "__new__", None) is object.__new__:
        return _note("object", value=encode(dict(vars(value)), where))
    raise TypeError(
        f"{where} is {describe(value)}, which cannot be saved: let state_dict() of the scheduler leave it out, or give "
        "numbers, strings, tensors, arrays, and lists, dicts and sets of them"
    )


def decode(saved: Any, like: Any, where: str = "state", *, strict: bool = True) -> Any:
    """``saved`` in the types of ``like``, the state of a scheduler that was just built.

    Args:
        saved: what :func:`encode` gave, also in an older release, which noted no types.
        like: the value in the same place; ``None`` where there is none.
        where: what it is called in errors.
        strict: whether it must be of the same kind and length, as in torch's own schedulers.

    Raises:
        ValueError: where it cannot be of such a scheduler.
    """
    if isinstance(saved, Mapping) and _TAG in saved:
        saved = _decode_noted(saved, like, where)
        if not strict:
            return saved
    if isinstance(like, torch.Tensor):
        return torch.as_tensor(saved, dtype=like.dtype, device=like.device).reshape(like.shape)
    if strict and isinstance(saved, (torch.Tensor, np.generic)):
        saved = saved.item()
    if isinstance(like, Mapping):
        return _decode_mapping(saved, like, where, strict)
    if isinstance(like, (list, tuple)) and saved is not None:
        return _decode_list(saved, like, where, strict)
    if strict and None not in (saved, like) and _kind(saved) != _kind(like):
        raise ValueError(f"{where} must be like {describe(like)}, got {describe(saved)}")
    if isinstance(saved, list):
        return [decode(entry, None, where, strict=strict) for entry in saved]
    if type(saved) is dict:
        return {key: decode(entry, None, key, strict=strict) for key, entry in saved.items()}
    return saved


def _decode_list(saved: Any, like: Any, where: str, strict: bool) -> Any:
    fits = isinstance(saved, (list, tuple)) and (not strict or len(saved) == len(like))
    if not fits and strict:
        raise ValueError(f"{where} must be a list of {len(like)}, got {describe(saved)}")
    if not fits:
        return decode(saved, None, where, strict=strict)
    built = [*like, *[None] * (len(saved) - len(like))]
    entries = [decode(entry, its, where, strict=strict) for entry, its in zip(saved, built, strict=False)]
    return entries if isinstance(like, list) else tuple(entries)


def _decode_mapping(saved: Any, like: Mapping[Any, Any], where: str, strict: bool) -> Any:
    if not isinstance(saved, Mapping):
        if strict or where == "state":
            raise ValueError(f"{where} must be a dict, got {describe(saved)}")
        return decode(saved, None, where, strict=strict)
    key_type = type(next(iter(like), ""))
    if key_type is not str:  # milestones by step: JSON has made strings of the steps, where no types were noted
        entries: Any = {key_type(key): value for key, value in saved.items()}
        kind: Any = type(like)
        return kind(entries)
    missing = sorted(like.keys() - saved.keys()) if strict or where == "state" else []
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    return {
        key: decode(value, like.get(key), key, strict=strict or (where == "state" and key in _TORCHS))
        if key in like
        else decode(value, None, key, strict=False)
        for key, value in saved.items()
    }


def _decode_noted(saved: Mapping[str, Any], like: Any, where: str) -> Any:
    kind, value = saved[_TAG], saved.get("value")
    if kind in ("as built", "object"):
        if like is None:
            raise ValueError(f"{where} is taken from a newly built scheduler, which has nothing there")
        return _load_object(like, value, where) if kind == "object" else like
    if kind == "numpy":
        array = np.asarray(value, dtype=saved["dtype"]).reshape(saved["shape"])
        return array if saved["shape"] else array[()]
    if kind == "tensor":
        device = like.device if isinstance(like, torch.Tensor) else None
        return torch.tensor(value, dtype=getattr(torch, saved["dtype"]), device=device).reshape(saved["shape"])
    if kind in _MAPPINGS:
        its = like if isinstance(like, Mapping) else {}
        pairs = [(decode(key, None, "a key", strict=False), entry) for key, entry in saved["value"]]
        return _MAPPINGS[kind]({key: decode(entry, its.get(key), str(key), strict=False) for key, entry in pairs})
    built = [*like] if isinstance(like, (list, tuple, deque)) else []
    built += [None] * (len(saved["value"]) - len(built))
    entries = [decode(one, its, where, strict=False) for one, its in zip(saved["value"], built, strict=False)]
    if kind == "deque":
        return deque(entries, saved["maxlen"])
    if kind not in _SEQUENCES:
        raise ValueError(f"{where} is of the unknown type {kind!r}")
    return _SEQUENCES[kind](entries)


def _load_object(like: Any, value: Any, where: str) -> Any:
    if isinstance(like, LRScheduler):
        load_state(like, value)
    elif hasattr(like, "load_state_dict"):
        like.load_state_dict(decode(value, like.state_dict(), where, strict=False))
    else:
        vars(like).update(decode(value, dict(vars(like)), where, strict=False))
    return like


def _kind(value: Any) -> Any:
    return float if isinstance(value, (bool, int, float, np.number)) else type(value)
