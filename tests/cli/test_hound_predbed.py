"""hound_predbed.py: its files next to the reference's, with the pretrained mini model.

Within 1% of the largest value and one step of 16-bit floats, which is what files hold: the sums of
a float32 model differ between machines, and low values of many tracks are near that step.
"""

import importlib.resources
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whelp.genome import dna
from whelp.genome.bigwig import BigWig

Hound = Callable[..., tuple[int, str, str]]
FLAGS = (
    *("-b", "--bigwig_indexes", "-e", "--embed_layer", "-f", "--genome_fasta", "-g"),
    *("--genome_file", "--head", "-l", "--site_length", "-o", "--out_dir", "-p", "--processes"),
    *("--rc", "-s", "--sum", "--shifts", "-t", "--targets_file", "-u", "--untransform"),
    "--untransform_old",
)
TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open
"""


@pytest.fixture
def hound(drop_in: Callable[..., Any]) -> Hound:
    """Runs hound_predbed.py."""
    return partial(drop_in, "hound_predbed.py")


@pytest.fixture
def files(golden: Path) -> tuple[Path, ...]:
    """Parameters and weights of the pretrained mini model."""
    folder = Path(str(importlib.resources.files("whelp"))) / "demo" / "data" / "mini_borzoi"
    return folder / "params.json", folder / "model.h5"


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "predict.h5") as file:
        return {name: data[:] for name, data in file.items()}


def assert_close(made: np.ndarray, wanted: np.ndarray) -> None:
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
    largest = np.abs(wanted).max()
    limit = 0.01 * float(largest) + float(np.spacing(largest))
    np.testing.assert_allclose(made.astype(float), wanted.astype(float), rtol=0, atol=limit)
    assert np.corrcoef(made.astype(float).ravel(), wanted.astype(float).ravel())[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("name", "bed", "flags"),
    [
        ("predbed", "pred", ()),
        ("predbed_edge", "pred_edge", ("-l", 2048)),
        ("predbed_opts", "pred", ("--rc", "--shifts", "0,1,-1", "-u", "-l", 4096)),
        ("predbed_sum", "pred", ("-s", "-l", 2048)),
        ("predbed_notargets", "pred", ("-l", 2048)),
        ("predbed_bw", "pred", ("-b", "0,1", "-g", "genome.txt", "-l", 2048)),
    ],
)
def test_as_the_reference(
    hound: Hound, files: tuple, golden: Path, tmp_path: Path, name: str, bed: str, flags: tuple
) -> None:
    inputs = golden / "snp/inputs"
    (tmp_path / "genome.txt").write_text("chr1\t1000000\n")
    flags = tuple(tmp_path / flag if flag == "genome.txt" else flag for flag in flags)
    if name != "predbed_notargets":
        flags += ("-t", Path(__file__).parents[1] / "data" / "hg38" / "targets.txt")
    line = ("-f", inputs / "hg38_1m.fa.gz", *flags, "-o", tmp_path / "out", *files)
    code, out, err = hound(*line, inputs / f"{bed}.bed")
    assert code == 0, err
    assert "2 sites predicted" in out
    wanted, made = dict(np.load(golden / f"snp/{name}.npz")), read(tmp_path / "out")
    bigwigs = {key: wanted.pop(key) for key in list(wanted) if key.startswith("bw|")}
    assert_close(made.pop("preds"), wanted.pop("preds"))
    assert set(made) == set(wanted)
    for key, values in wanted.items():
        assert made[key].dtype == values.dtype
        np.testing.assert_array_equal(made[key], values)
    assert len(bigwigs) == len(list((tmp_path / "out").glob("bigwig/*")))
    for key, rows in bigwigs.items():
        starts, ends, values = rows.T
        with BigWig(tmp_path / "out" / "bigwig" / key.removeprefix("bw|")) as file:
            there = file.values("chr1", 0, 1_000_000)
        assert np.flatnonzero(~np.isnan(there))[[0, -1]].tolist() == [starts[0], ends[-1] - 1]
        bins = there[int(starts[0]) : int(ends[-1])].reshape(-1, 32)
        assert (bins == bins[:, :1]).all()
        np.testing.assert_allclose(bins[:, 0], values, rtol=0, atol=0.01 * values.max())


@pytest.mark.parametrize("layer", [-1, 0, 5])
def test_embeddings(hound: Hound, files: tuple, golden: Path, tmp_path: Path, layer: int) -> None:
    """The reference fails with a targets table, but for -1, and makes what is below 0 to 0."""
    inputs = golden / "snp/inputs"
    targets = Path(__file__).parents[1] / "data" / "hg38" / "targets.txt"
    # Of a norm the reference counts bins of 32 bp, whatever its positions are.
    length = {-1: 2048, 0: 64 * 2, 5: 64 * 32}[layer]
    line = ("-f", inputs / "hg38_1m.fa.gz", "-t", targets, "-e", layer, "-l", length)
    code, _, err = hound(*line, "-o", tmp_path, *files, inputs / "pred.bed")
    assert code == 0, err
    name = "predbed_embed" if layer == -1 else f"predbed_embed{layer}"
    wanted, made = np.load(golden / f"snp/{name}.npz")["preds"], read(tmp_path)["preds"]
    assert made.min() < 0 and wanted.min() == 0
    assert_close(np.maximum(made, 0), wanted)


@pytest.fixture
def tiny_line(tiny: Any, project: Any, tmp_path: Path) -> tuple[Any, ...]:
    """Flags and files of a tiny model on a random genome, before the BED file."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n>chr2\n{bases[:3000]}\n")
    (tmp_path / "targets.txt").write_text(TARGETS)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    line = ("-f", tmp_path / "genome.fa", "-t", tmp_path / "targets.txt")
    (tmp_path / "sites.bed").write_text("chr1\t4000\t4100\nchr2\t10\t20\nchr1\t8000\t8900\n")
    return (*line, "-o", tmp_path / "out", params, project.whole)


def test_bigwigs_end_with_the_chromosome(hound: Hound, tiny_line: tuple, tmp_path: Path) -> None:
    code, _, err = hound("-b", "2", *tiny_line, tmp_path / "sites.bed")
    assert code == 0, err
    made = read(tmp_path / "out")
    assert made["preds"].shape == (3, 64, 3) and made["chrom"].tolist()[1] == b"chr2"
    assert made["start"].tolist() == [4050 - 512, 15 - 512, 8450 - 512]
    with BigWig(tmp_path / "out/bigwig/s1_t2.bw") as file:
        assert file.lengths == {"chr1": 9000, "chr2": 3000}
        values = file.values("chr2", 0, 3000)
    # 15 - 512 is the first base; 31 bins and 1 bp of the next are before the chromosome.
    assert np.flatnonzero(~np.isnan(values))[[0, -1]].tolist() == [0, 15 + 511]
    np.testing.assert_allclose(values[[0, 15]], made["preds"][1, [31, 32], 2], rtol=1e-3)


def test_jobs_are_parts(hound: Hound, tiny_line: tuple, tmp_path: Path) -> None:
    import optparse
    import pickle

    *flags, params, weights = tiny_line
    bed = tmp_path / "sites.bed"
    assert hound("-p", "2", *tiny_line, bed)[0] == 0
    whole = read(tmp_path / "out")
    options = optparse.Values({"processes": 2, "out_dir": str(tmp_path / "jobs")})
    (tmp_path / "options.pkl").write_bytes(pickle.dumps(options))
    for job in range(2):
        code, _, err = hound(*flags, tmp_path / "options.pkl", params, weights, bed, job)
        assert code == 0, err
    parts = [read(tmp_path / f"jobs/job{job}") for job in range(2)]
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), values)


@pytest.mark.parametrize(
    ("flags", "rows", "message"),
    [
        ((), "", "there are no sites in it"),
        ((), "chr1\t5\t3\n", "line 1: expected chromosome, start and end"),
        ((), "chr1\t5\t30\nchr9\t1\t2\n", "site 2 is on chr9"),
        (("-l", 1000), "chr1\t5\t30\n", "expected a length of whole bins of 16 bp"),
        (("-l", 2048), "chr1\t5\t30\n", "up to the 1,024 bp that are predicted"),
        (("-b", "3"), "chr1\t5\t30\n", "expected numbers from 0 to 2"),
        (("-b", "0", "-g", "short.txt"), "chr1\t5\t30\n", "has 8,000 bp in the table"),
        (("-b", "one"), "chr1\t5\t30\n", "expected whole numbers such as 0,1"),
        (("-e", 40), "chr1\t5\t30\n", "expected the number of one of the model's"),
        (("-e", 0, "--rc"), "chr1\t5\t30\n", "leave out -u, --untransform_old, --rc"),
    ],
)
def test_bad_input(
    hound: Hound, tiny_line: tuple, tmp_path: Path, flags: tuple, rows: str, message: str
) -> None:
    (tmp_path / "bad.bed").write_text(rows)
    (tmp_path / "short.txt").write_text("chr1\t8000\n")
    flags = tuple(tmp_path / flag if flag == "short.txt" else flag for flag in flags)
    code, _, err = hound(*flags, *tiny_line, tmp_path / "bad.bed")
    assert code == 1 and message in " ".join(err.split()), err
    assert not (tmp_path / "out" / "predict.h5").exists()


def test_help_names_the_reference_s_flags() -> None:
    code = "from whelp.cli.hound_predbed import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )
    assert all(flag in done.stdout for flag in FLAGS)
