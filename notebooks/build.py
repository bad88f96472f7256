"""Execute the notebooks afresh and write them back with their outputs: ``python notebooks/build.py [NAME.ipynb]``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path) -> nbformat.NotebookNode:
    """The notebook at ``path``, executed in a fresh kernel and an empty folder; the file is left alone.

    Raises:
        nbclient.exceptions.CellExecutionError: where a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # the kernel's own
        environment = inherited | {"IPYTHONDIR": str(Path(folder, "ipython")), "PYTHONHASHSEED": "0"}
        resources = {"metadata": {"path": folder}}
        options = {"timeout": 600, "startup_timeout": 600, "coalesce_streams": True, "kernel_name": "python3"}
        client = NotebookClient(notebook, resources=resources, **options)
        client.execute(env=environment)
    return cleaned(notebook)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """``notebook`` without what differs between machines and from run to run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
        cell.metadata.clear()
    return notebook


def main(names: list[str]) -> None:
    """Write each named notebook back, all of them where none is named."""
    for path in [HERE / name for name in names] or sorted(HERE.glob("*.ipynb")):
        nbformat.write(execute(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
