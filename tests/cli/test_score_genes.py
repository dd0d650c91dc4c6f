"""`whelp score --genes` and `whelp.score(..., genes=...)`, with a tiny model on a random genome.

The model takes 2048 bp and predicts 64 bins of 16 bp in their middle.
"""

import gzip
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

import whelp as package
from whelp.genome import dna
from whelp.scoring.gene_windows import GeneSettings

LENGTH, CROP, WIDTH = 2048, 512, 16
# Gene, strand, exons. L is so long that its window shows none of it.
GENES = {
    "A": ("+", [(2900, 3000), (3080, 3200)]),
    "B": ("-", [(3420, 3560)]),
    "L": ("+", [(1000, 1100), (8000, 8100)]),
    "P": (".", [(3000, 3100), (4000, 4300)]),
}


def write_genes(path: Path, *names: str, chrom: str = "chr1") -> Path:
    lines = [
        f"{chrom}\tx\texon\t{start + 1}\t{end}\t.\t{GENES[name][0]}\t.\t"
        f'gene_id "{name}"; gene_name "g{name}";\n'
        for name in names
        for start, end in GENES[name][1]
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def line(score_line: list[Any]) -> list[Any]:
    """The words of `whelp score`, without the report, which has tests of its own."""
    return [*score_line, "--no-report"]


@pytest.fixture
def genes(tmp_path: Path) -> Path:
    return write_genes(tmp_path / "genes.gtf", "A", "B", "P", chrom="1")


def other(base: str) -> str:
    return "ACGT"["CATG".index(base)]


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "scores.tsv.gz", sep="\t")


def by_hand(
    line: list[Any], folder: Path, at: int, name: str, *, start: int, majority: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of a gene's bins on its strand, of both alleles, from full passes of a window."""
    model = package.load(line[1], line[2])
    bases = (folder / "genome.fa").read_text().splitlines()[1]
    bins = bins_by_hand(name, start + CROP, majority=majority)
    found = []
    for base in (bases[at], other(bases[at])):
        text = bases[start:at] + base + bases[at + 1 : start + LENGTH]
        y = np.asarray(model(dna.one_hot(dna.encode(text))[None]))[0, bins, :3].astype(float)
        # sum_sqrt: y = sqrt(1 + x) - 1, below the soft clip; the third track is not squashed.
        assert y.max() < 32
        y[:, :2] = (y[:, :2] + 1) ** 2 - 1
        strands = {"+": y[:, 0], "-": y[:, 1], ".": y[:, 0] + y[:, 1]}
        found.append(np.stack([strands[GENES[name][0]], y[:, 2]], axis=1))
    return found[0], found[1]


def bins_by_hand(name: str, shown: int, *, majority: bool) -> list[int]:
    """Count the bases of exons in each bin; no exon here ends in the middle of a bin."""
    bases = [0] * 64
    for first, last in GENES[name][1]:
        for base in range(max(first, shown), min(last, shown + 64 * WIDTH)):
            bases[(base - shown) // WIDTH] += 1
    return [at for at, number in enumerate(bases) if number > (WIDTH // 2 if majority else 0)]


def logsed(ref: np.ndarray, alt: np.ndarray) -> np.ndarray:
    return np.log2(1 + alt.sum(axis=0)) - np.log2(1 + ref.sum(axis=0))


def test_windows_by_gene(
    whelp: Callable[..., Any], line: list[Any], genes: Path, tmp_path: Path
) -> None:
    """Windows centred on genes, bins with any base of an exon, the gene's strand."""
    out = tmp_path / "out"
    result = whelp(*line, "--genes", genes, "--stats", "logSED,D2,REF,ALT", "-o", out)
    assert result.exit_code == 0, result.output
    assert "3 variants scored, by gene in 9 rows" in result.output
    made, rows = read(out), table(out)
    assert made["gene"].tolist() == [b"A", b"B", b"P"]
    assert made["gene_chr"].tolist() == [b"chr1"] * 3
    assert made["gene_start"].tolist() == [2900, 3420, 3000]
    assert made["gi"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert made["si"].tolist() == [0, 1, 2] * 3
    for number, (name, middle) in enumerate({"A": 3053, "B": 3489, "P": 3874}.items()):
        start = middle - LENGTH // 2
        for variant, at in enumerate((3000, 3500)):
            ref, alt = by_hand(line, tmp_path, at, name, start=start)
            row = 3 * number + variant
            wanted = logsed(ref, alt)
            np.testing.assert_allclose(made["logSED"][row], wanted, rtol=1e-3, atol=1e-6)
            norm = np.sqrt(((alt - ref) ** 2).sum(axis=0))
            np.testing.assert_allclose(made["D2"][row], norm, rtol=1e-3, atol=1e-6)
            np.testing.assert_allclose(made["REF"][row], ref.sum(axis=0), rtol=1e-5)
            np.testing.assert_allclose(made["ALT"][row], alt.sum(axis=0), rtol=1e-5)
    # Of P's 27 bins the first 7 lie before those of its window.
    np.testing.assert_allclose(made["share"], [1] * 6 + [20 / 27] * 3, rtol=1e-6)
    # The table says the same, and so does the list of the largest.
    facts = ["chrom", "pos", "id", "ref", "alt", "gene", "gene_name", "strand", "share"]
    assert list(rows)[:11] == [*facts, "track", "description"]
    assert rows["gene_name"].tolist() == ["gA"] * 6 + ["gB"] * 6 + ["gP"] * 6
    assert rows["pos"].tolist() == [3001, 3001, 3501, 3501, 4001, 4001] * 3
    np.testing.assert_allclose(rows["logSED"], made["logSED"].reshape(-1), rtol=1e-5)
    assert "outside" in (out / "rejected.tsv").read_text()
    first = next(row for row in result.output.splitlines() if re.match(r"v\d", row))
    best = np.abs(rows["logSED"]).argmax()
    assert first.split()[:2] == [rows["id"][best], f"chr1:{rows['pos'][best]}"]
    assert first.split()[4:6] == [rows["gene_name"][best], rows["track"][best]]


def test_windows_by_variant(
    whelp: Callable[..., Any], line: list[Any], genes: Path, tmp_path: Path
) -> None:
    """As Borzoi's own scores: centred on the variant, bins that lie mostly in an exon."""
    out = tmp_path / "out"
    recipe = ("--genes", genes, "--center", "variant", "--overlap", "majority")
    result = whelp(*line, *recipe, "-o", out)
    assert result.exit_code == 0, result.output
    made = read(out)
    # The first variant shows 2489 to 3513, the last 3489 to 4513.
    pairs = [(0, b"A"), (0, b"B"), (0, b"P"), (1, b"A"), (1, b"B"), (1, b"P"), (2, b"B"), (2, b"P")]
    genes_of = made["gene"][made["gi"]].tolist()
    found = list(zip(made["si"].tolist(), genes_of, strict=True))
    assert sorted(found) == pairs and made["si"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    for row, (variant, gene) in enumerate(found):
        at = (3000, 3500, 4000)[variant]
        ref, alt = by_hand(
            line, tmp_path, at, gene.decode(), start=at + 1 - LENGTH // 2, majority=True
        )
        wanted = logsed(ref, alt)
        np.testing.assert_allclose(made["logSED"][row], wanted, rtol=1e-3, atol=1e-6)


def test_from_python(line: list[Any], tmp_path: Path) -> None:
    """With GFF3, packed; the span of a gene is one stretch, with its introns."""
    text = "".join(
        f"chr1\tx\tgene\t{start + 1}\t{end}\t.\t{strand}\t.\tID=gene:{name};Name=g{name}\n"
        f"chr1\tx\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tParent=gene:{name}\n"
        for name, strand, start, end in (("A", "+", 2900, 3200), ("B", "-", 3420, 3560))
    )
    (tmp_path / "spans.gff3.gz").write_bytes(gzip.compress(text.encode()))
    model = package.load(line[1], line[2])
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    spans = package.score(
        model, *files, genes=GeneSettings(tmp_path / "spans.gff3.gz", center="variant")
    )
    assert (
        list(spans)[-1] == "logSED" and spans["gene_name"].tolist()[:4] == ["gA"] * 2 + ["gB"] * 2
    )
    assert spans.attrs["rejected"]["id"] == ["outside"]
    parts = write_genes(tmp_path / "parts.gtf", "A", "B")
    settings = GeneSettings(parts, center="variant", span=True, overlap="majority")
    same = package.score(model, *files, genes=settings)
    assert len(spans) == len(same) == 2 * 5
    # Ends of a span are rounded, those of exons are not: one bin more or less.
    assert np.corrcoef(spans["logSED"], same["logSED"])[0, 1] > 0.9


def test_no_two_variants_are_mixed_up(line: list[Any], genes: Path, tmp_path: Path) -> None:
    """One ID twice, or none; a record that stands twice; the same numbers as each alone."""
    bases = (tmp_path / "genome.fa").read_text().splitlines()[1]
    places = (3010, 3020, 3020)
    lines = [f"chr1\t{at + 1}\tx\t{bases[at]}\t{other(bases[at])}\n" for at in places]
    third = "ACGT"["GCTA".index(bases[3030])]
    lines.append(f"chr1\t3031\t.\t{bases[3030]}\t{other(bases[3030])},{third}\n")
    lines.append(f"chr1\t3041\tsame\t{bases[3040]}\t{bases[3040]}\n")
    (tmp_path / "variants.vcf").write_text("".join(lines))
    model = package.load(line[1], line[2])
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    scores = package.score(model, *files, genes=genes)
    assert len(scores) == 6 * 3 * 2
    of_a = scores[(scores["gene"] == "A") & (scores["track"] == "up+")].reset_index()
    assert of_a["id"].tolist() == ["x", "x", "x", "chr1:3031", "chr1:3031", "same"]
    np.testing.assert_array_equal(of_a["logSED"][1], of_a["logSED"][2])
    assert of_a["logSED"].nunique() == 5
    assert (scores["logSED"][scores["id"] == "same"] == 0).all()


def test_groups_of_tracks(
    whelp: Callable[..., Any], line: list[Any], genes: Path, tmp_path: Path
) -> None:
    """Means of the tracks of a cell type, and what sets it apart; also of whole tracks."""
    groups = pd.read_csv(tmp_path / "targets.txt", sep="\t", index_col=0)["group"]
    assert groups.tolist() == ["T cell", "T cell", "liver"]
    for out, more in ((tmp_path / "a", ()), (tmp_path / "b", ("--genes", genes))):
        stats = ("--stats", "SUM,logSED,REF", "--table")
        assert whelp(*line, *more, *stats, "-o", out).exit_code == 0
        made = read(out)
        assert made["groups"].tolist() == [b"T cell", b"liver"]
        assert made["SUM"].shape == made["SUM_groups"].shape == (9 if more else 3, 2)
        # Each group has one merged track here, and one other group.
        for name in ("SUM", "logSED"):
            np.testing.assert_allclose(made[f"{name}_groups"], made[name], rtol=1e-6)
            apart = made[f"{name}_against_others"]
            np.testing.assert_allclose(apart[:, 0], made[name][:, 0] - made[name][:, 1], rtol=1e-5)
            np.testing.assert_allclose(apart[:, 1], -apart[:, 0], rtol=1e-5)
        rows = pd.read_csv(out / "groups.tsv.gz", sep="\t")
        assert rows["group"].tolist()[:2] == ["T cell", "liver"]
        values = made["logSED_against_others"].reshape(-1)
        np.testing.assert_allclose(rows["logSED_against_others"], values, rtol=1e-4)
        assert ("gene" in rows) == bool(more)


def test_groups_from_python(line: list[Any], tmp_path: Path) -> None:
    model = package.load(line[1], line[2])
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    scores = package.score(model, *files)
    groups = pd.DataFrame(scores.attrs["groups"])
    assert list(groups)[-3:] == ["group", "logSUM", "logSUM_against_others"]
    np.testing.assert_allclose(groups["logSUM"], scores["logSUM"], rtol=1e-6)


_KILLED = """
import os, signal
from whelp.cli.main import main
from whelp.scoring.rows import RowFolder

append = RowFolder.append
made = []

def append_and_stop(self, rows):
    append(self, rows)
    self.flush()
    made.append(len(rows))
    if len(made) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

RowFolder.append = append_and_stop
main()
"""


@pytest.mark.parametrize("center", ["gene", "variant"])
def test_killed_and_gone_on_with(
    whelp: Callable[..., Any], line: list[Any], genes: Path, tmp_path: Path, center: str
) -> None:
    """The same bytes as of a run that nothing happened to."""
    bases = (tmp_path / "genome.fa").read_text().splitlines()[1]
    places = [20, *range(2700, 4200, 20)]
    lines = [f"chr1\t{at + 1}\tv\t{bases[at]}\t{other(bases[at])}\n" for at in places]
    (tmp_path / "variants.vcf").write_text("".join(lines))
    line = [*line, "--genes", genes, "--center", center]
    words = [sys.executable, "-c", _KILLED, *map(str, line), "-o", str(tmp_path / "killed")]
    killed = subprocess.run(words, timeout=300, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed/scores.h5").exists()
    again = whelp(*line, "-o", tmp_path / "killed", "--resume")
    assert again.exit_code == 0 and "had been made before" in again.output, again.output
    assert whelp(*line, "-o", tmp_path / "whole").exit_code == 0
    for name in ("scores.h5", "scores.tsv.gz", "rejected.tsv"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "killed" / name).read_bytes() == whole, name
    reason = {"gene": "no gene's window", "variant": "no exon of a gene lies in its window"}
    assert reason[center] in (tmp_path / "whole/rejected.tsv").read_text()


def test_scores_of_another_run(
    whelp: Callable[..., Any], line: list[Any], genes: Path, tmp_path: Path
) -> None:
    line = [*line, "--genes", genes, "-o", tmp_path / "out"]
    assert whelp(*line).exit_code == 0
    again = whelp(*line, "--resume")
    assert again.exit_code == 0 and "9 scores by gene had been made before" in again.output
    for more in (["--span"], ["--center", "variant"], ["--overlap", "majority"]):
        other = whelp(*line, *more, "--resume")
        assert other.exit_code == 1 and "is of another run" in other.stderr
    write_genes(genes, "A")
    other = whelp(*line, "--resume")
    assert other.exit_code == 1 and "is of another run" in other.stderr
    by_track = whelp(*line, "-o", tmp_path / "out", "--resume")
    assert by_track.exit_code == 1 and "is of another run" in by_track.stderr


def test_genes_that_are_too_long(
    whelp: Callable[..., Any],
    line: list[Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_genes(tmp_path / "genes.gtf", "A", "L")
    result = whelp(*line, "--genes", path, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 of 2 genes are left out: they are so long" in caplog.text and "(gL)" in caplog.text
    assert set(table(tmp_path / "out")["gene"]) == {"A"}
    write_genes(path, "L")
    result = whelp(*line, "--genes", path, "-o", tmp_path / "none")
    assert result.exit_code == 1 and "no gene has an exon in the 1024 bp" in result.stderr
    # Its span fills the window, with 64 of 444 bins.
    result = whelp(*line, "--genes", path, "--span", "--report", "-o", tmp_path / "span")
    assert result.exit_code == 0 and "1 variants scored" in result.output, result.output
    np.testing.assert_allclose(read(tmp_path / "span")["share"], 64 / 444, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('chr1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "A";\n', "no lines of the type 'exon'"),
        ('II\tx\texon\t1\t9\t.\t+\t.\tgene_id "A";\n', "chromosomes are II, those of the genome"),
        ('chr1\tx\texon\t1\t9\t.\t+\t.\tname "A";\n', "line 1: the exon names no gene"),
        ("", "no lines of the type 'exon'"),
    ],
)
def test_annotations_that_cannot_be_used(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "bad.gtf").write_text(text)
    result = whelp(*line, "--genes", tmp_path / "bad.gtf", "-o", tmp_path / "out")
    assert result.exit_code == 1 and message in result.stderr, result.output
    assert not (tmp_path / "out").exists()


def test_genes_outside_every_window(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """Variants that no gene is near are told, with --strict at once; nothing is scored."""
    exon = 'chr1\tx\texon\t8001\t8100\t.\t+\t.\tgene_id "F";\n'
    (tmp_path / "far.gtf").write_text(exon)
    far = [*line, "--genes", tmp_path / "far.gtf"]
    result = whelp(*far, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "0 variants scored" in result.output and "4 variants cannot be" in result.stderr
    assert len(table(tmp_path / "out")) == 0
    strict = whelp(*far, "--strict", "-o", tmp_path / "strict")
    assert strict.exit_code == 1 and "cannot be scored" in strict.stderr
    for words in (["--span"], ["--center", "variant"]):
        without = whelp(*line, *words, "-o", tmp_path / "span")
        assert without.exit_code == 2
        assert "--center, --overlap and --span are for --genes" in without.stderr
