"""ignite-delayed: let PyTorch-Ignite handlers start later, on the clock or on a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .conditions import After as After
    from .conditions import Always as Always
    from .conditions import Between as Between
    from .conditions import Condition as Condition
    from .conditions import EarlyStop as EarlyStop
    from .conditions import Finite as Finite
    from .conditions import Metric as Metric
    from .conditions import Never as Never
    from .conditions import Plateau as Plateau
    from .conditions import Predicate as Predicate
    from .delays import DelayHandle as DelayHandle
    from .delays import delay as delay
    from .early_stopping import Stopper as Stopper
    from .early_stopping import delay_early_stopping as delay_early_stopping
    from .early_stopping import stop_when as stop_when
    from .errors import AttachError as AttachError
    from .errors import HistoryError as HistoryError
    from .errors import MetricValueError as MetricValueError
    from .errors import StateError as StateError
    from .errors import UnknownMetricError as UnknownMetricError
    from .gates import Gate as Gate
    from .history import History as History
    from .history import Mark as Mark
    from .recorder import Recorder as Recorder
    from .records import Record as Record
    from .replays import EarlyStopReplay as EarlyStopReplay
    from .replays import Replay as Replay
    from .replays import replay as replay

# Resolved on first use: past runs can be studied, and the command line starts, without importing torch and ignite.
_HOME = {
    "conditions": "After Always Between Condition EarlyStop Finite Metric Never Plateau Predicate",
    "delays": "DelayHandle delay",
    "early_stopping": "Stopper delay_early_stopping stop_when",
    "errors": "AttachError HistoryError MetricValueError StateError UnknownMetricError",
    "gates": "Gate",
    "history": "History Mark",
    "records": "Record",
    "recorder": "Recorder",
    "replays": "EarlyStopReplay Replay replay",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = ["__version__", *sorted(_MODULE_OF)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
