"""Variants, targets and folders that `whelp score` cannot use, or that look as if it could not."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pysam
import pytest

QUIET = ("--no-report", "--top", 0)


@pytest.fixture
def bases(score_line: list[Any], tmp_path: Path) -> str:
    """The genome's only chromosome."""
    return (tmp_path / "genome.fa").read_text().splitlines()[1]


def other(base: str) -> str:
    return "ACGT"["CATG".index(base)]


def test_records_of_every_kind(
    whelp: Callable[..., Any], score_line: list[Any], bases: str, tmp_path: Path
) -> None:
    """Without header, unsorted, with one ID twice and none: each gets its own scores."""
    b, at, out = bases[4000], 4001, tmp_path / "out"
    after = bases[4000:4003]
    rows = [
        ("chr1", at, "twice", b, other(b)),
        ("chr1", 3001, "twice", bases[3000], other(bases[3000])),
        ("chr1", at, "same", b, b),
        ("chr1", at, "lower", b.lower(), other(b).lower()),
        ("1", at, ".", b, f"{other(b)},*,<DEL>,{b}]chr1:9]"),
        ("chr1", at, ".", after, b),
        ("chr1", at, "", b, other(b)),
        ("chr1", at + 1, "spanning", after[1], "*"),
        ("chr1", at, "iupac", b, "R"),
        ("chr1", at, "both", other(b), other(other(b)) if other(other(b)) != b else "N"),
        ("chr9", 1, "chromosome", "A", "C"),
        ("chr1", 9000, "beyond", "AAA", "C"),
        ("chr1", at, "long", b, b + "A" * 1100),
        ("chr1", "x", "place", b, other(b)),
        ("chr1", at, "alone", b, "."),
    ]
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows) + "chr1\t7\n"
    (tmp_path / "variants.vcf").write_text(text)
    result = whelp(*score_line, "--stats", "logSUM,D1,JS", "--vcf", *QUIET, "-o", out)
    assert result.exit_code == 0, result.output
    with h5py.File(out / "scores.h5") as file:
        made = {name: data[:] for name, data in file.items()}
    names = ["twice", "twice", "same", "lower", "chr1:4001", "chr1:4001", "chr1:4001"]
    assert made["snp"].astype(str).tolist() == names
    assert [name for name in ("logSUM", "D1", "JS") if made[name][2].any()] == []
    for name in ("logSUM", "D1", "JS"):
        twins = made[name][[0, 3, 4, 6]]
        assert twins.all()
        np.testing.assert_allclose(twins, twins[[0] * 4], rtol=1e-3)
        for different in (1, 5):
            assert not np.isclose(made[name][different], twins[0], rtol=1e-2).any()
    lines = [line.split("\t") for line in (out / "rejected.tsv").read_text().splitlines()]
    reasons = {(line[2], line[4][:5]): line[5] for line in lines[1:]}
    assert len(lines) == 1 + 12 == 1 + len(reasons)
    expected = {
        (".", "*"): "an overlapping deletion",
        (".", "<DEL>"): "symbolic",
        (".", f"{b}]chr"): "breakend",
        ("spanning", "*"): "an overlapping deletion",
        ("iupac", "R"): "letters other than",
        ("chromosome", "C"): "no such chromosome",
        ("beyond", "C"): "reaches beyond the end of the chromosome (9000 bp)",
        ("long", b + "AAAA"): "the longest allowed is 1024",
        ("place", other(b)): "not a number from 1 up",
        ("alone", "."): "no alternate allele",
        ("", ""): "line 16 has too few columns",
    }
    for key, words in expected.items():
        assert words in reasons[key], key
    # The VCF has all records that VCF can hold, in their order, and no index.
    with pysam.VariantFile(str(out / "scores.vcf.gz")) as file:
        records = list(file)
    assert len(records) == len(rows) - 1 and not list(out.glob("*.tbi"))
    assert records[4].info["whelp_D1"][1:] == (None, None, None)
    assert records[4].info["whelp_rejected"][2] == "the_alternate_allele_is_symbolic"


@pytest.mark.parametrize("kind", ["gzip", "bgzip"])
def test_a_packed_file_that_is_cut_short(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path, kind: str
) -> None:
    """Nothing is scored of it, and nothing is left behind."""
    text = (tmp_path / "variants.vcf").read_bytes() * 2000
    path = tmp_path / "variants.vcf"
    if kind == "gzip":
        path.write_bytes(gzip.compress(text)[:-300])
    else:
        with pysam.BGZFile(str(path), "wb") as file:
            file.write(text)
        path.write_bytes(path.read_bytes()[:-40])
    result = whelp(*score_line, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "cut short" in result.stderr
    assert "Traceback" not in result.stderr and not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"chr1;3001;A;C\n", "expected VCF (chromosome, position, ID, reference, alternate)"),
        (b"BCF\x02\x02\x00", "this is BCF; turn it into VCF"),
        (b"chr1\t3001\tA\tC\n\xff\xfe", "this is no text"),
    ],
)
def test_what_is_no_file_of_variants(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "variants.vcf").write_bytes(content)
    result = whelp(*score_line, "-o", tmp_path / "out")
    assert result.exit_code == 1 and message in result.stderr


def test_nothing_to_score(whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path) -> None:
    """An empty file, and one of which all is rejected, make empty tables."""
    for number, text in enumerate(("", "chr9\t1\tx\tA\tC\n")):
        (tmp_path / "variants.vcf").write_text(text)
        out = tmp_path / str(number)
        result = whelp(*score_line, "--table", "--parquet", "--vcf", "-o", out)
        assert result.exit_code == 0, result.output
        assert "0 variants scored" in result.output
        with pysam.VariantFile(str(out / "scores.vcf.gz")) as file:
            assert len(list(file)) == number
        with h5py.File(out / "scores.h5") as file:
            assert file["logSUM"].shape == (0, 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2\topen", "5\topen", "track 5 (open) is not among the 5 tracks"),
        ("sum_stat", "what", "row 0.sum_stat: the value is missing"),
        ("\tmean\t", "\t\t", "row 2.sum_stat: the value is missing"),
        ("T cell\n2", "B cell\n2", "the group"),
    ],
)
def test_targets_that_do_not_fit(
    whelp: Callable[..., Any],
    score_line: list[Any],
    tmp_path: Path,
    *,
    old: str,
    new: str,
    message: str,
) -> None:
    targets = tmp_path / "targets.txt"
    text = targets.read_text().replace(old, new)
    targets.write_text(text.replace("\t2\tATAC", "\t5\tATAC") if "5\t" in new else text)
    result = whelp(*score_line, "-o", tmp_path / "out")
    assert result.exit_code == 1 and message in result.stderr, result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "out").exists()


def test_folders_that_hold_something_else(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path
) -> None:
    """Other files stay; a scores.h5 that is none is refused, and replaced on request."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "scores.h5").write_bytes(b"not HDF5")
    result = whelp(*score_line, *QUIET, "-o", out)
    assert result.exit_code == 1 and "holds scores. Go on with them (--resume)" in result.stderr
    result = whelp(*score_line, *QUIET, "-o", out, "--resume")
    assert result.exit_code == 1 and "scores.h5: this is no file of scores" in result.stderr
    assert whelp(*score_line, *QUIET, "-o", out, "--overwrite").exit_code == 0
    assert (out / "notes.txt").read_text() == "mine"
    result = whelp(*score_line, "-o", out / "notes.txt")
    assert result.exit_code == 2 and "is a file" in result.stderr


_PEAKS = """
import resource, sys
from whelp.cli.main import main

def peak(variants, out):
    try:
        main(["score", *words[:2], variants, *words[2:], "-o", out])
    except SystemExit as stopped:
        assert not stopped.code
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

*words, few, many, out = sys.argv[1:]
print("peaks", peak(few, out + "/few"), peak(many, out + "/many"))
"""


def test_memory_does_not_grow_with_the_variants(
    score_line: list[Any], bases: str, tmp_path: Path
) -> None:
    """A leak of one window's letters for each variant would be 29 MB."""
    for name, number in (("few", 100), ("many", 1000)):
        starts = np.linspace(20, 8900, number).astype(int)
        rows = [f"chr1\t{at + 1}\tv\t{bases[at]}\t{other(bases[at])}\n" for at in starts]
        (tmp_path / f"{name}.vcf").write_text("".join(rows))
    words = [*score_line[1:3], *score_line[4:], "--table", "--parquet", "--vcf", *QUIET]
    files = [tmp_path / "few.vcf", tmp_path / "many.vcf", tmp_path]
    line = [sys.executable, "-c", _PEAKS, *map(str, [*words, *files])]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    few, many = map(int, done.stdout.split("peaks ")[1].split())
    assert many - few < 20, (few, many)
