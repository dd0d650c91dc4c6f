"""hound_predvcf.py: both alleles next to the reference's, with the pretrained mini model."""

import importlib.resources
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import whelp
from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

LENGTH = 131_072
Hound = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hound(drop_in: Callable[..., Any]) -> Hound:
    """Runs hound_predvcf.py."""
    return partial(drop_in, "hound_predvcf.py")


def assert_close(made: np.ndarray, wanted: np.ndarray) -> None:
    """Within 1% of the largest value and one step of 16-bit floats."""
    found, truth = made.astype(float), wanted.astype(float)
    limit = 0.01 * truth.max() + float(np.spacing(wanted.max(), dtype=np.float16))
    np.testing.assert_allclose(found, truth, rtol=0, atol=limit)
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.9999


def alleles(genome: Path, vcf: Path, number: int) -> np.ndarray:
    """Windows of the first variants, one-hot of shape `(variants, 2, length, 4)`."""
    rows = [row.split("\t") for row in vcf.read_text().splitlines() if row[0] != "#"]
    with Fasta(genome) as fasta:
        windows = []
        for chrom, position, _, ref, alt in (row[:5] for row in rows[:number]):
            bases = fasta.fetch(chrom, int(position) - LENGTH // 2, int(position) + LENGTH // 2)
            assert dna.decode(bases[LENGTH // 2 - 1 : LENGTH // 2]) == ref
            other = bases.copy()
            other[LENGTH // 2 - 1] = dna.encode(alt)[0]
            windows.append([dna.one_hot(bases), dna.one_hot(other)])
    return np.array(windows)


def test_as_the_reference(hound: Hound, golden: Path, tmp_path: Path) -> None:
    """Of its predictions the first two variants are kept, and every 16th bin.

    In this command alone the reference takes N for a quarter of each base. Models have learnt, and
    are used everywhere else, with N as nothing at all: so it is here, and with quarters the model
    gives the reference's numbers.
    """
    folder = Path(str(importlib.resources.files("whelp"))) / "demo" / "data" / "mini_borzoi"
    line = ("-f", golden / "snp/inputs/hg38_1m.fa.gz", "-o", tmp_path)
    line += ("-t", Path(__file__).parents[1] / "data" / "hg38" / "targets.txt")
    rows = (golden / "snp/inputs/eqtl.vcf").read_text().splitlines(keepends=True)
    (tmp_path / "two.vcf").write_text("".join(rows[:3]))
    files = (folder / "params.json", folder / "model.h5", tmp_path / "two.vcf")
    code, _, err = hound(*line, *files)
    assert code == 0, err
    x = alleles(golden / "snp/inputs/hg38_1m.fa.gz", files[2], 2)
    assert (x.sum(axis=-1) == 0).any()
    model, table = whelp.load(*files[:2]), TargetsTable.read(line[-1])
    undo = Untransform(table, old=False)
    pure = undo(model.predict(x.reshape(4, LENGTH, 4), batch_size=1, verbose=0))
    x[x.sum(axis=-1) == 0] = 0.25
    mixed = undo(model.predict(x.reshape(4, LENGTH, 4), batch_size=1, verbose=0))
    wanted = dict(np.load(golden / "snp/predvcf.npz"))
    with h5py.File(tmp_path / "predict.h5") as file:
        made = {name: data[:] for name, data in file.items() if "preds" not in name}
        for place, name in enumerate(("preds_ref", "preds_alt")):
            assert file[name].shape == (2, 2048, 74) and file[name].dtype == np.float16
            assert_close(file[name][:2], pure[place::2].astype(np.float16))
            assert_close(mixed[place::2, ::16].astype(np.float16), wanted.pop(name))
        assert (file["preds_ref"][0] != file["preds_alt"][0]).any()
    assert set(made) == set(wanted)
    for name, values in wanted.items():
        assert made[name].tolist() == values[:2].tolist(), name
    assert made["pos"].dtype == made["start"].dtype == np.int64


def test_targets_are_needed(hound: Hound, tmp_path: Path) -> None:
    code, _, err = hound("-f", "x.fa", "params.json", "model.h5", "x.vcf")
    assert code == 2 and "a targets table is needed" in err
