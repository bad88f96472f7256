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
    from .errors import DesyncError as DesyncError
    from .errors import HistoryError as HistoryError
    from .errors import MetricValueError as MetricValueError
    from .errors import StateError as StateError
    from .errors import UnknownMetricError as UnknownMetricError
    from .gates import Gate as Gate
    from .history import History as History
    from .history import Mark as Mark
    from .logging_handlers import RecorderHandler as RecorderHandler
    from .lr import LRAdjuster as LRAdjuster
    from .lr import LRPhases as LRPhases
    from .lr import Phase as Phase
    from .lr import Preview as Preview
    from .lr import Switched as Switched
    from .lr import adjust_lr as adjust_lr
    from .lr import apply_schedule as apply_schedule
    from .lr import delay_lr_scheduler as delay_lr_scheduler
    from .lr import preview as preview
    from .plots import RateCurves as RateCurves
    from .plots import Timeline as Timeline
    from .plots import TruthBands as TruthBands
    from .plots import plot_conditions as plot_conditions
    from .plots import plot_schedule as plot_schedule
    from .plots import plot_timeline as plot_timeline
    from .recorder import Recorder as Recorder
    from .records import Record as Record
    from .replays import EarlyStopReplay as EarlyStopReplay
    from .replays import Replay as Replay
    from .replays import replay as replay
    from .schedules import Constant as Constant
    from .schedules import Cosine as Cosine
    from .schedules import CosineRestarts as CosineRestarts
    from .schedules import Exponential as Exponential
    from .schedules import InverseSqrt as InverseSqrt
    from .schedules import Linear as Linear
    from .schedules import Polynomial as Polynomial
    from .schedules import Schedule as Schedule
    from .schedules import Step as Step
    from .schedules import warmup as warmup
    from .status import LiveStatus as LiveStatus
    from .status import Status as Status

# Resolved on first use: past runs can be studied, and the command line starts, without importing torch and ignite.
_HOME = {
    "conditions": "After Always Between Condition EarlyStop Finite Metric Never Plateau Predicate",
    "delays": "DelayHandle delay",
    "early_stopping": "Stopper delay_early_stopping stop_when",
    "errors": "AttachError DesyncError HistoryError MetricValueError StateError UnknownMetricError",
    "gates": "Gate",
    "history": "History Mark",
    "lr": "LRAdjuster LRPhases Phase Preview Switched adjust_lr apply_schedule delay_lr_scheduler preview",
    "logging_handlers": "RecorderHandler",
    "plots": "RateCurves Timeline TruthBands plot_conditions plot_schedule plot_timeline",
    "records": "Record",
    "recorder": "Recorder",
    "replays": "EarlyStopReplay Replay replay",
    "schedules": "Constant Cosine CosineRestarts Exponential InverseSqrt Linear Polynomial Schedule Step warmup",
    "status": "LiveStatus Status",
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
