"""The tutorial notebooks run from beginning to end, on fewer windows and for fewer epochs."""

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from documents import NOTEBOOKS, ROOT
from nbclient import NotebookClient

from whelp.cli.demo_runs import METHODS, demo_params
from whelp.demo import demo_file
from whelp.loading import load, save_weights

WINDOWS = 4  # in the first record file of every split


def read(name: str) -> Any:
    return nbformat.read(ROOT / "tutorials" / name, as_version=4)


def run(notebook: Any, parameters: str, folder: Path) -> int:
    """Runs a notebook with other parameters; gives the number of its pictures."""
    given = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    given.source += f"\n{parameters}"
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    notebook = read(path.name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None
    assert path.stat().st_size < 100_000


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


def test_first_model(few_windows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = f"MOUSE, OUT = {str(few_windows)!r}, {str(out)!r}"
    pictures = run(read("first_model.ipynb"), f"HEAD_EPOCHS = LORA_EPOCHS = 1\n{paths}", tmp_path)
    assert {"mouse.h5", "mouse.safetensors", "mouse.keras"} <= {p.name for p in out.iterdir()}
    assert pictures == 3


@pytest.fixture
def new_head(tmp_path: Path) -> Path:
    """The folder of a demo whose new head has not been trained."""
    folder = tmp_path / "demo_out"
    (folder / "linear").mkdir(parents=True)
    (folder / "data").mkdir()
    shutil.copy(demo_file("mm10_tracks") / "targets.txt", folder / "data")
    params = folder / "linear" / "params.json"
    params.write_text(json.dumps(demo_params(METHODS[0], quick=True)))
    model = load(params, demo_file("mini_borzoi/trunk.h5"), trunk=True)
    save_weights(model, folder / "linear" / "model_best.h5")
    return folder


def test_variants(new_head: Path, tmp_path: Path) -> None:
    assert run(read("variants.ipynb"), f"DEMO = {str(new_head)!r}", tmp_path) == 3
