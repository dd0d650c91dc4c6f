"""`whelp ism` and `whelp.ism`, with a tiny model on a random genome."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

import whelp as package
from whelp.genome import dna
from whelp.interpreting.mutagenesis import MutationSettings
from whelp.interpreting.mutation_plan import MutationPlan
from whelp.interpreting.mutations import read_mutations
from whelp.interpreting.objectives import Objective
from whelp.interpreting.regions import Flanks, RegionError
from whelp.scoring.errors import ScoreError
from whelp.specs import TargetsTable

TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up\tup
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up\tup
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open\topen
3\tshut\tx.bw\t32\t32\t1\tmean\t3\tATAC:shut\tshut
"""
BED = "chr1\t4000\t4005\tfive\t0\t+\nchr1\t4000\t4008\teight\t0\t-\nchr1\t9500\t9501\tbeyond\n"
# Two exons of a gene on the - strand, and a gene far away.
GTF = "".join(
    f'chr1\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; gene_name "{name}";\n'
    for gene, name, strand, start, end in (
        ("G1.2", "NEAR", "-", 3801, 3900),
        ("G1.2", "NEAR", "-", 4101, 4140),
        ("G2.1", "FAR", "+", 7001, 7100),
    )
)
START, CROP, BIN = 4002 - 1024, 512, 16
"""First base of the window around the first row, and what the model leaves out of it."""


@pytest.fixture
def line(tiny: Any, project: Any, tmp_path: Path) -> list[Any]:
    """The command's words without the folder."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    texts = {"genome.fa": f">chr1\n{bases}\n", "targets.txt": TARGETS, "some.bed": BED}
    texts |= {"genes.gtf": GTF, "some.vcf": f"chr1\t4003\tv\t{bases[4002]}\t{other(bases[4002])}\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    files = [tmp_path / "some.bed", "-g", tmp_path / "genome.fa", "-t", tmp_path / "targets.txt"]
    # One at a time: batches of each size are compiled.
    files += ["--batch-size", 1]
    return ["ism", params, project.whole, *files]


def other(base: str) -> str:
    return "ACGT"["CATG".index(base)]


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def coverage(line: list[Any], folder: Path, start: int, at: int, base: str = "") -> np.ndarray:
    """Coverage of both strands of `up`, and the other tracks, `(bins, 4)`, with a base replaced."""
    model = package.load(line[1], line[2])
    letters = (folder / "genome.fa").read_text().splitlines()[1]
    changed = letters[:at] + (base or letters[at]) + letters[at + 1 :]
    x = dna.one_hot(dna.encode(changed[start : start + 2048]))[None]
    squashed = np.asarray(model(x))[0, :, :4].astype(float)
    # sum_sqrt: y = sqrt(1 + x) - 1, below the soft clip; the others are not squashed.
    assert squashed.max() < 32
    squashed[:, :2] = (squashed[:, :2] + 1) ** 2 - 1
    return squashed


def test_scores_are_those_of_full_passes(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """Rows of two lengths; strands merged in linear units; a report, and arrays for motifs."""
    out = tmp_path / "out"
    result = whelp(*line, "--stats", "logSUM,D1", "-o", out)
    assert result.exit_code == 0, result.output
    assert "13 bases of 2 stretches" in result.output and "1 rows cannot" in result.stderr
    made = read(out)
    assert made["logSUM"].shape == made["D1"].shape == (2, 8, 4, 3)
    assert made["logSUM"].dtype == np.float32 and made["length"].tolist() == [5, 8]
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    assert dna.decode(dna.from_one_hot(made["seqs"][0, :5])) == letters[4000:4005]
    assert not made["seqs"][0, 5:].any() and not made["logSUM"][0, 5:].any()
    assert not made["logSUM"][made["seqs"]].any()
    both = []
    for base in ("", other(letters[4003])):
        found = coverage(line, tmp_path, START, 4003, base)
        both.append(np.stack([found[:, 0] + found[:, 1], found[:, 2], found[:, 3]], axis=1))
    ref, alt = both
    wanted = (np.log2(1 + alt) - np.log2(1 + ref)).sum(axis=0)
    score = made["logSUM"][0, 3, "ACGT".index(other(letters[4003]))]
    np.testing.assert_allclose(score, wanted, rtol=1e-3, atol=1e-5)
    score = made["D1"][0, 3, "ACGT".index(other(letters[4003]))]
    np.testing.assert_allclose(score, np.abs(alt - ref).sum(axis=0), rtol=1e-3, atol=1e-5)
    # Contributions: the mean over bases subtracted, what is there times its share.
    found = read_mutations(out / "scores.h5")
    values = found.contributions("logSUM")
    mean = made["logSUM"][0, 3].mean(axis=-1)
    np.testing.assert_allclose(values[0, 3], mean - mean.mean(), rtol=1e-4, atol=1e-7)
    arrays = [
        np.load(out / "motifs" / name)["arr_0"] for name in ("sequences.npz", "contributions.npz")
    ]
    np.testing.assert_array_equal(arrays[0], found.sequences.transpose(0, 2, 1))
    np.testing.assert_allclose(arrays[1], values.transpose(0, 2, 1), rtol=1e-6)
    # Of a statistic without direction what matters stands up.
    assert (found.contributions("D1") * found.sequences)[0, :5].sum(axis=-1).min() > 0
    assert found.regions["name"].tolist() == ["five", "eight"]
    assert found.rejected["name"].tolist() == ["beyond"]
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 2 and "eight" in page and "beyond" not in page


def test_exons_of_a_gene_on_its_strand(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """In the window of the gene; the other gene's window does not hold the stretch."""
    out, gtf = tmp_path / "out", tmp_path / "genes.gtf"
    more = ("--genes", gtf, "--tracks", "up,open", "--no-report", "-o", out)
    result = whelp(*line, *more)
    assert result.exit_code == 0, result.output
    made = read(out)
    assert made["logSED"].shape == (2, 8, 4, 2) and made["gene"].tolist() == [b"G1.2"] * 2
    assert made["label"].tolist() == [b"five NEAR", b"eight NEAR"]
    assert made["strand"].tolist() == [b"+", b"+"]
    # The mean position of the gene's exon bases is the middle of its window.
    places = [*range(3800, 3900), *range(4100, 4140)]
    start = int(np.floor(np.mean(places))) - 1024
    bins = sorted({(at - start - CROP) // BIN for at in places})
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    sums = []
    for base in ("", other(letters[4004])):
        found = coverage(line, tmp_path, start, 4004, base)[bins]
        sums.append(found[:, [1, 2]].sum(axis=0))
    wanted = np.log2(1 + sums[1]) - np.log2(1 + sums[0])
    score = made["logSED"][0, 4, "ACGT".index(other(letters[4004]))]
    np.testing.assert_allclose(score, wanted, rtol=2e-3, atol=1e-6)
    # Between groups, natural logs of the same sums.
    contrast = whelp(*line, "--genes", gtf, "--gene", "G1", "--contrast", "up:open", "--overwrite",
                     *more[-2:])  # fmt: skip
    assert contrast.exit_code == 0, contrast.output
    both = read(out)
    assert both["target_ids"].tolist() == [b"up:open"] and both["contrast"].shape == (2, 8, 4, 1)
    logs = made["logSED"].astype(float) * np.log(2)
    np.testing.assert_allclose(
        both["contrast"][..., 0], logs[..., 0] - logs[..., 1], rtol=2e-3, atol=1e-6
    )


def test_a_contrast_is_the_objective_s_change(line: list[Any], tmp_path: Path) -> None:
    """What gradients explain, from the same predictions: of a whole window here."""
    model = package.load(line[1], line[2])
    targets = TargetsTable.read(tmp_path / "targets.txt")
    found = package.ism(
        model,
        pd.DataFrame({"chrom": ["1"], "start": [4002], "end": [4003]}),
        tmp_path / "genome.fa",
        targets,
        plan=MutationPlan(contrast="up:open"),
        settings=MutationSettings(batch_size=1),
    )
    objective = Objective.for_tracks(targets, bins=64).contrast("up", "open")
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    window = dna.encode(letters[4002 - 1024 : 4002 + 1024])
    changed = window.copy()
    changed[1024] = "ACGT".index(other(letters[4002]))
    ref, alt = np.asarray(
        objective.of(np.asarray(model(dna.one_hot(np.stack([window, changed]))))[..., :4])
    )
    score = found.scores["contrast"][0, 0, changed[1024], 0]
    assert score == pytest.approx(alt - ref, rel=1e-2, abs=2e-6)
    assert found.regions["chrom"].tolist() == ["chr1"]


def test_around_variants(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """Once with each allele, as hound_ism_snp.py, but with N as in training; told by the name."""
    words = [*line[:3], tmp_path / "some.vcf", *line[4:], "--tracks", "open"]
    result = whelp(*words, "--up", 3, "--down", 2, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    made = read(tmp_path / "out")
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    alleles = (letters[4002], other(letters[4002]))
    assert [label.decode() for label in made["label"]] == [f"v_{allele}" for allele in alleles]
    middle = [dna.decode(dna.from_one_hot(row)) for row in made["seqs"]]
    assert middle == [letters[4000:4002] + allele + letters[4003:4005] for allele in alleles]
    both = whelp(*words, "--input-type", "bed", "-o", tmp_path / "bed")
    assert both.exit_code == 1 and "expected chromosome, start and end" in both.stderr
    # 200 bp if nothing is said; the report's pictures are counted.
    result = whelp(*words, "--logos", 1, "-o", tmp_path / "default")
    assert "400 bases of 2 stretches" in result.output
    assert (tmp_path / "default/report.html").read_text().count("<svg") == 1


def test_from_python(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """The same numbers, also from data frames, and with only one track predicted."""
    more = ("--length", 3, "--rc", "--shifts", "0,1", "-o", tmp_path / "out")
    assert whelp(*line, *more).exit_code == 0
    model = package.load(line[1], line[2])
    genome, targets = tmp_path / "genome.fa", tmp_path / "targets.txt"
    plan, settings = (
        MutationPlan(flanks=Flanks.of(3)),
        MutationSettings(rc=True, shifts=(0, 1), batch_size=1),
    )
    found = package.ism(model, tmp_path / "some.bed", genome, targets, plan=plan, settings=settings)
    wanted = read(tmp_path / "out")
    np.testing.assert_array_equal(found.scores["logSUM"], wanted["logSUM"])
    frame = pd.read_csv(tmp_path / "some.bed", sep="\t", header=None).iloc[:2, [0, 1, 2, 5]]
    frame.columns = ["chrom", "start", "end", "strand"]
    one = MutationPlan(flanks=Flanks.of(3), tracks=("shut",))
    again = package.ism(model, frame, genome, targets, plan=one, settings=settings)
    assert again.tracks["track"].tolist() == ["shut"]
    np.testing.assert_allclose(
        again.scores["logSUM"][..., 0], wanted["logSUM"][..., 2], rtol=1e-3, atol=1e-5
    )
    with pytest.raises(RegionError, match="received a table with place"):
        package.ism(model, pd.DataFrame({"place": [1]}), genome, targets)
    with pytest.raises(ScoreError, match="there are no scores 'D2'; there are logSUM"):
        found.contributions("D2")
    with pytest.raises(ScoreError, match="without an annotation"):
        MutationPlan(gene=("GATA1",))


def test_existing_scores(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (*line, "--length", 3, "--no-report", "-o", out)
    assert whelp(*words).exit_code == 0
    written = (out / "scores.h5").read_bytes()
    refused = whelp(*words)
    assert refused.exit_code == 1 and "holds scores. Go on with them (--resume)" in refused.stderr
    again = whelp(*words, "--resume")
    assert again.exit_code == 0 and "6 bases had been replaced before" in again.output
    assert "1 rows cannot be explained" in again.stderr
    changed = whelp(*words, "--resume", "--rc")
    assert changed.exit_code == 1 and "is of another run" in changed.stderr
    (tmp_path / "some.bed").write_text(BED.replace("4005", "4007"))
    changed = whelp(*words, "--resume")
    assert changed.exit_code == 1 and "is of another run" in changed.stderr
    assert (out / "scores.h5").read_bytes() == written
    (out / "report.html").write_text("of the old scores")
    assert whelp(*words, "--overwrite").exit_code == 0
    assert (out / "scores.h5").read_bytes() != written and not (out / "report.html").exists()
    assert whelp(*words, "--overwrite", "--resume").exit_code == 2
    unfinished = out / ".scores.unfinished"
    unfinished.mkdir()
    (unfinished / "run.json").write_text("{}")
    changed = whelp(*words, "--resume")
    assert changed.exit_code == 1 and "unfinished scores of another run" in changed.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--strict",), 1, "beyond (chr1:9500-9501): it lies outside the chromosome (9,000 bp)"),
        (("--length", 3000), 1, "3,000 bp long; the model's window is 2,048 bp"),
        (("--length", 3, "--up", 2), 2, "--length and --up, --down exclude each other"),
        (("--up", 0), 2, "there is nothing to mutate"),
        (("--stats", "REF"), 1, "REF is predicted coverage and no comparison"),
        (("--stats", "logsum"), 1, "did you mean 'logSUM'?"),
        (("--tracks", "RNA"), 1, "no track of"),
        (("--contrast", "up"), 1, "two groups are compared as A:B"),
        (("--contrast", "up:opne"), 1, "did you mean 'open'?"),
        (("--contrast", "up:open", "--stats", "D1"), 1, "leave the statistics out"),
        (("--gene", "NEAR"), 1, "without an annotation to find it in"),
        (("--genes", "genes.gtf", "--gene", "NAER"), 1, "did you mean 'NEAR'?"),
        (("--genes", "genes.gtf", "--gene", "FAR"), 1, "no gene whose window holds it"),
    ],
)
def test_refused(
    whelp: Callable[..., Any],
    line: list[Any],
    tmp_path: Path,
    options: tuple,
    code: int,
    message: str,
) -> None:
    words = [tmp_path / word if word == "genes.gtf" else word for word in options]
    result = whelp(*line, *words, "-o", tmp_path / "out")
    assert result.exit_code == code and message in result.stderr, result.stderr
    assert not (tmp_path / "out/scores.h5").exists()
