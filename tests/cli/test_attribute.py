"""`whelp attribute` and `whelp.attribute`: next to Borzoi's gradients, and a tiny model."""

import importlib.resources
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

import whelp as package
from whelp.genome import dna
from whelp.genome.bigwig import BigWig
from whelp.interpreting.attribution_plan import AttributionPlan
from whelp.interpreting.gradients import GradientError, GradientSettings
from whelp.interpreting.objectives import ObjectiveError
from whelp.interpreting.regions import RegionError

TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up\tup
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up\tup
2\topen\tx.bw\t32\t32\t1\tmean\t2\tATAC:open\topen
3\tshut\tx.bw\t32\t32\t1\tmean\t3\tATAC:shut\tshut
"""
BED = "chr1\t4000\t4010\tfirst\t0\t-\nchr1\t4100\t4101\tsecond\nchrQ\t1\t2\tnowhere\n"
# Two exons of a gene on the - strand, one with an exon outside of its window, one with all.
GTF = "".join(
    f'chr1\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; gene_name "{name}";\n'
    for gene, name, strand, start, end in (
        ("G1.2", "NEAR", "-", 3801, 3900),
        ("G1.2", "NEAR", "-", 4101, 4140),
        ("G2.1", "LONG", "+", 5001, 5300),
        ("G2.1", "LONG", "+", 7001, 7010),
        ("G3.1", "WIDE", "+", 2001, 2010),
        ("G3.1", "WIDE", "+", 6001, 6010),
    )
)


@pytest.fixture
def line(tiny: Any, project: Any, tmp_path: Path) -> list[Any]:
    """The command's words without stretches or genes, and without the folder."""
    bases = dna.decode(np.random.default_rng(4).integers(0, 4, 9000).astype("uint8"))
    texts = {"genome.fa": f">chr1\n{bases}\n", "targets.txt": TARGETS, "some.bed": BED}
    alleles = f"{bases[4002]}\t{'ACGT'['CATG'.index(bases[4002])]}"
    texts |= {"genes.gtf": GTF, "some.vcf": f"chr1\t4003\tv\t{alleles}\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    files = ["-g", tmp_path / "genome.fa", "-t", tmp_path / "targets.txt"]
    return ["attribute", params, project.whole, *files]


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "attributions.h5") as file:
        return {name: data[:] for name, data in file.items()}


def number(line: list[Any], x: np.ndarray, *, bins: Any = slice(None), track: int = 0) -> float:
    """ln(1 + coverage of a sum_sqrt track) of a one-hot window."""
    squashed = np.asarray(package.load(line[1], line[2])(x[None]))[0, bins, track].astype(float)
    return float(np.log(((squashed + 1) ** 2 - 1).sum() + 1))


@pytest.mark.parametrize("smooth", [False, True])
def test_gradients_are_those_of_borzoi(
    whelp: Callable[..., Any], golden: Path, tmp_path: Path, smooth: bool
) -> None:
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    inputs = golden / "snp" / "inputs"
    files = ["-g", inputs / "hg38_1m.fa.gz", "--genes", inputs / "genes.gtf"]
    files += ["-t", Path(__file__).parents[1] / "data/hg38/targets.txt"]
    options = ["--method", "smooth_grad", "--samples", 3, "--sample-prob", 0.875]
    options = options if smooth else ["--rc", "--shifts", "0,1"]
    result = whelp(
        *("attribute", folder / "params.json", folder / "model.h5", *files, "--gene", "ENSG04"),
        *("--tracks", "0,2,4,6", "--pool", "coverage", "--pseudo", 1e-6, "--length", 2048),
        *(*options, "--no-report", "-o", tmp_path),
    )
    assert result.exit_code == 0, result.output
    made, wanted = read(tmp_path), dict(np.load(golden / "snp" / "satg.npz"))
    assert made["gene"].tolist() == [b"ENSG04.1"] and made["gene_strand"].tolist() == [b"-"]
    assert (made["start"] + made["end"]).tolist() == [wanted["start"] + wanted["end"]]
    np.testing.assert_array_equal(made["seqs"][0], wanted["seqs"])
    theirs = (wanted["smooth"] if smooth else wanted["grads"][..., 0]).astype(float)
    ours = made["grads"][0, ..., 0].astype(float)
    # Of equal values, backends may take another for the largest: then gradients differ there.
    limit = 0.01 * np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999


def test_bed(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """The linear part of what a changed base does; a report, motif arrays and a track."""
    out = tmp_path / "out"
    bed = tmp_path / "some.bed"
    options = ("--tracks", "up", "--length", 200, "--bigwig", "-o", out)
    result = whelp(*line[:3], bed, *line[3:], *options)
    assert result.exit_code == 0, result.output
    assert "2 regions explained" in result.output and "1 rows cannot" in result.stderr
    assert "chrQ:0-0" not in (out / "rejected.tsv").read_text()
    assert "no such chromosome" in (out / "rejected.tsv").read_text()
    made = read(out)
    assert made["label"].tolist() == [b"first", b"second"]
    assert made["start"].tolist() == [3905, 4000] and made["strand"].tolist() == [b"+"] * 2
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    window = dna.one_hot(dna.encode(letters[4005 - 1024 : 4005 + 1024]))
    kept = window[1024 - 100 : 1024 + 100]
    np.testing.assert_array_equal(made["seqs"][0], kept)
    # Both strands of the track count: it is their sum whose log is taken.
    gradient = made["grads"][0, ..., 0]
    np.testing.assert_allclose(gradient.mean(axis=-1), 0, atol=1e-7)
    np.testing.assert_allclose(made["contributions"][0], (gradient * kept).sum(-1), atol=1e-7)
    squashed = np.asarray(package.load(line[1], line[2])(window[None]))[0, :, :2].astype(float)
    total = np.log(((squashed + 1) ** 2 - 1).sum() + 1)
    assert made["value"][0] == pytest.approx(total, rel=1e-4)
    arrays = [
        np.load(out / "motifs" / f"{name}.npz")["arr_0"] for name in ("sequences", "contributions")
    ]
    # As tfmodisco-lite cuts out the middle of what it is given.
    middle = [array[:, :, 50:150].transpose(0, 2, 1) for array in arrays]
    np.testing.assert_array_equal(middle[0], made["seqs"][:, 50:150])
    np.testing.assert_array_equal(middle[1], made["grads"][:, 50:150, :, 0])
    with BigWig(out / "contributions.bw") as track:
        values = track.values("chr1", 3900, 4210)
    # The border is half way between the two middles, 4005 and 4100.
    assert np.isnan(values[:5]).all() and np.isnan(values[300:]).all()
    np.testing.assert_array_equal(values[5:153], made["contributions"][0, :148])
    np.testing.assert_array_equal(values[153:300], made["contributions"][1, 53:])
    page = (out / "report.html").read_text()
    assert "first, chr1:3,906–4,105" in page and "</svg>" in page
    assert "http://" not in page and "https://" not in page


def test_gene_on_its_strand(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """A step along the gradient changes the gene's number as the gradient says."""
    out = tmp_path / "out"
    genes = ("--genes", tmp_path / "genes.gtf", "--gene", "NEAR", "--tracks", "0")
    result = whelp(*line, *genes, "--no-report", "-o", out)
    assert result.exit_code == 0, result.output
    made = read(out)
    # The mean of the exons' bases, from 0: (100 * 3849.5 + 40 * 4119.5) / 140.
    start = 3926 - 1024
    assert made["start"].tolist() == [start] and made["share"].tolist() == [1]
    assert made["gene"].tolist() == [b"G1.2"] and made["gene_strand"].tolist() == [b"-"]
    first = [(edge - start - 512) // 16 for edge in (3800, 4100)]
    last = [(edge - 1 - start - 512) // 16 for edge in (3900, 4140)]
    bins = [at for pair in zip(first, last, strict=True) for at in range(pair[0], pair[1] + 1)]
    x = made["seqs"][0].astype("float32")
    assert made["value"][0] == pytest.approx(number(line, x, bins=bins, track=1), rel=1e-5)
    gradient = made["grads"][0, ..., 0]
    step = 2e-4 / np.abs(gradient).max() * gradient
    # A step without a mean is not seen in the part of the gradient that was subtracted.
    above, below = (number(line, x + side * step, bins=bins, track=1) for side in (1, -1))
    assert (above - below) / 2 == pytest.approx((gradient * step).sum(), rel=0.02)


def test_genes_that_are_not_whole(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    genes = ("--genes", tmp_path / "genes.gtf", "--length", 100)
    result = whelp(*line, *genes, "-o", out)
    assert result.exit_code == 0, result.output
    assert "of 1 genes the windows show only a part" in result.stderr
    assert "WIDE\tchr1:2000-6010\tnone of its exons lies in the 1,024 bp" in (
        (out / "rejected.tsv").read_text()
    )
    made = read(out)
    assert made["label"].tolist() == [b"NEAR", b"LONG"] and made["share"][0] == 1
    assert 0.9 < made["share"][1] < 1
    strict = whelp(*line, *genes, "--strict", "-o", tmp_path / "strict")
    assert strict.exit_code == 1 and "WIDE (chr1:2000-6010): none of its exons" in strict.stderr
    far = whelp(*line, *genes, "--gene", "WIDE", "-o", tmp_path / "far")
    assert far.exit_code == 1 and "none of its 1 rows can be explained" in far.stderr


def test_both_alleles_in_the_windows_of_genes(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    options = ("--genes", tmp_path / "genes.gtf", "--contrast", "open:up", "--length", 20)
    vcf = tmp_path / "some.vcf"
    result = whelp(*line[:3], vcf, *line[3:], *options, "--bigwig", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    made = read(tmp_path / "out")
    assert [label.split(b" ")[1] for label in made["label"]] == [b"NEAR", b"NEAR"]
    assert made["altered"].tolist() == [False, True]
    assert (made["seqs"][0] != made["seqs"][1]).any(axis=-1).nonzero()[0].tolist() == [9]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "What drives open:up" in page
    assert "coverage in the tracks of open less that in those of up" in page
    with BigWig(tmp_path / "out" / "contributions.bw") as track:
        values = track.values("chr1", int(made["start"][0]), int(made["end"][0]))
    np.testing.assert_array_equal(values, made["contributions"][0])


def test_stopped_runs_go_on(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    bed, out = tmp_path / "some.bed", tmp_path / "out"
    words = [*line[:3], bed, *line[3:], "--length", 100, "--method", "smooth_grad", "--no-report"]
    assert whelp(*words, "-o", out).exit_code == 0
    written = (out / "attributions.h5").read_bytes()
    refused = whelp(*words, "-o", out)
    assert refused.exit_code == 1 and "--resume" in refused.stderr
    again = whelp(*words, "-o", out, "--resume")
    assert again.exit_code == 0 and "2 regions had been explained before" in again.output
    other = whelp(*words, "-o", out, "--resume", "--seed", 1)
    assert other.exit_code == 1 and "is of another run" in other.stderr
    # As a process leaves it that was killed while it wrote the second region.
    with h5py.File(out / "attributions.h5") as file:
        run = json.loads(file.attrs["run"])
        row = file["value"][:1].tobytes() + file["share"][:1].tobytes()
        row += dna.from_one_hot(file["seqs"][0]).tobytes() + file["grads"][0].tobytes()
    unfinished = out / ".scores.unfinished"
    unfinished.mkdir()
    (unfinished / "run.json").write_text(json.dumps(run, indent=1, sort_keys=True))
    (unfinished / "rows").write_bytes(row + row[:50])
    (out / "attributions.h5").unlink()
    resumed = whelp(*words, "-o", out, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "1 regions had been explained before" in resumed.output
    assert (out / "attributions.h5").read_bytes() == written
    assert not unfinished.exists()
    beside = [out / "report.html", out / "contributions.bw"]
    for path in beside:
        path.write_text("of the old ones")
    assert whelp(*words, "-o", out, "--overwrite").exit_code == 0
    assert not any(path.exists() for path in beside)


def test_replicates_and_from_python(
    whelp: Callable[..., Any], line: list[Any], project: Any, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(8)
    other = package.load(line[1])
    package.save_weights(other, tmp_path / "other.h5")
    bed = tmp_path / "some.bed"
    words = [*line[:3], bed, *line[3:], "--length", 50, "--tracks", "up", "--no-report"]
    result = whelp(*words, "--replicate", tmp_path / "other.h5", "-o", tmp_path / "both")
    assert result.exit_code == 0, result.output
    made = read(tmp_path / "both")
    files = (bed, tmp_path / "genome.fa", tmp_path / "targets.txt")
    plan = AttributionPlan(length=50, tracks=("up",))
    single = package.attribute(package.load(line[1], line[2]), *files, plan=plan)
    letters = (tmp_path / "genome.fa").read_text().splitlines()[1]
    window = dna.one_hot(dna.encode(letters[4005 - 1024 : 4005 + 1024]))[None]
    squashed = np.asarray(other(window))[0, :, :2].astype(float)
    value = np.log(((squashed + 1) ** 2 - 1).sum() + 1)
    assert made["value"][0] == pytest.approx((single.regions["value"][0] + value) / 2, rel=1e-5)
    assert np.abs(made["grads"][..., 0] - single.gradients).max() > 1e-5
    np.testing.assert_array_equal(made["seqs"], single.sequences)
    assert single.rejected["name"].tolist() == ["nowhere"]
    assert single.contributions.shape == (2, 50)
    assert list(single.regions)[:5] == ["name", "chrom", "start", "end", "share"]


def test_refusals(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    def refused(text: str, *options: Any, code: int = 1) -> None:
        result = whelp(*line, *options, "-o", tmp_path / "out")
        assert result.exit_code == code and text in result.stderr, result.stderr

    genes = ("--genes", tmp_path / "genes.gtf")
    refused("give REGIONS (BED or VCF), or genes to explain", code=2)
    refused("did you mean 'NEAR'?", *genes, "--gene", "NEER")
    refused("description 'upp'; did you mean 'up", *genes, "--tracks", "upp")
    refused("no group 'opne'; did you mean 'open'?", *genes, "--contrast", "opne:up")
    refused("compared as A:B", *genes, "--contrast", "open")
    refused("leave one of them out", *genes, "--middle", 3)
    refused("3,000 bp were to be kept; the model's window has 2,048 bp", *genes, "--length", 3000)
    refused("a shift of 5000 bp", *genes, "--shifts", "0,5000")
    plain = tmp_path / "plain.txt"
    rows = [row.split("\t")[:-1] for row in TARGETS.splitlines()]
    plain.write_text("".join("\t".join(row) + "\n" for row in rows))
    refused("no column 'group'", *genes, "--contrast", "open:up", "-t", plain)
    assert not (tmp_path / "out").exists()


def test_refusals_from_python(line: list[Any], tmp_path: Path) -> None:
    model = package.load(line[1], line[2])
    files = (tmp_path / "genome.fa", tmp_path / "targets.txt")
    with pytest.raises(RegionError, match="there is nothing to explain; give a BED file"):
        package.attribute(model, None, *files)
    with pytest.raises(ObjectiveError, match="asked for without an annotation"):
        AttributionPlan(gene=("NEAR",))
    with pytest.raises(GradientError, match="received none"):
        package.attribute([], None, *files)
    with pytest.raises(ObjectiveError, match="1 to 64 in its middle, received 65"):
        package.attribute(model, tmp_path / "some.bed", *files, plan=AttributionPlan(middle=65))
    with pytest.raises(RegionError, match="received a table with chrom"):
        package.attribute(model, pd.DataFrame({"chrom": ["chr1"]}), *files)
    with pytest.raises(GradientError, match="a shift of -1100 bp"):
        settings = GradientSettings(shifts=(-1100,))
        package.attribute(model, tmp_path / "some.bed", *files, settings=settings)
