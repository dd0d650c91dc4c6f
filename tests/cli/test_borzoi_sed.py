"""borzoi_sed.py: scores by gene next to those of calico/borzoi's command, and its files."""

import importlib.resources
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import whelp as package
from whelp.scoring.gene_windows import GeneSettings
from whelp.scoring.sed_statistics import sed_scores
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import Allele

Sed = Callable[..., tuple[int, str, str]]
ALL = "SED,logSED,D1,logD1,D2,logD2,nD2,nDi,JS,REF,ALT"
FLAGS = (
    *("-b", "-f", "-g", "-o", "-p", "--rc", "--shifts", "--span", "--stats", "-t", "-u"),
    *("--no_untransform", "--no_unclip"),
)


@pytest.fixture
def sed(drop_in: Callable[..., Any]) -> Sed:
    """Runs borzoi_sed.py."""
    return partial(drop_in, "borzoi_sed.py")


@pytest.fixture
def mini(golden: Path) -> tuple[Any, ...]:
    """Options and files of the pretrained mini model, before the variants."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    inputs = golden / "snp/inputs"
    targets = Path(__file__).parents[1] / "data" / "hg38" / "targets.txt"
    genes = ("-f", inputs / "hg38_1m.fa.gz", "-g", inputs / "genes.gtf", "-t", targets)
    return (*genes, folder / "params.json", folder / "model.h5")


@pytest.fixture
def tiny_files(score_line: list[Any], tmp_path: Path) -> tuple[Any, ...]:
    """The same of a tiny model and three genes of a random genome; its windows show 1024 bp."""
    lines = [
        f'chr1\tx\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "{gene}";\n'
        for gene, strand, start, end in (
            ("B", "-", 3420, 3560),
            ("A", "+", 2900, 3000),
            ("A", "+", 3080, 3200),
            ("F", "+", 8000, 8100),
        )
    ]
    (tmp_path / "genes.gtf").write_text("".join(lines))
    _, params, weights, _, _, genome, _, targets = score_line
    return ("-f", genome, "-g", tmp_path / "genes.gtf", "-t", targets, params, weights)


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "sed.h5") as file:
        return {name: data[:] for name, data in file.items()}


def assert_close(made: np.ndarray, wanted: np.ndarray, name: str) -> None:
    assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape), name
    largest = np.abs(wanted).max()
    limit = 0.01 * float(largest) + float(np.spacing(largest))
    ours, theirs = made.astype(float), wanted.astype(float)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit, err_msg=name)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999, name


def assert_same_run(made: dict, wanted: dict) -> None:
    for name, values in wanted.items():
        if values.dtype.kind in "Sui":
            assert made[name].tolist() == values.tolist(), name
            assert made[name].dtype.kind == values.dtype.kind
        else:
            assert_close(made[name], values, name)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("snps", ("--stats", "SED,logSED,D1,D2,logD2,nD2,nDi,JS,REF,ALT")),
        ("squashed", ("--no_untransform", "-b", "--stats", "SED,REF")),
        ("old", ("-u", "--no_unclip", "--stats", "SED,REF")),
    ],
)
def test_scores_are_the_reference_s(
    sed: Sed, mini: tuple, golden: Path, tmp_path: Path, name: str, flags: tuple
) -> None:
    vcf = golden / "snp/inputs/snps_gene.vcf"
    code, out, err = sed(*flags, "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    wanted = dict(np.load(golden / f"snp/sed_{name}.npz"))
    tracks = {kind: wanted.pop(f"bedgraph|{kind}", None) for kind in ("ref", "alt", "diff")}
    made = read(tmp_path)
    assert set(wanted) | {"target_ids", "target_labels"} == set(made)
    assert_same_run(made, wanted)
    assert "6 variants scored, by gene in 10 rows" in out and "2 variants cannot be" in err
    if name == "squashed":
        assert_same_tracks(tmp_path, tracks)
    else:
        assert not list(tmp_path.glob("*.bedgraph"))


def assert_same_tracks(folder: Path, tracks: dict[str, np.ndarray]) -> None:
    assert len(list(folder.glob("*.bedgraph"))) == 3 * 6
    for kind, wanted in tracks.items():
        rows = np.loadtxt(folder / f"g401500_{kind}.bedgraph", usecols=(1, 2, 3))
        assert len(rows) == 2048
        np.testing.assert_array_equal(rows[::16, :2], wanted[:, :2])
        largest = np.abs(wanted[:, 2]).max()
        np.testing.assert_allclose(rows[::16, 2], wanted[:, 2], rtol=0, atol=0.01 * largest)


def test_both_strands_shifts_and_the_span(
    sed: Sed, mini: tuple, golden: Path, tmp_path: Path
) -> None:
    """Averaged while squashed, over shifts too."""
    lines = (golden / "snp/inputs/snps_gene.vcf").read_text().splitlines(keepends=True)
    (tmp_path / "two.vcf").write_text("".join([lines[6], lines[8]]))
    flags = ("--rc", "--shifts", "0,1,-1", "--span", "--stats", "SED,logSED,JS")
    code, _, err = sed(*flags, "-o", tmp_path, *mini, tmp_path / "two.vcf")
    assert code == 0, err
    made, wanted = read(tmp_path), dict(np.load(golden / "snp/sed_rc_shifts.npz"))
    assert made["snp"].tolist() == [b"g401500", b"g640222"]
    rows = [row for row, si in enumerate(wanted["si"]) if wanted["snp"][si] in made["snp"].tolist()]
    assert made["gene"].tolist() == wanted["gene"][rows].tolist()
    for name in ("SED", "logSED", "JS"):
        assert_close(made[name], wanted[name][rows], name)


def test_insertions_and_deletions(sed: Sed, mini: tuple, golden: Path, tmp_path: Path) -> None:
    """The reference compares bins that the indel has moved, which is most of its scores.

    Of an insertion it cuts the alternate at both ends; with a deletion it also moves the genes, by
    its length. SNPs among them are the same, and so is the coverage around insertions.
    """
    vcf = golden / "snp/inputs/indels.vcf"
    code, _, err = sed("--stats", "SED,logSED,REF", "-o", tmp_path, *mini, vcf)
    assert code == 0, err
    made, wanted = read(tmp_path), dict(np.load(golden / "snp/sed_indels.npz"))
    for name in ("snp", "chr", "pos", "ref_allele", "alt_allele", "si", "gene"):
        assert made[name].tolist() == wanted[name].tolist()
    ids = wanted["snp"][wanted["si"]]
    snps = [row for row, name in enumerate(ids) if name.startswith(b"snp")]
    ins = [row for row, name in enumerate(ids) if name.startswith(b"ins")]
    for name in ("SED", "logSED", "REF"):
        assert_close(made[name][snps], wanted[name][snps], name)
    assert_close(made["REF"][ins], wanted["REF"][ins], "REF")
    indels = [row for row in range(len(ids)) if row not in snps]
    assert len(indels) == 8
    ours, theirs = (
        np.abs(one["logSED"][indels].astype(float)).max(axis=1) for one in (made, wanted)
    )
    assert ours.sum() < theirs.sum() / 3


def test_indels_are_scored_as_by_whelp(
    sed: Sed, tiny_files: tuple, score_line: list[Any], tmp_path: Path
) -> None:
    """The same bins of both alleles are compared; a gene in the order of the annotation."""
    bases = (tmp_path / "genome.fa").read_text().splitlines()[1]
    lines = [
        f"chr1\t3011\tins\t{bases[3010]}\t{bases[3010]}GATTACA\n",
        f"chr1\t3301\tfar,away/x\t{bases[3300]}\t{bases[3300]}T,{bases[3300]}CC\n",
        f"chr1\t3401\tdel\t{bases[3400:3409]}\t{bases[3400]}\n",
        "chr1\t6001\tnone\tN\tC\n",
    ]
    (tmp_path / "indels.vcf").write_text("".join(lines))
    code, _, err = sed(
        *("--stats", ALL, "-b", "-o", tmp_path / "out"), *tiny_files, tmp_path / "indels.vcf"
    )
    assert code == 0, err
    made = read(tmp_path / "out")
    assert made["gene"].tolist() == [b"B", b"A"] * 4
    assert made["si"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert made["snp"].tolist() == [b"ins", b"far,away/x", b"far,away/x", b"del"]
    model = package.load(score_line[1], score_line[2])
    genes = GeneSettings(tmp_path / "genes.gtf", center="variant", overlap="majority")
    stats = {"SED": "SUM", "logSED": "logSED", "D1": "D1", "logD1": "logD1", "REF": "REF"}
    scores = package.score(
        model,
        *(tmp_path / name for name in ("indels.vcf", "genome.fa", "targets.txt")),
        genes=genes,
        settings=ScoreSettings(statistics=tuple(stats.values())),
    )
    for theirs, ours in stats.items():
        values = scores[ours].to_numpy().reshape(-1, 2)
        np.testing.assert_allclose(made[theirs], values, rtol=2e-3, atol=1e-6, err_msg=theirs)
    # No file of predictions takes the place of another's.
    names = {path.name.removesuffix("_alt.bedgraph") for path in (tmp_path / "out").glob("*_alt*")}
    assert names == {"ins", "far,away|x", "far,away|x#3", "del"}


def test_statistics_by_hand() -> None:
    """Two bins and one track; pseudocounts of 1."""
    ref, alt = Allele(np.array([[[1.0], [2.0]]])), Allele(np.array([[[5.0], [2.0]]]))
    scores = sed_scores(ref, alt, ALL.split(","), pseudocounts=np.array([1.0]))
    p, q = np.array([0.4, 0.6]), np.array([6, 3]) / 9
    wanted = {
        "SED": 4,
        "logSED": 1,
        "D1": 4,
        "logD1": np.log2(3),
        "D2": 4,
        "logD2": np.log2(3),
        "nD2": np.sqrt(2) * (2 / 3 - 0.4),
        "nDi": 2 / 3 - 0.4,
        "JS": ((p - q) * np.log(p / q)).sum() / 2,
        "REF": 3,
        "ALT": 7,
    }
    assert list(scores) == ALL.split(",") and set(wanted) == set(scores)
    for name, value in wanted.items():
        np.testing.assert_allclose(scores[name], [value], rtol=1e-12, err_msg=name)
    nothing = Allele(np.zeros((1, 2, 1)))
    for name, values in sed_scores(nothing, nothing, ALL.split(",")).items():
        assert values.tolist() == [0], name


def test_variants_near_no_gene(sed: Sed, tiny_files: tuple, tmp_path: Path) -> None:
    base = (tmp_path / "genome.fa").read_text().splitlines()[1][6000]
    (tmp_path / "far.vcf").write_text(f"chr1\t6001\tfar\t{base}\t{base}A\n")
    code, out, err = sed("-o", tmp_path / "out", *tiny_files, tmp_path / "far.vcf")
    assert code == 0 and "0 variants scored" in out, err
    made = read(tmp_path / "out")
    assert made["SED"].shape == (0, 2) and made["si"].shape == made["snp"].shape == (0,)
    assert "no exon of a gene lies in its window" in (tmp_path / "out/rejected.tsv").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stats", "logSUM"), "'logSUM' is not a statistic of borzoi_sed.py"),
        (("--stats", "logsed"), "did you mean 'logSED'?"),
        (("-g", "none.gtf"), "none.gtf: No such file"),
        (("--shifts", "0;1"), "is not a list such as 0,1,-1"),
    ],
)
def test_refused(
    sed: Sed, tiny_files: tuple, tmp_path: Path, arguments: tuple, message: str
) -> None:
    vcf = tmp_path / "variants.vcf"
    flags, files = tiny_files[:6], tiny_files[6:]
    code, _, err = sed(*flags, *arguments, "-o", tmp_path / "out", *files, vcf)
    assert code == 1 and message in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_the_reference_s_flags(sed: Sed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BORZOI_HG38", "human")
    code, out, _ = sed("--help")
    assert code == 0
    for flag in FLAGS:
        assert f"  {flag}" in out, flag
    assert "human/genes/gencode41/gencode41_basic_nort.gtf" in re.sub(r"\s+", "", out)
    assert "defaultlogSED" not in out and "[default: SED]" in out
    assert "default:sed]" in re.sub(r"\s+", "", out)
