"""What `whelp score` writes besides `scores.h5`: Parquet, and the variants' own VCF."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pysam
import pytest

from whelp.cli.errors import run_guarded

QUIET = ("--no-report", "--top", 0)
ALL = ("--stats", "logSUM,D2", "--table", "--parquet", "--vcf", *QUIET)


@pytest.fixture
def bases(score_line: list[Any], tmp_path: Path) -> str:
    """The genome's only chromosome."""
    return (tmp_path / "genome.fa").read_text().splitlines()[1]


def other(base: str) -> str:
    return "ACGT"["CATG".index(base)]


def snps(bases: str, number: int) -> str:
    """Substitutions along the chromosome, sorted."""
    starts = np.linspace(20, len(bases) - 100, number).astype(int)
    return "".join(f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{other(bases[at])}\n" for at in starts)


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def test_parquet_and_the_annotated_vcf_hold_the_scores(
    whelp: Callable[..., Any], score_line: list[Any], bases: str, tmp_path: Path
) -> None:
    base, out = bases[3000], tmp_path / "out"
    rows = [
        f"chr1\t3001\ttwo\t{base}\t{other(base)},<DEL>,{base}GAT\t30\tPASS\tAC=1,2,3\tGT\t0|1",
        f"chr1\t3001\tsame\t{base}\t{base}\t.\t.\t.\tGT\t0|1",
        f"chr1\t3005\tlower\t{bases[3004].lower()}\t{other(bases[3004]).lower()}\t.\t.\t.\tGT\t.",
        "chr1\t9001\toutside\tA\tC\t.\t.\t.\tGT\t.",
    ]
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tanna\n"
    (tmp_path / "variants.vcf").write_text(header + "\n".join(rows) + "\n")
    result = whelp(*score_line, *ALL, "-o", out)
    assert result.exit_code == 0, result.output
    names = ["groups.parquet", "groups.tsv.gz", "rejected.tsv", "scores.h5", "scores.parquet"]
    names += ["scores.tsv.gz", "scores.vcf.gz", "scores.vcf.gz.tbi"]
    assert sorted(path.name for path in out.iterdir()) == names
    scores = read(out)
    for made in (
        pd.read_parquet(out / "scores.parquet"),
        pd.read_csv(out / "scores.tsv.gz", sep="\t"),
    ):
        assert made["id"].tolist() == ["two"] * 4 + ["same"] * 2 + ["lower"] * 2
        assert made["track"].tolist() == ["up+", "open"] * 4
        for name in ("logSUM", "D2"):
            np.testing.assert_allclose(made[name], scores[name].ravel(), rtol=1e-5)
    exact = pd.read_parquet(out / "scores.parquet")["logSUM"]
    assert exact.dtype == np.float32
    np.testing.assert_array_equal(exact, scores["logSUM"].ravel())
    groups = pd.read_parquet(out / "groups.parquet")
    np.testing.assert_array_equal(groups["logSUM"], scores["logSUM_groups"].ravel())

    with pysam.VariantFile(str(out / "scores.vcf.gz")) as file:
        found = list(file)
        assert [record.id for record in file.fetch("chr1", 3004, 3005)] == ["lower"]
    assert [record.id for record in found] == ["two", "same", "lower", "outside"]
    two, same, lower, outside = (dict(record.info) for record in found)
    assert two["AC"] == ("1", "2", "3") and found[0].samples["anna"]["GT"] == (0, 1)
    best = np.abs(scores["logSUM"][:2]).argmax(axis=1)
    made = [two["whelp_logSUM"][0], two["whelp_logSUM"][2]]
    np.testing.assert_allclose(made, scores["logSUM"][[0, 1], best], rtol=1e-5)
    tracks = [scores["target_ids"][track].decode() for track in best]
    assert two["whelp_logSUM_track"] == (tracks[0], ".", tracks[1])
    assert two["whelp_logSUM"][1] is None
    assert two["whelp_rejected"] == (".", "the_alternate_allele_is_symbolic", ".")
    means = [two[f"whelp_D2_in_{name}"][0] for name in ("T_cell", "liver")]
    np.testing.assert_allclose(means, scores["D2_groups"][0], rtol=1e-5)
    assert same["whelp_logSUM"] == same["whelp_D2"] == (0.0,) and not scores["D2"][2].any()
    assert lower["whelp_logSUM"][0] != 0 and "whelp_rejected" not in lower
    assert list(outside) == ["whelp_rejected"]


def test_of_scores_by_gene_the_vcf_has_the_largest(
    whelp: Callable[..., Any], score_line: list[Any], bases: str, tmp_path: Path
) -> None:
    """Over genes, whose rows lie apart, and tracks; a variant that is near no gene is marked."""
    exons = {"A": (2900, 3200), "B": (3420, 3560), "C": (3000, 3100)}
    rows = [
        f'chr1\tx\texon\t{start + 1}\t{end}\t.\t+\t.\tgene_id "{name}";\n'
        for name, (start, end) in exons.items()
    ]
    (tmp_path / "genes.gtf").write_text("".join(rows))
    (tmp_path / "variants.vcf").write_text(snps(bases[:3600], 6) + snps(bases, 2))
    words = ("--genes", tmp_path / "genes.gtf", "--vcf", *QUIET, "-o", tmp_path / "out")
    result = whelp(*score_line, *words)
    assert result.exit_code == 0, result.output
    made = read(tmp_path / "out")
    with pysam.VariantFile(str(tmp_path / "out/scores.vcf.gz")) as file:
        found = [dict(record.info) for record in file]
    assert len(found) == len(made["pos"]) == 8
    apart = 0
    for variant, info in enumerate(found):
        (places,) = np.nonzero(made["si"] == variant)
        if not len(places):
            assert info == {"whelp_rejected": ("no_gene_is_near_it",)}
            continue
        apart += places[-1] - places[0] >= len(places)
        sizes = np.abs(made["logSED"][places])
        row, track = np.unravel_index(sizes.argmax(), sizes.shape)
        row = places[row]
        np.testing.assert_allclose(info["whelp_logSED"][0], made["logSED"][row, track], rtol=1e-5)
        gene, name = made["gene"][made["gi"][row]], made["target_ids"][track]
        assert (info["whelp_logSED_gene"], info["whelp_logSED_track"]) == (
            (gene.decode(),),
            (name.decode(),),
        )
        mean = info["whelp_logSED_in_liver"][0]
        np.testing.assert_allclose(mean, made["logSED_groups"][row, 1], rtol=1e-5)
    assert apart and len(np.unique(made["si"])) < 8


def test_formats_that_cannot_be_written_are_told_first(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = whelp(*score_line, "--parquet", "-o", tmp_path / "out")
    assert result.exit_code == 1 and "pyarrow, which is not installed" in result.stderr
    assert not (tmp_path / "out").exists()


_KILLED = """
import os, signal, sys
from importlib import import_module

module, names, calls = sys.argv.pop(1).split(":")
home, left = import_module(module), [int(calls)]
*outer, name = names.split(".")
for part in outer:
    home = getattr(home, part)
whole = getattr(home, name)

def killed(*arguments, **options):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments, **options)

setattr(home, name, killed)
import_module("whelp.cli.main").main()
"""
_PLACES = {
    "whelp.scoring.rows:RowFolder.append:3": ".scores.unfinished",
    "whelp.genome.annotated_vcf:_record:20": "scores.parquet",
}


def test_killed_and_called_again(
    whelp: Callable[..., Any], score_line: list[Any], bases: str, tmp_path: Path
) -> None:
    """While it scores, and while it writes the VCF: the same bytes as of a run left alone."""
    (tmp_path / "variants.vcf").write_text(snps(bases, 80))
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert whelp(*score_line, *ALL, "-o", whole).exit_code == 0
    line = [*map(str, score_line), *map(str, ALL), "-o", str(out)]
    for place, left in _PLACES.items():
        resume = ["--resume"] if out.exists() else []
        done = subprocess.run([sys.executable, "-c", _KILLED, place, *line, *resume], timeout=120)
        assert done.returncode == -9
        assert (out / left).exists() and not (out / "scores.vcf.gz").exists(), place
    result = whelp(*line, "--resume")
    assert result.exit_code == 0 and "80 variants had been scored before" in result.output
    # Also gone is what was half-written.
    made = {path.name: path.read_bytes() for path in out.iterdir()}
    assert made == {path.name: path.read_bytes() for path in whole.iterdir()}


def test_a_full_disk(
    whelp: Callable[..., Any],
    score_line: list[Any],
    bases: str,
    tmp_path: Path,
    largest_file: Callable[[int], Any],
) -> None:
    """The limit of a file's size stands for the disk's; what is done is gone on with."""
    (tmp_path / "variants.vcf").write_text(snps(bases, 80))
    whole, out = tmp_path / "whole", tmp_path / "out"
    line = [*map(str, score_line), "--stats", "REF,logSUM", *map(str, QUIET)]
    assert whelp(*line, "-o", whole).exit_code == 0
    # The first chunk of rows fits, the file of scores does not.
    with largest_file(30_000):
        result = whelp(*line, "-o", out)
    assert result.exit_code == 1 and "File too large" in result.stderr, result.stderr
    assert "Traceback" not in result.stderr and not (out / "scores.h5").exists()
    assert whelp(*line, "-o", out, "--resume").exit_code == 0
    assert (out / "scores.h5").read_bytes() == (whole / "scores.h5").read_bytes()


def test_no_room_is_told_in_a_line(capsys: pytest.CaptureFixture) -> None:
    def fill() -> None:
        with Path("/dev/full").open("w") as file:
            file.write("x" * 100)

    assert run_guarded(fill) == 1
    assert "No space left on device" in (told := capsys.readouterr().err)
    assert told.endswith("Make room, and call it again.\n") and "Traceback" not in told
