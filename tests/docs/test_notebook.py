"""The tutorial notebook runs from beginning to end, on fewer windows and for fewer epochs."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from documents import NOTEBOOK
from nbclient import NotebookClient

from whelp.demo import demo_file

FILES = ("train-0.tfr", "valid-3.tfr", "test-3.tfr")


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_notebook_is_stored_without_outputs(notebook: Any) -> None:
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None
    assert NOTEBOOK.stat().st_size < 100_000


@pytest.fixture
def few_windows(tmp_path: Path) -> Path:
    """The mouse data with one record file a split."""
    folder = tmp_path / "mm10"
    folder.mkdir()
    for name in ("statistics.json", "targets.txt", "sequences.bed"):
        shutil.copy(demo_file("mm10") / name, folder)
    (folder / "tfrecords").mkdir()
    for name in FILES:
        shutil.copy(demo_file("mm10") / "tfrecords" / name, folder / "tfrecords")
    return folder


def test_notebook_runs(notebook: Any, few_windows: Path, tmp_path: Path) -> None:
    given = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    out = tmp_path / "out"
    given.source += f"\nHEAD_EPOCHS = LORA_EPOCHS = 1\nMOUSE, OUT = {str(few_windows)!r}, {str(out)!r}"
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    assert {"mouse.h5", "mouse.safetensors", "mouse.keras"} <= {p.name for p in out.iterdir()}
    images = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(images) == 3
