"""From a FASTA and BigWigs to a model: what is made, what is refused, what goes on."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import whelp
from whelp.data import open_dataset
from whelp.fitting import FitPlan, OutputFolderError, PlanError, TrackInput, fit, plan_fit
from whelp.fitting.folder import results
from whelp.fitting.planning import params_for_tracks
from whelp.genome import dna
from whelp.genome.bigwig import write_bigwig_values
from whelp.making import DataSettings, LabeledWindow, WindowSettings, write_windows_bed

CONTIGS = {"chrA": 16_000, "chrB": 9_000, "chrC": 9_000}
TRACKS = ("rna.plus", "rna.minus", "atac")


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genome of three contigs whose tracks follow its G and C, and its targets table."""
    folder = tmp_path_factory.mktemp("genome")
    rng = np.random.default_rng(3)
    sequences = {name: rng.integers(0, 4, size).astype("uint8") for name, size in CONTIGS.items()}
    lines = [f">{name}\n{dna.decode(sequence)}\n" for name, sequence in sequences.items()]
    (folder / "genome.fa").write_text("".join(lines))
    for track in TRACKS:
        values = [
            (name, (np.isin(sequence, (1, 2)) + rng.gamma(1.0, 0.1, len(sequence))) / 8)
            for name, sequence in sequences.items()
        ]
        write_bigwig_values(folder / f"{track}.bw", CONTIGS, values)
    rows = {
        "identifier": ["rna+", "rna-", "atac"],
        "file": [f"{track}.bw" for track in TRACKS],
        "sum_stat": "sum",
        "strand_pair": [1, 0, 2],
        "description": [f"RNA:{track}" for track in TRACKS],
    }
    pd.DataFrame(rows).to_csv(folder / "targets.txt", sep="\t")
    return folder


def start(folder: Path, **windows: Any) -> TrackInput:
    laid = WindowSettings(**{"test": "chrC", "valid": "chrB"} | windows)
    settings = DataSettings(windows=laid, processes=1)
    return TrackInput(folder / "genome.fa", folder / "targets.txt", data=settings)


def test_fit_makes_data_and_a_model_and_goes_on(tiny: Any, project: Any, genome: Path) -> None:
    plans: list[FitPlan] = []
    out, source, tracks = project.folder / "fit", project.params(), start(genome)
    result = fit(source, tracks, out, weights=project.trunk, on_plan=plans.append)
    # Windows tile what they predict: 1,024 bp, of which a contig holds so many in full.
    contigs = dict(zip(("train", "valid", "test"), CONTIGS.values(), strict=True))
    tiles = {label: length // 1024 for label, length in contigs.items()}
    assert plans[0].windows == tiles == dict(result.data.windows)
    assert "test windows may have been seen in pretraining" in plans[0].notes[-1]
    train = open_dataset(out / "data", "train")
    assert (train.num_seqs, train.num_targets) == (tiles["train"], 3)
    assert (train.seq_length, train.target_length) == (tiny.SEQ_LENGTH, tiny.BINS)
    assert "test windows may have been seen in pretraining" in (out / "report.html").read_text()
    assert len(pd.read_table(out / "test" / "acc.txt")) == 3
    # The folder is a whole project: its parameters load its weights.
    model = whelp.load(out / "params.json", out / "model_best.h5")
    assert model.output.shape[-1] == 3 and model.spec.target_transform == "new"
    with pytest.raises(OutputFolderError, match="--resume"):
        fit(source, tracks, out, weights=project.trunk)
    # As after a stop between the making of the data and the training.
    record = out / "data" / "tfrecords" / "train-0.tfr"
    stamp, losses = record.stat().st_mtime_ns, pd.read_csv(out / "log.csv")["loss"]
    for path in results(out):
        path.unlink()
    fit(source, tracks, out, weights=project.trunk, report=False, resume=True)
    assert record.stat().st_mtime_ns == stamp
    assert pd.read_csv(out / "log.csv")["loss"].tolist() == pytest.approx(losses.tolist())


def test_windows_of_the_pretrained_model_are_taken(project: Any, genome: Path) -> None:
    windows = [
        LabeledWindow("chrA", 1024 * place, 1024 * (place + 1), label)
        for place, label in enumerate(("fold0", "fold0", "fold3", "fold4", "fold1", "fold0"), 1)
    ]
    write_windows_bed(genome / "split.bed", windows)
    tracks = start(genome, regions=genome / "split.bed", test="fold3", valid="fold4")
    plan, settings = plan_fit(params_for_tracks(project.params(), 3), tracks)
    assert plan.windows == {"train": 4, "valid": 1, "test": 1}
    assert settings.windows.crop_bp == 512 and settings.windows.pool_width == 16
    assert any("held out from pretraining" in note for note in plan.notes)
    tracks = start(genome, regions=genome / "split.bed", test=None, valid=None)
    with pytest.raises(PlanError, match="fold0, fold1.*--test fold3 --valid fold4"):
        plan_fit(params_for_tracks(project.params(), 3), tracks)


def test_nothing_is_made_for_weights_that_do_not_fit(tiny: Any, project: Any, genome: Path) -> None:
    wide = json.loads(json.dumps(tiny.MODEL))
    wide["trunk"][0]["filters"] = 20
    source = project.params(model=wide, name="wide.json")
    out = project.folder / "fit"
    with pytest.raises(ValueError, match="conv_dna"):
        fit(source, start(genome), out, weights=project.trunk)
    assert not out.exists()


def test_nothing_is_made_of_missing_tracks(project: Any, genome: Path, tmp_path: Path) -> None:
    shutil.copy(genome / "genome.fa", tmp_path / "genome.fa")
    shutil.copy(genome / "targets.txt", tmp_path / "targets.txt")
    out = project.folder / "fit"
    with pytest.raises(ValueError, match=r"rna\.plus\.bw(.|\n)*rna\.minus\.bw(.|\n)*atac\.bw"):
        fit(project.params(), start(tmp_path), out, weights=project.trunk)
    assert not (out / "data").exists()
