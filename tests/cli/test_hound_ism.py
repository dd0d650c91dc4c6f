"""hound_ism_bed.py and hound_ism_snp.py: the pretrained mini model next to the reference's numbers.

Within 1% of a statistic's largest value and one step of 16-bit floats, and with a correlation
above 0.9999: scores are small differences of large sums.
"""

import importlib.resources
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whelp.genome import dna

Hound = Callable[..., tuple[int, str, str]]
ALL = "SUM,logSUM,logSED,sqrtSUM,SAX,D1,logD1,sqrtD1,D2,logD2,sqrtD2"
MORE = {"chr", "start", "end", "strand", "label", "length", "target_ids", "target_labels"}
FLAGS = ("-d", "-f", "-l", "-o", "--rc", "--shifts", "--stats", "-t", "-u", "--untransform_old")
TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open
"""


@pytest.fixture
def hound(drop_in: Callable[..., Any]) -> Hound:
    """Runs hound_ism_bed.py or hound_ism_snp.py."""
    return lambda kind, *arguments: drop_in(f"hound_ism_{kind}.py", *arguments)


@pytest.fixture
def mini(golden: Path) -> tuple[Any, ...]:
    """Options and files of the pretrained mini model, before the stretches."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    targets = Path(__file__).parents[1] / "data" / "hg38" / "targets.txt"
    genome = golden / "snp/inputs/hg38_1m.fa.gz"
    return ("-f", genome, "-t", targets, folder / "params.json", folder / "model.h5")


def read(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def assert_same_run(made: dict, wanted: dict) -> None:
    """Compare everything: names and types of data sets, texts exactly, scores nearly."""
    assert set(made) == set(wanted) | MORE
    for name, values in wanted.items():
        assert (made[name].dtype, made[name].shape) == (values.dtype, values.shape), name
        if values.dtype != np.float16:
            assert made[name].tolist() == values.tolist(), name
            continue
        ours, theirs = made[name].astype(float), values.astype(float)
        largest = np.abs(values).max()
        limit = 0.01 * float(largest) + float(np.spacing(largest))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit, err_msg=name)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999, name
        # What is there already has no score.
        assert not ours[made["seqs"]].any()


@pytest.mark.parametrize(
    ("name", "file", "options"),
    [
        ("ism_bed", "ism.bed", ("-l", 6, "--stats", ALL)),
        ("ism_bed_rc", "ism.bed", ("-l", 4, "--rc", "--stats", "logSUM,logD2")),
        ("ism_snp", "ism.vcf", ("-l", 6, "--stats", f"{ALL},JS,logJS")),
        ("ism_snp_indel", "indels2.vcf", ("-l", 4)),
        (
            "ism_snp_updown",
            "ism.vcf",
            ("-u", 2, "-d", 4, "--rc", "--shifts", "0,1", "--stats", "logSUM,logD2"),
        ),
    ],
)
def test_scores_are_the_reference_s(
    hound: Hound, mini: tuple, golden: Path, tmp_path: Path, name: str, file: str, options: tuple
) -> None:
    kind = name.split("_")[1]
    stretches = golden / "snp/inputs" / file
    code, out, err = hound(kind, *options, "-o", tmp_path, *mini, stretches)
    assert code == 0, err
    wanted = dict(np.load(golden / f"snp/{name}.npz"))
    made = read(tmp_path)
    if "logJS" in wanted:
        # The reference's is 0 throughout.
        assert not wanted["logJS"].any()
        assert (made["logJS"][~made["seqs"]] > 0).all()
        wanted["logJS"] = made["logJS"]
    assert_same_run(made, wanted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.h5"]


@pytest.fixture
def tiny_files(tiny: Any, project: Any, tmp_path: Path) -> tuple[Any, ...]:
    """The same of a tiny model on a random genome."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n>chr2\nNNNNNN{bases[:3000]}\n")
    (tmp_path / "targets.txt").write_text(TARGETS)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    genome, targets = tmp_path / "genome.fa", tmp_path / "targets.txt"
    return ("-f", genome, "-t", targets, params, project.whole)


def bed_of(folder: Path, text: str) -> Path:
    (folder / "some.bed").write_text(text)
    return folder / "some.bed"


def test_the_minus_strand_and_rows_that_do_not_fit(
    hound: Hound, tiny_files: tuple, tmp_path: Path
) -> None:
    """A - row is its reverse complement, and -u and -d are along it; the ends are filled with N."""
    bed = bed_of(
        tmp_path,
        "chr1\t4000\t4001\tplus\t0\t+\nchr1\t4000\t4001\tminus\t0\t-\nchr3\t1\t2\n"
        "chr2\t4000\t4001\tbeyond\n2\t4\t5\tedge\n",
    )
    out = tmp_path / "out"
    code, said, err = hound("bed", "-u", 3, "-d", 5, "-o", out, *tiny_files, bed)
    assert code == 0 and "2 rows cannot be explained" in err
    assert "24 bases of 3 stretches" in said
    made = read(out)
    assert made["strand"].tolist() == [b"+", b"-", b"+"]
    assert made["start"].tolist() == [3997, 3995, 1] and made["end"].tolist() == [4005, 4003, 9]
    assert made["label"].tolist() == [b"plus", b"minus", b"edge"]
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    for row, stretch in enumerate((letters[3997:4005], letters[3995:4003])):
        bases = dna.encode(stretch)
        bases = dna.reverse_complement(bases) if row else bases
        np.testing.assert_array_equal(made["seqs"][row], dna.one_hot(bases, bool))
    # An N has no base: each of the four takes its place.
    assert not made["seqs"][2, :5].any() and made["logSUM"][2, :5].all()
    rejected = [line.split("\t") for line in (out / "rejected.tsv").open()]
    assert rejected[0] == ["name", "place", "reason\n"]
    assert [line[:2] for line in rejected[1:]] == [
        ["chr3:-2-6", "chr3:-2-6"],
        ["beyond", "chr2:3997-4005"],
    ]


def test_variants_that_do_not_fit(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """The reference stops at the first of them; all alternates of a record follow its reference."""
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    base = letters[3000]
    others = [letter for letter in "ACGT" if letter != base]
    vcf = tmp_path / "some.vcf"
    vcf.write_text(
        f"chr1\t3001\twrong\t{others[0]}\t{others[1]}\n"
        f"chr1\t3001\tright\t{base}\t{others[0]},<DEL>,{others[1]}\n"
        f"chr1\t3001\tflipped\t{others[2]}\t{base}\n"
    )
    code, _, err = hound("snp", "-l", 3, "-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 0 and "2 rows cannot be explained" in err
    made = read(tmp_path / "out")
    wanted = ["right_" + letter for letter in (base, *others[:2])]
    wanted += [f"flipped_{letter}" for letter in (others[2], base)]
    assert [label.decode() for label in made["label"]] == wanted
    middle = [dna.decode(dna.from_one_hot(row))[0] for row in made["seqs"]]
    assert middle == [base, *others[:2], others[2], base]
    np.testing.assert_array_equal(made["logSUM"][0], made["logSUM"][4])
    # From A to C is the opposite of from C to A.
    to = "ACGT".index(others[0])
    back = made["logSUM"][1, 0, "ACGT".index(base)]
    np.testing.assert_allclose(made["logSUM"][0, 0, to], -back, rtol=1e-3)
    reasons = (tmp_path / "out/rejected.tsv").read_text()
    assert "neither of the alleles" in reasons and "symbolic" in reasons


_KILLED = """
import os, signal, sys, time
from whelp.cli import hound_ism
from whelp.cli.score_display import ScoreBar

def show(self, done, total):
    time.sleep(1.1)
    if done >= 60:
        os.kill(os.getpid(), signal.SIGKILL)

ScoreBar.show = show
hound_ism.bed()
"""


def test_killed_and_called_again(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """The same bytes come out as of a run that nothing happened to."""
    bed = bed_of(tmp_path, "".join(f"chr1\t{at}\t{at + 1}\n" for at in (2000, 3000, 6000)))
    options = ("--shifts", "0,-1", "-l", 40, "--stats", "logSUM,logD2")
    line = [*options, "-o", tmp_path / "killed", *tiny_files, bed]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *map(str, line)], timeout=120)
    assert killed.returncode == -9
    folder = tmp_path / "killed"
    rows = folder / ".scores.unfinished/rows"
    assert not (folder / "scores.h5").exists() and rows.stat().st_size
    with rows.open("ab") as file:
        file.write(b"half a row")
    code, out, err = hound("bed", *line)
    assert code == 0 and "bases had been replaced before" in out, err
    assert hound("bed", *options, "-o", tmp_path / "whole", *tiny_files, bed)[0] == 0
    whole = (tmp_path / "whole/scores.h5").read_bytes()
    assert (folder / "scores.h5").read_bytes() == whole
    assert [path.name for path in folder.iterdir()] == ["scores.h5"]


@pytest.mark.parametrize(
    ("options", "rows", "message"),
    [
        ((), "chr1\t5\t6\n", "how many bases around the center"),
        (("-u", -3), "chr1\t5\t6\n", "numbers of bp, from 0 up"),
        (("-l", 4, "--stats", "REF"), "chr1\t5\t6\n", "REF is predicted coverage"),
        (("-l", 4, "--stats", "logSAD"), "chr1\t5\t6\n", "'logSAD' is not a statistic"),
        (("-l", 4, "--shifts", "3000"), "chr1\t5\t6\n", "more than half of the model's 2048 bp"),
        (("-l", 4), "# nothing\n", "there are no rows in it"),
        (("-l", 4), "chr9\t5\t6\n", "none of its 1 rows can be explained; the first"),
        (("-l", 4), "chr1\t5\n", "expected chromosome, start and end"),
        (("-l", 3000), "chr1\t5\t6\n", "3,000 bp long; the model's window is 2,048 bp"),
        (("-u", 2000), "chr1\t5\t6\n", "it reaches beyond the 2,048 bp window"),
    ],
)
def test_refused(
    hound: Hound, tiny_files: tuple, tmp_path: Path, options: tuple, rows: str, message: str
) -> None:
    bed = bed_of(tmp_path, rows)
    code, _, err = hound("bed", *options, "-o", tmp_path / "out", *tiny_files, bed)
    assert code == 1 and message in err and "Traceback" not in err
    assert not (tmp_path / "out/scores.h5").exists()


def test_the_reference_s_flags(hound: Hound) -> None:
    for kind, more, folder, length in (
        ("bed", ("-p",), "sat_mut", 0),
        ("snp", (), "ism_snp_out", 200),
    ):
        code, out, _ = hound(kind, "--help")
        assert code == 0 and f"[default: {folder}]" in out and f"[default: {length}]" in out
        for flag in (*FLAGS, *more):
            assert f"  {flag}" in out, flag
    code, _, err = hound("bed", "params.json", "model.h5", "x.bed")
    assert code == 2 and "a targets table is needed" in err
