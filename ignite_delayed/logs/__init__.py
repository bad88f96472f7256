"""Logs in: past runs from the files of other loggers, as histories.

* ``reading``: ``read_runs``; ``runs``: ``Runs``, which waits; ``formats``: telling formats apart by looking.
* ``layout``: where a log has its clock, as the user says; ``entries``: from rows to records, in order, nothing twice;
  ``series``: metrics with steps of their own, joined.
* ``text``: files of text, whole or refused; ``yaml``: their flat settings.
* ``tables``: CSV, Parquet, DataFrames, dicts.
* ``keras``, ``lightning``, ``mlflow``, ``skorch``, ``tensorboard``, ``transformers``, ``wandb``: named after what
  writes the format.
"""

from .keras import read_keras
from .layout import Layout
from .lightning import read_lightning
from .mlflow import read_mlflow
from .reading import read_runs
from .runs import Runs
from .skorch import from_skorch, read_skorch
from .tables import from_dict, from_frame, read_csv, read_json, read_parquet
from .tensorboard import read_tensorboard
from .transformers import read_transformers
from .wandb import read_wandb

__all__ = [
    "Layout",
    "Runs",
    "from_dict",
    "from_frame",
    "from_skorch",
    "read_csv",
    "read_json",
    "read_keras",
    "read_lightning",
    "read_mlflow",
    "read_parquet",
    "read_runs",
    "read_skorch",
    "read_tensorboard",
    "read_transformers",
    "read_wandb",
]
