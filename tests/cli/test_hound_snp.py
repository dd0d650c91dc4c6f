"""hound_snp.py with a tiny model: what is refused, rejected, resumed and shared among jobs."""

import json
import optparse
import pickle
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
LENGTH = 2048
FLAGS = (
    *("-c", "-f", "--float16", "--indel_stitch", "-o", "-p", "--rc", "--shifts", "--stats"),
    *("-t", "-u", "--gcs", "--require_gpu", "--tensorrt"),
)
TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open
"""


@pytest.fixture
def hound(hound_snp: Hound) -> Hound:
    """Runs hound_snp.py in this process: its exit code and what it printed."""
    return hound_snp


def read(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


@pytest.fixture
def tiny_files(tiny: Any, project: Any, tmp_path: Path) -> tuple[Any, ...]:
    """The same of a tiny model on a random genome."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n>chr2\n{bases[:3000]}\n")
    (tmp_path / "targets.txt").write_text(TARGETS)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    genome, targets = tmp_path / "genome.fa", tmp_path / "targets.txt"
    return ("-f", genome, "-t", targets, params, project.whole)


def vcf_of(folder: Path, number: int, *, more: str = "") -> Path:
    """Substitutions along the genome of `tiny_files`."""
    bases = (folder / "genome.fa").read_text().splitlines()[1]
    starts = np.linspace(20, 8900, number).astype(int)
    lines = [
        f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{'ACGT'['CATG'.index(bases[at])]}\n" for at in starts
    ]
    path = folder / "variants.vcf"
    path.write_text("".join(lines) + more)
    return path


def test_what_cannot_be_scored(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """The rest is scored; an allele that is the reference's scores exactly 0."""
    base = (tmp_path / "genome.fa").read_text().splitlines()[1][100]
    other = "ACGT"["CATG".index(base)]
    more = (
        f"chr1\t101\tsame\t{base}\t{base}\n"
        f"chr1\t101\ttwice\t{base.lower()}\t{other}\n"
        f"chr1\t101\ttwice\t{base}\t{other},<DEL>\n"
        f"chr3\t1\twhere\tA\tC\n"
        "chr1\t8999\tneither\tNN\tC\n"
        f"chr1\t101\tlong\t{base}\t{base + 'A' * LENGTH}\n"
    )
    vcf = vcf_of(tmp_path, 3, more=more)
    code, out, err = hound("--stats", "logSUM,D2", "-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 0 and "4 variants cannot be scored" in err
    made = read(tmp_path / "out")
    assert made["snp"].tolist()[3:] == [b"same", b"twice", b"twice"]
    assert not made["logSUM"][3].any() and not made["D2"][3].any()
    assert made["D2"][4].all()
    np.testing.assert_array_equal(made["logSUM"][4], made["logSUM"][5])
    rejected = [line.split("\t") for line in (tmp_path / "out/rejected.tsv").open()]
    assert rejected[0] == ["chrom", "pos", "id", "ref", "alt", "reason\n"]
    assert [line[2] for line in rejected[1:]] == ["twice", "where", "neither", "long"]
    reasons = ("symbolic", "no such chromosome", "which is neither", f"allowed is {LENGTH // 2}")
    assert all(text in line[5] for text, line in zip(reasons, rejected[1:], strict=True))


def test_no_variants(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    vcf = tmp_path / "header.vcf"
    vcf.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n")
    code, out, err = hound("-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 0, err
    made = read(tmp_path / "out")
    assert made["logSUM"].shape == (0, 2) and made["snp"].shape == (0,)
    assert np.isnan(made["logSUM_pct"]).all()


_KILLED = """
import os, signal, sys, time
from whelp.cli import hound_snp
from whelp.cli.score_display import ScoreBar

def show(self, done, total):
    time.sleep(0.4)
    if done >= 40:
        os.kill(os.getpid(), signal.SIGKILL)

ScoreBar.show = show
hound_snp.main()
"""


def test_killed_and_called_again(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    """The same bytes come out as of a run that nothing happened to; another run begins anew."""
    vcf = vcf_of(tmp_path, 80)
    options = ("--rc", "--shifts", "0,1", "-c", "0.5", "--stats", ALL)
    line = [*options, "-o", tmp_path / "killed", *tiny_files, vcf]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *map(str, line)], timeout=120)
    assert killed.returncode == -9
    folder = tmp_path / "killed"
    rows = folder / ".scores.unfinished/rows"
    assert not (folder / "scores.h5").exists() and rows.stat().st_size
    with rows.open("ab") as file:
        file.write(b"half a row")
    code, out, err = hound(*line)
    assert code == 0 and "had been scored before" in out, err
    assert hound(*options, "-o", tmp_path / "whole", *tiny_files, vcf)[0] == 0
    whole = (tmp_path / "whole/scores.h5").read_bytes()
    assert (folder / "scores.h5").read_bytes() == whole
    assert [path.name for path in folder.iterdir()] == ["scores.h5"]


def test_unfinished_scores_of_another_run_are_replaced(
    hound: Hound, tiny_files: tuple, tmp_path: Path
) -> None:
    out, vcf = tmp_path / "out", vcf_of(tmp_path, 3)
    (out / ".scores.unfinished").mkdir(parents=True)
    (out / ".scores.unfinished/run.json").write_text("{}")
    (out / ".scores.unfinished/rows").write_bytes(b"x" * 1000)
    code, said, err = hound("-o", out, *tiny_files, vcf)
    assert code == 0 and "before" not in said, err
    assert len(read(out)["snp"]) == 3


def test_jobs_share_the_variants(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    vcf = vcf_of(tmp_path, 7)
    options = tmp_path / "options.pkl"
    flags, files = tiny_files[:4], tiny_files[4:]
    values = {"genome_fasta": str(flags[1]), "targets_file": str(flags[3]), "processes": 2}
    values |= {"out_dir": str(tmp_path / "jobs"), "snp_stats": "logSUM", "shifts": "0,1"}
    options.write_bytes(pickle.dumps(optparse.Values(values)))
    for job in (0, 1):
        code, _, err = hound(options, *files, vcf, job)
        assert code == 0, err
    assert hound("--shifts", "0,1", "-o", tmp_path / "whole", *tiny_files, vcf)[0] == 0
    parts = [read(tmp_path / f"jobs/job{job}") for job in (0, 1)]
    whole = read(tmp_path / "whole")
    assert [len(part["snp"]) for part in parts] == [3, 4]
    for name in ("snp", "pos", "logSUM"):
        both = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(both, whole[name])
    # With no number behind the files all are scored, into the folder of the command line.
    code, _, err = hound("-o", tmp_path / "own", options, *files, vcf)
    assert code == 0, err
    assert len(read(tmp_path / "own")["snp"]) == 7
    code, _, err = hound(options, *files, vcf, 2)
    assert code == 1 and "a job's number from 0 to 1: 2" in err
    options.write_bytes(pickle.dumps(print))
    code, _, err = hound(options, *files, vcf, 0)
    assert code == 1 and "expected pickled options" in err and "builtins.print" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gcs",), "whelp reads and writes local files"),
        (("--tensorrt",), "give the .h5 weights"),
        (("--stats", "logSAD"), "'logSAD' is not a statistic"),
        (("--shifts", "0,x"), "'0,x' is not a list such as 0,1,-1"),
        (("--shifts", "-1,5000"), "a shift of 5000 bp moves more than half"),
        (("-c", "10"), "a share of its length, from 0 to less than 1; received 10"),
        (("-p", "2"), "-p 2: which of the jobs is this?"),
    ],
)
def test_refused(
    hound: Hound, tiny_files: tuple, tmp_path: Path, arguments: tuple, message: str
) -> None:
    code, _, err = hound(*arguments, "-o", tmp_path / "out", *tiny_files, vcf_of(tmp_path, 2))
    assert code == 1 and message in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_old_targets_of_a_model_that_says_so(
    hound: Hound, tiny_files: tuple, tmp_path: Path
) -> None:
    """They are undone without -u, and -u says nothing new; -u on new targets is refused."""
    vcf, params = vcf_of(tmp_path, 2), Path(tiny_files[4])
    assert hound("-u", "-o", tmp_path / "asked", *tiny_files, vcf)[0] == 0
    values = json.loads(params.read_text())
    values["model"]["target_transform"] = "old"
    params.write_text(json.dumps(values))
    code, out, err = hound("-o", tmp_path / "said", *tiny_files, vcf)
    assert code == 0 and "the old transform is undone, as the model says" in out, err
    assert hound("-u", "-o", tmp_path / "both", *tiny_files, vcf)[0] == 0
    asked, said, both = (read(tmp_path / name)["logSUM"] for name in ("asked", "said", "both"))
    assert asked.any()
    np.testing.assert_array_equal(said, asked)
    np.testing.assert_array_equal(both, asked)
    values["model"]["target_transform"] = "new"
    params.write_text(json.dumps(values))
    code, _, err = hound("-u", "-o", tmp_path / "out", *tiny_files, vcf)
    assert code == 1 and "squashed in the new way (model.target_transform in params.json)" in err
    assert not (tmp_path / "out").exists()


def test_a_trunk_is_not_given_a_random_head(
    hound: Hound, tiny_files: tuple, project: Any, tmp_path: Path
) -> None:
    vcf = vcf_of(tmp_path, 2)
    code, _, err = hound("-o", tmp_path / "out", *tiny_files[:-1], project.trunk, vcf)
    assert code == 1 and "It looks like a trunk without a head" in err
    assert not (tmp_path / "out").exists()


def test_targets_that_the_head_lacks(hound: Hound, tiny_files: tuple, tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text(
        TARGETS.replace("2\topen", "7\topen").replace("\t2\tATAC", "\t7\tATAC")
    )
    code, _, err = hound("-o", tmp_path / "out", *tiny_files, vcf_of(tmp_path, 2))
    assert code == 1 and "track 7 (open) is not among the 5 tracks" in err


def test_the_reference_s_flags(hound: Hound) -> None:
    code, out, _ = hound("--help")
    assert code == 0
    for flag in FLAGS:
        assert f"  {flag}" in out, flag
    code, _, err = hound("params.json", "model.h5", "x.vcf")
    assert code == 2 and "a targets table is needed" in err
