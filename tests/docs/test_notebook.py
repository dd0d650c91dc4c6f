"""The tutorial notebook runs from beginning to end, on fewer windows and for fewer epochs."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from documents import NOTEBOOK
from nbclient import NotebookClient

from whelp.demo import demo_file

WINDOWS = 4  # in the first record file of every split


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
    """The mouse data with the first record file of every split."""
    whole, folder = demo_file("mm10"), tmp_path / "mm10"
    (folder / "tfrecords").mkdir(parents=True)
    for split in ("train", "valid", "test"):
        shutil.copy(whole / "tfrecords" / f"{split}-0.tfr", folder / "tfrecords")
    for name in ("statistics.json", "targets.txt"):
        shutil.copy(whole / name, folder)
    bed = pd.read_table(whole / "sequences.bed", header=None)
    few = bed.groupby(3).head(WINDOWS)
    few.to_csv(folder / "sequences.bed", sep="\t", header=False, index=False)
    return folder


def test_notebook_runs(notebook: Any, few_windows: Path, tmp_path: Path) -> None:
    given = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    out = tmp_path / "out"
    paths = f"MOUSE, OUT = {str(few_windows)!r}, {str(out)!r}"
    given.source += f"\nHEAD_EPOCHS = LORA_EPOCHS = 1\n{paths}"
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
