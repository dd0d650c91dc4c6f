"""What a trained model says of where it comes from, and of windows that it has seen."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from whelp.fitting import AssessmentSettings, EvaluationFiles, evaluate_files, transfer
from whelp.loading import load, load_adapter
from whelp.making.windows import read_windows_bed
from whelp.weights import WeightsError

QUICK = {"train_epochs_min": 1, "train_epochs_max": 1}


def labels(path: Path) -> list[tuple[str, int, str]]:
    return [(window.chrom, window.start, window.label) for window in read_windows_bed(path)]


@pytest.fixture
def ran(project: Any) -> Any:
    """A transfer from a trunk whose parameters name its licence and windows."""
    own = labels(project.data / "sequences.bed")
    (chrom, start, _), *_ = [row for row in own if row[2] == "test"]
    (project.folder / "seen.bed").write_text(
        f"{chrom}\t{start + 10}\t{start + 20}\tfold0\n{chrom}\t0\t5\tfold3\n{chrom}\t0\t5\tfold4\n"
    )
    params = project.params(train=QUICK)
    content = json.loads(params.read_text())
    content["model"]["provenance"] = {"licence": "CC BY 4.0", "windows": "seen.bed"}
    params.write_text(json.dumps(content))
    out = project.folder / "out"
    run = transfer(params, project.data, out, weights=project.trunk, report=False)
    return project, out, run


def test_licence_and_windows_are_inherited(ran: Any, tmp_path: Path) -> None:
    project, out, run = ran
    written = json.loads((out / "params.json").read_text())["model"]["provenance"]
    assert written == {
        "source": project.trunk.name,
        "sha256": hashlib.sha256(project.trunk.read_bytes()).hexdigest(),
        "licence": "CC BY 4.0",
        "windows": {"training": "windows.bed", "pretraining": "pretraining.bed"},
    }
    assert labels(out / "windows.bed") == labels(project.data / "sequences.bed")
    assert (out / "pretraining.bed").read_text() == (project.folder / "seen.bed").read_text()
    # Every file of the run finds them, also where the folder was moved to.
    assert str(out) not in (out / "adapter.safetensors").read_bytes().decode("latin1")
    moved = out.rename(tmp_path / "moved")
    model = load(moved / "params.json", moved / "model_best.h5")
    files = model.spec.provenance.window_files()
    assert files == {n: str(moved / f) for n, f in written["windows"].items()}
    base = load(moved / "params.json", project.trunk, trunk=True)
    adapted = load_adapter(base, moved / "adapter.safetensors")
    assert adapted.spec.provenance.window_files() == files
    # A model that goes on from this one has seen all of it.
    second = transfer(
        moved / "params.json",
        project.data,
        tmp_path / "second",
        weights=moved / "model_best.h5",
        trunk=True,
        report=False,
        evaluate=False,
    )
    windows = second.model.spec.provenance.window_files()
    assert list(windows) == ["training", "pretraining", "pretraining_2"]
    assert Path(windows["pretraining_2"]).read_text() == (moved / "pretraining.bed").read_text()


def test_evaluations_say_which_windows_were_seen(ran: Any, tmp_path: Path) -> None:
    project, out, run = ran
    seen = run.accuracy["head_a"].attrs["training_windows"]
    assert seen["seen"] == {"training": 0, "pretraining": 1}
    assert json.loads((out / "test/evaluation.json").read_text())["training_windows"] == seen
    assert seen["sentences"] == [
        "0 of 3 windows lie in windows of the model's training (windows.bed)",
        "1 of 3 windows lie in windows of the model's pretraining (pretraining.bed; fold3 and "
        "fold4 taken to be held out)",
    ]
    files = EvaluationFiles(out / "params.json", out / "model_best.h5", project.data)
    again, _ = evaluate_files(files, tmp_path / "eval", AssessmentSettings())
    assert again.accuracy.attrs["training_windows"] == seen
    resumed = transfer(
        out / "params.json", project.data, out, weights=project.trunk, resume=True, report=False
    )
    assert resumed.accuracy["head_a"].attrs["training_windows"] == seen


def test_words_are_told_where_there_is_no_file(project: Any, tmp_path: Path) -> None:
    params = project.params(train=QUICK)
    content = json.loads(params.read_text())
    content["model"]["provenance"] = {"windows": "all but fold 3"}
    params.write_text(json.dumps(content))
    out = tmp_path / "out"
    run = transfer(params, project.data, out, weights=project.trunk, report=False)
    sentences = run.accuracy["head_a"].attrs["training_windows"]["sentences"]
    assert sentences[1] == (
        "Which windows lie in windows of the model's pretraining is not known: its provenance says "
        "'all but fold 3'; there is no such file"
    )


def test_a_damaged_file_is_told_by_its_reader(project: Any, tmp_path: Path) -> None:
    weights = tmp_path / "trunk.keras"
    weights.write_bytes(b"half a file")
    with pytest.raises(WeightsError, match=r"cannot be read as a \.keras"):
        transfer(project.params(train=QUICK), project.data, tmp_path / "out", weights=weights)
    assert not (tmp_path / "out").exists()
