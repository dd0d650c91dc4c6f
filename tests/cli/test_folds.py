"""`whelp folds` and `westminster_train_folds.py`, from data with folds to tables and a report."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from whelp import FoldsSettings, train_folds
from whelp.files import exclusive

GENE = 'chr1\tx\texon\t{start}\t{end}\t.\t+\t.\tgene_id "g{name}"; transcript_id "t{name}";\n'
STARTS = [*range(40_000, 41_000, 80), *range(50_000, 51_000, 80)]
"""Places in the windows of fold 1."""

ONE_EPOCH = {"train_epochs_min": 1, "train_epochs_max": 1}


@pytest.fixture(scope="session")
def folds(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with 4 folds, that tests must not change."""
    return tiny.make_folds(tmp_path_factory.mktemp("folds") / "data")


@pytest.fixture
def line(project: Any, folds: Path) -> list[Any]:
    """The words of `whelp folds`: two crosses of fold 1, their trunks beside each other."""
    shutil.copy(project.trunk, project.folder / "trunk_r0.h5")
    (project.folder / "trunk_r1.h5").write_bytes(b"cut short")
    pattern = project.folder / "trunk_r{c}.h5"
    params = project.params(train=ONE_EPOCH)
    options = ["--folds", "1", "--pretrained", pattern, "--rank"]
    return ["folds", params, folds, "-o", project.folder / "out", *options]


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_table(folder / name, keep_default_na=False, na_values=[""])


def test_a_replicate_that_fails_costs_no_other(
    whelp: Callable, line: list[Any], project: Any
) -> None:
    out = project.folder / "out"
    result = whelp(*line)
    assert result.exit_code == 1 and "1 of 2 replicates failed: f1c1" in result.output
    assert "f1c0  epoch   1" in result.output and "f1c0  finished" in result.output
    table = _table(out, "replicates.tsv").set_index("replicate")
    assert table["status"].to_dict() == {"f1c0": "finished", "f1c1": "failed"}
    assert "trunk_r1.h5" in table["message"]["f1c1"]
    assert "trunk_r1.h5" in (out / "f1c1" / "train.log").read_text()

    shutil.copy(project.trunk, project.folder / "trunk_r1.h5")
    before = (out / "f1c0" / "train" / "model_best.h5").stat().st_mtime_ns
    refused = whelp(*line)
    assert refused.exit_code == 1 and "holds replicates already" in refused.output
    genes = project.folder / "genes.gtf"
    genes.write_text("".join(GENE.format(name=at, start=at + 1, end=at + 32) for at in STARTS))
    again = whelp(*line, "--resume", "--genes", genes, "--contrast", "liver:blood")
    assert again.exit_code == 0, again.output
    assert "f1c1  epoch" in again.output and "f1c0  epoch" not in again.output
    assert (out / "f1c0" / "train" / "model_best.h5").stat().st_mtime_ns == before
    _check_tables(out)
    _check_folders(out)
    _check_genes(out)
    # Nothing is left to do for the function, either.
    pattern = str(project.folder / "trunk_r{c}.h5")
    wanted = FoldsSettings(folds=[1], crosses=2, pretrained=pattern, resume=True)
    options = {"precision": "float32", "assessment": {"rank": True}}
    found = train_folds(line[1], line[2], out, wanted, **options)
    assert found.replicates["status"].tolist() == ["finished"] * 2 and not found.failed


def _check_tables(out: Path) -> None:
    tables = {
        name: pd.read_table(out / name / "train" / "test" / "acc.txt") for name in ("f1c0", "f1c1")
    }
    assert all((table["leak"] == "unknown").all() for table in tables.values())
    both = pd.concat([table["pearsonr"] for table in tables.values()], axis=1)
    replicates = _table(out, "replicates.tsv").set_index("replicate")
    assert replicates["status"].tolist() == ["finished"] * 2
    assert replicates["valid_fold"].tolist() == [2, 3]
    assert replicates["pearsonr"].tolist() == pytest.approx(both.mean().tolist(), abs=1e-5)
    summary = _table(out, "summary.tsv").set_index(["fold", "number"])
    row = summary.loc[("all", "pearsonr")]
    means = replicates["pearsonr"]
    assert row["mean"] == pytest.approx(means.mean(), abs=1e-5)
    assert row["sd"] == pytest.approx(abs(means["f1c0"] - means["f1c1"]) / 2**0.5, abs=1e-5)
    assert (row["replicates"], row["leak"]) == (2, "all (unknown)")
    tracks = _table(out, "tracks.tsv")
    assert tracks["pearsonr"].tolist() == pytest.approx(both.mean(axis=1).tolist(), abs=1e-4)
    assert tracks["pearsonr_sd"].tolist() == pytest.approx(both.std(axis=1).tolist(), abs=1e-4)
    assert {"spearmanr", "r2_sd", "identifier", "replicates", "leak"} <= set(tracks)
    report = (out / "report.html").read_text()
    assert "f1c0, f1c1: it is not known whether the weights were trained" in report


def _check_folders(out: Path) -> None:
    seeds = [json.loads((out / f"f1c{c}" / "params.json").read_text())["train"] for c in (0, 1)]
    assert [train.get("seed", 0) for train in seeds] == [0, 1]
    run = json.loads((out / "f1c1" / "train" / "run.json").read_text())
    assert run["method"] == "lora" and run["weights"].endswith("trunk_r1.h5")
    assert "tested on fold 1, validated on fold 3" in (out / "f1c1/train/report.html").read_text()


def _check_genes(out: Path) -> None:
    table = _table(out, "genes.tsv").set_index(["of", "number"])
    own = [pd.read_table(out / f"f1c{c}" / "genes" / "task_metrics.tsv") for c in (0, 1)]
    values = pd.Series([tracks["pearsonr"].mean() for tracks in own])
    assert (own[0]["leak"] == "unknown").all()
    row = table.loc[("levels", "pearsonr")]
    assert (row["mean"], row["sd"]) == pytest.approx((values.mean(), values.std()), abs=1e-4)
    assert row["leak"] == "all (unknown)"
    changes = [pd.read_table(out / f"f1c{c}" / "genes" / "contrasts.tsv") for c in (0, 1)]
    means = pd.concat(changes)["pearsonr"].mean()
    assert table.loc[("liver:blood (RNA)", "pearsonr"), "mean"] == pytest.approx(means, abs=1e-4)
    assert "fold change" in (out / "report.html").read_text()


def test_bad_folds_are_refused_before_anything_is_written(
    whelp: Callable, line: list[Any], project: Any, folds: Path
) -> None:
    split = project.folder / "trunk.bed"
    text = (folds / "sequences.bed").read_text()
    split.write_text(text.replace("fold1", "train").replace("fold0", "test"))
    refused = whelp(*line, "--pretrained-split", split)
    assert refused.exit_code == 1
    assert "2 of 2 test windows (fold 1; 100% of their bases) overlap with" in refused.output
    without = whelp("folds", line[1], project.data, "-o", project.folder / "out")
    assert without.exit_code == 1 and "the data have no folds" in without.output
    assert not (project.folder / "out").exists()
    setup = whelp(*line, "--pretrained-split", split, "--allow-leak", "--setup")
    assert setup.exit_code == 0, setup.output
    assert "trained on held-out windows of f1c0 (test+valid), f1c1 (test+valid)" in setup.output


def test_genes_that_cannot_be_evaluated_are_told_before_anything_is_trained(
    whelp: Callable, line: list[Any], project: Any
) -> None:
    out, genes = project.folder / "out", project.folder / "genes.gtf"
    genes.write_text("".join(GENE.format(name=at, start=at + 1, end=at + 32) for at in STARTS))
    other = project.folder / "other.gtf"
    other.write_text(genes.read_text().replace("chr1", "chr7"))
    asked = [*line, "--setup", "--crosses", "1", "--genes"]
    refused = whelp(*asked, other)
    assert refused.exit_code == 1 and "(fold1): none of" in refused.output
    refused = whelp(*asked, genes, "--contrast", "liver:nose")
    assert refused.exit_code == 1 and "there is no group 'nose'" in refused.output
    assert not out.exists()
    # Genes may be changed as long as no replicate has been evaluated on them.
    for contrast in ("liver:blood", "blood:liver"):
        assert whelp(*asked, genes, "--contrast", contrast, "--resume").exit_code == 0
    (out / "f1c0" / "genes").mkdir()
    refused = whelp(*asked, genes, "--resume")
    assert refused.exit_code == 1 and "they differ in genes" in refused.output


def test_only_one_process_trains_a_replicate(
    whelp: Callable, line: list[Any], project: Any
) -> None:
    with exclusive(project.folder / "out" / "f1c0" / ".lock", ""):
        assert whelp(*line, "--setup", "--resume").exit_code == 0
        result = whelp(*line, "--crosses", 1, "--resume")
    assert result.exit_code == 1
    assert "another process trains" in result.output and "1 of 1 replicates failed" in result.output
    gathered = whelp("gather", project.folder / "out")
    assert gathered.exit_code == 1
    assert "2 of 2 replicates are not finished: f1c0 (failed), f1c1 (unfinished)" in gathered.output


def test_the_drop_in_begins_from_another_folder(
    drop_in: Callable, project: Any, folds: Path
) -> None:
    params, name = project.params(train=ONE_EPOCH), "westminster_train_folds.py"
    first, second = project.folder / "first", project.folder / "second"
    slurm = ["-e", "env", "-q", "gpu", "--name", "n"]
    code, out, err = drop_in(name, *slurm, "-f", 1, "-o", first, params, folds)
    assert code == 0, err
    assert "the section transfer is not read" in err
    assert json.loads((first / "f0c0" / "train" / "run.json").read_text())["method"] == "train"
    code, out, err = drop_in(name, "-f", 1, "-o", first, params, folds)
    assert code == 1 and f"{first} exists. Please remove" in err
    again = drop_in(name, "-r", "-f", 1, "-o", first, params, folds)
    assert again[0] == 0 and f"{first / 'f0c0'} found and skipped." in again[1]
    restored = ["--restore", first, "--trunk", "--f_list", "0"]
    code, out, err = drop_in(name, *restored, "-o", second, "--setup", params, folds)
    assert code == 0 and "nobody knows" not in err
    record = json.loads((second / "folds.json").read_text())["replicates"]
    assert [(each["weights"], each["leak"]) for each in record] == [
        (str(first / "f0c0" / "train" / "model_best.h5"), "")
    ]


@pytest.mark.slow
def test_a_killed_process_costs_its_replicate_only(
    start_whelp: Callable, whelp: Callable, line: list[Any], project: Any
) -> None:
    shutil.copy(project.trunk, project.folder / "trunk_r1.h5")
    process = start_whelp(*line, "--set", "train.train_epochs_max=3")
    lines = []
    for printed in process.stdout:
        lines.append(printed)
        if printed.startswith("f1c0  epoch") and not any("f1c1  e" in each for each in lines):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.send_signal(signal.SIGKILL)
    assert process.wait() == 1
    table = _table(project.folder / "out", "replicates.tsv").set_index("replicate")
    assert table["status"].to_dict() == {"f1c0": "failed", "f1c1": "finished"}, lines
    assert "was killed (signal 9)" in table["message"]["f1c0"]
    result = whelp(*line, "--set", "train.train_epochs_max=3", "--resume")
    assert result.exit_code == 0, result.output
    log = pd.read_csv(project.folder / "out" / "f1c0" / "train" / "log.csv")
    assert log["epoch"].tolist() == [1, 2, 3]
