"""`whelp eqtl` and `whelp.benchmark_eqtls`: westminster's answers, and variants made by hand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import whelp as package
from whelp.eqtls.accuracy import areas, signs
from whelp.eqtls.forest import ForestSettings, forest_accuracy

TRACKS = ("liver+", "liver2", "blood")


@pytest.fixture
def whelp() -> Callable[..., Result]:
    """Runs `whelp` in this process."""
    from whelp.cli.main import main

    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def write_scores(path: Path, rows: list[tuple[Any, ...]], *, name: str = "logSUM") -> Path:
    """Write scores by track: rows of chromosome, position, alleles, and the tracks' scores."""
    with h5py.File(path, "w") as file:
        texts = {"chr": 0, "ref_allele": 2, "alt_allele": 3}
        for key, at in texts.items():
            file[key] = np.array([row[at] for row in rows], "S")
        file["snp"] = np.array(["."] * len(rows), "S")
        file["pos"] = np.array([row[1] for row in rows], "u4")
        file["target_ids"] = np.array(TRACKS, "S")
        file["target_labels"] = np.array([f"RNA:{track}" for track in TRACKS], "S")
        file[name] = np.array([row[4] for row in rows], "f4")
    return path


def write_vcf(path: Path, *rows: str) -> Path:
    """Write records: position, alleles and INFO."""
    lines = ["##fileformat=VCFv4.2\n"]
    for row in rows:
        position, ref, alt, info = row.split()
        lines.append(f"chr1\t{position}\tv{position}\t{ref}\t{alt}\t.\t.\t{info}\n")
    path.write_text("".join(lines))
    return path


@pytest.fixture
def toy(tmp_path: Path) -> list[Path]:
    """Three causal variants of the liver and two negatives, and their scores by track."""
    causal = write_vcf(
        tmp_path / "causal.vcf",
        "100 A C TISSUE=Liver;GENE=G1;AFC=0.5;TSSD=10",
        # The effect is of the reference allele: of the alternate it is 0.25.
        "200 A C TISSUE=Liver,Lung;GENE=G1;AFC=-0.25;EA=A;TSSD=-20",
        "300 A C TISSUE=Liver;GENE=G2;AFC=-1;EA=C;TSSD=30",
    )
    negatives = write_vcf(tmp_path / "neg.vcf", "400 A C GENE=G1;TSSD=25", "500 AT A GENE=G2")
    (tmp_path / "tissues.tsv").write_text("tissue\ttracks\tnote\nLiver\tliver*\tx\n")
    scores = write_scores(
        tmp_path / "scores.h5",
        [
            ("chr1", 100, "A", "C", (3, 1, 0)),
            ("1", 200, "A", "C", (1, 1, 0)),
            # The other way round: of C against A it is -0.75.
            ("chr1", 300, "C", "A", (1, 0.5, 0)),
            ("chr1", 400, "A", "C", (-1, 3, 9)),
        ],
    )
    return [causal, negatives, tmp_path / "tissues.tsv", scores]


def test_numbers_are_westminster_s(
    whelp: Callable[..., Result], golden: Path, tmp_path: Path
) -> None:
    """By track, by gene, and by random forests; alleles are the other way round in a third."""
    folder = golden / "eqtl"
    answers = json.loads((folder / "westminster.json").read_text())
    words = ["eqtl", folder, folder, folder / "tissues.tsv"]
    for kind, more in (("tracks", ["scores.h5", "--iterations", 2]), ("genes", ["genes.h5"])):
        out = tmp_path / kind
        forest = [] if kind == "tracks" else ["--no-forest", "--no-report"]
        result = whelp(*words, folder / more[0], *more[1:], *forest, "-o", out)
        assert result.exit_code == 0, result.output
        made = pd.read_table(out / "metrics.tsv").set_index("tissue")
        wanted = pd.DataFrame(answers[kind]).set_index("tissue")
        names = [name for name in wanted if name in made]
        assert len(names) == len(wanted.columns)
        np.testing.assert_allclose(made.loc[wanted.index, names], wanted[names], atol=6e-5)
    made = pd.read_table(tmp_path / "tracks" / "metrics.tsv").set_index("tissue")
    for tissue, aurocs in answers["forest"].items():
        # To the last digit with one scikit-learn; trees of another may differ.
        assert made["auroc_forest"][tissue] == pytest.approx(np.mean(aurocs), abs=0.03)
        sem = np.std(aurocs) / np.sqrt(len(aurocs))
        assert made["auroc_forest_sem"][tissue] == pytest.approx(sem, abs=0.02)
    page = (tmp_path / "tracks" / "report.html").read_text()
    assert "Distance AUROC" in page and page.count("<svg") == 9
    variants = pd.read_table(tmp_path / "genes" / "variants.tsv.gz")
    assert len(variants) == 3 * 88 and (variants["pred"][~variants["measured"]] == 0).all()


def test_by_hand(whelp: Callable[..., Result], toy: list[Path], tmp_path: Path) -> None:
    """Effects and scores are turned to the alternate allele, each by itself."""
    out = tmp_path / "out"
    result = whelp("eqtl", *toy, "--min-variants", 1, "-o", out)
    assert result.exit_code == 0, result.output
    assert "Lung is left out: the table of tissues has no row for it" in result.stderr
    table = pd.read_table(out / "variants.tsv.gz")
    assert table["label"].tolist() == ["pos"] * 3 + ["neg"] * 2
    assert table["coef"].tolist()[:3] == [0.5, 0.25, -1]
    assert table["pred"].tolist() == [2, 1, -0.75, 1, 0]
    assert table["measured"].tolist() == [True] * 4 + [False]
    row = pd.read_table(out / "metrics.tsv").iloc[0]
    # Of six pairs 2 > 1, 2 > 0, 1 = 1, 1 > 0, 0.75 < 1, 0.75 > 0.
    assert row["auroc_class"] == pytest.approx(4.5 / 6, abs=1e-5)
    assert (row["auroc_sign"], row["spearmanr"], row["tracks"]) == (1, 1, 2)
    # The second negative's distance is not known: 10 and 20 are nearer than 25, 30 is not.
    assert row["auroc_distance"] == pytest.approx(2 / 3, abs=1e-5)
    assert row["measured_auroc_class"] == pytest.approx(1.5 / 3, abs=1e-5)
    assert np.isnan(row.get("auroc_forest", np.nan))


def test_genes_of_a_variant_are_united(toy: list[Path], tmp_path: Path) -> None:
    """Effects are averaged where their signs agree; else they count for classes only."""
    causal = write_vcf(
        tmp_path / "causal.vcf",
        "100 A C TISSUE=Liver;GENE=G1;AFC=0.5;TSSD=10",
        "100 A C TISSUE=Liver;GENE=G2;AFC=1.5;TSSD=5",
        "200 A C TISSUE=Liver;GENE=G1;AFC=1;TSSD=5",
        "200 A C TISSUE=Liver;GENE=G2;AFC=-1;TSSD=5",
        "400 A C TISSUE=Liver;GENE=G2;AFC=-1;TSSD=5",
    )
    write_vcf(toy[1], "400 A C GENE=G1;TSSD=25", "300 A C GENE=G2")
    settings = package.EqtlSettings(least=1, forest=None)
    made = package.benchmark_eqtls(causal, *toy[1:], settings=settings)
    table = made.variants
    # The negative at 400 is causal here, and so it is none.
    assert table["pos"].tolist() == [100, 200, 400, 300]
    assert table["coef"].tolist()[:1] == [1] and table["coef"].isna().tolist()[1:3] == [True, False]
    assert table["tss_dist"][0] == 5 and table["gene"][0] == "G1,G2"
    assert made.metrics["variants"].tolist() == [3]


def test_distances_of_an_annotation(toy: list[Path], tmp_path: Path) -> None:
    """To the start of the gene that INFO names, else to the nearest."""
    exon = 'chr1\tx\texon\t{}\t{}\t.\t{}\t.\tgene_id "{}.3";\n'
    genes = tmp_path / "genes.gtf"
    genes.write_text(exon.format(451, 480, "+", "G1") + exon.format(100, 520, "-", "G2"))
    negatives = write_vcf(
        tmp_path / "neg.vcf", "400 A C GENE=G1", "500 AT A GENE=G2.1", "460 A C X=1", "9 A C GENE=Z"
    )
    settings = package.EqtlSettings(least=1, forest=None, genes=genes)
    made = package.benchmark_eqtls(toy[0], negatives, *toy[2:], settings=settings)
    distances = made.variants["tss_dist"].tolist()
    assert distances[:3] == [10, 20, 30] and distances[3:6] == [51, 20, 9]
    assert np.isnan(distances[6])


def test_unused_records(whelp: Callable[..., Result], toy: list[Path], tmp_path: Path) -> None:
    write_vcf(
        toy[0],
        "100 A C TISSUE=Liver;AFC=0.5;EA=C",
        "150 A C,G TISSUE=Liver;AFC=0.5;EA=G",
        "200 A C TISSUE=Liver;AFC=high",
        "210 A C AFC=1",
        "220 A C TISSUE=Liver;AFC=1;EA=T",
        "230 A C,G TISSUE=Liver;AFC=1",
        "240 A <DEL> TISSUE=Liver;AFC=1",
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("of an earlier run")
    result = whelp("eqtl", *toy, "--min-variants", 1, "--no-report", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "out" / "report.html").exists()
    assert "5 records cannot be used" in result.stderr
    unused = pd.read_table(tmp_path / "out" / "unused.tsv")
    assert unused["position"].tolist() == [200, 210, 220, 230, 240]
    reasons = ["AFC=high is no number", "no TISSUE", "none of its alleles", "several", "symbolic"]
    for reason, text in zip(reasons, unused["reason"], strict=True):
        assert reason in text
    table = pd.read_table(tmp_path / "out" / "variants.tsv.gz")
    assert table["alt"].tolist()[:2] == ["C", "G"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: "100 A C TISSUE=Heart;AFC=1"}, "Liver: it has 0 causal variants, and at least 1"),
        ({1: ""}, "Liver: it has no negatives"),
        ({0: "100 A C AFC=1"}, "; 1 records cannot be used, for INFO has no TISSUE)"),
        ({0: "7 A C TISSUE=Liver;AFC=1"}, "none of the causal variants has scores in"),
        ({1: "8 A C ."}, "none of the negatives has scores in"),
        ({2: "tissue\ttrack\nLiver\tliver*\n"}, "tissue and tracks among them; received tissue, "),
        ({2: "tissue\ttracks\nLiver\t\n"}, "tissues.tsv, line 2: expected a tissue and its tracks"),
        ({2: "tissue\ttracks\n"}, "there are no tissues in it"),
        ({2: "tissue\ttracks\nLiver\tlver+\n"}, "Liver: no track of"),
        ({3: "text"}, "this is no file of scores"),
    ],
)
def test_bad_input(
    whelp: Callable[..., Result], toy: list[Path], tmp_path: Path, change: dict, message: str
) -> None:
    for place, text in change.items():
        if place < 2:
            write_vcf(toy[place], *([text] if text else []))
        else:
            toy[place].write_text(text)
    result = whelp("eqtl", *toy, "--min-variants", 1, "-o", tmp_path / "out")
    assert result.exit_code == 1 and message in " ".join(result.stderr.split()), result.stderr
    assert "--debug" not in result.stderr and not (tmp_path / "out").exists()


def test_what_info_never_has_is_told(
    whelp: Callable[..., Result], toy: list[Path], tmp_path: Path
) -> None:
    words = ["eqtl", *toy, "--min-variants", 1, "-o", tmp_path / "out"]
    whole = whelp(*words)
    assert whole.exit_code == 0 and "INFO of no" not in whole.stderr
    assert "100% of causal variants have a score, and 50% of negatives" in whole.stderr
    assert pd.read_table(tmp_path / "out" / "metrics.tsv")["negatives_measured"].tolist() == [0.5]
    wrong = whelp(*words, "--effect-tag", "ES", "--distance-tag", "DIST")
    text = " ".join(wrong.stderr.split())
    assert wrong.exit_code == 0 and "of no causal variant has ES: effects are not compared" in text
    assert "INFO of no causal variant has DIST, and no annotation gives distances" in text
    assert "has ES: effects are not compared" in (tmp_path / "out" / "report.html").read_text()
    write_vcf(toy[1], "400 A C GENE=G1;TSSD=25")
    some = " ".join(whelp(*words).stderr.split())
    assert "INFO" not in some and "have a score" not in some
    write_vcf(toy[1], "400 A C GENE=G1", "500 AT A .", "501 A C .", "502 A C .")
    some = " ".join(whelp(*words).stderr.split())
    assert "INFO of no negative has TSSD" in some
    assert "100% of causal variants have a score, and 25% of negatives; the others count" in some
    wrong = whelp(*words, "--allele-tag", "A1")
    assert "effects are taken to be those of the alternate allele" in " ".join(wrong.stderr.split())


def test_names_of_strands_and_chromosomes(toy: list[Path]) -> None:
    """The two strands of a track are scored as one; a causal variant is no negative."""
    settings = package.EqtlSettings(least=1, forest=None)
    before = package.benchmark_eqtls(*toy, settings=settings)
    toy[1].write_text(toy[1].read_text() + "1\t100\tc\tA\tC\t.\t.\t.\n")
    plus = next(track for track in TRACKS if track.endswith("+"))
    tables = []
    for tracks in (plus, f"{plus},{plus.removesuffix('+')}-"):
        toy[2].write_text(f"tissue\ttracks\nLiver\t{tracks}\n")
        made = package.benchmark_eqtls(*toy, settings=settings)
        assert made.metrics["negatives"].tolist() == before.metrics["negatives"].tolist()
        tables.append(made.variants)
    pd.testing.assert_frame_equal(*tables)


def test_files_of_scores_that_differ(toy: list[Path], golden: Path, tmp_path: Path) -> None:
    other = write_scores(tmp_path / "other.h5", [("chr1", 1, "A", "C", (1, 1, 1))], name="logD2")
    settings = package.EqtlSettings(least=1, forest=None)
    with pytest.raises(ValueError, match=r"scores of some statistic in all files; .* none in com"):
        package.benchmark_eqtls(*toy[:3], [toy[3], other], settings=settings)
    settings = package.EqtlSettings(statistic="logD2", least=1, forest=None)
    with pytest.raises(ValueError, match=r"expected scores of logD2 .* they have logSUM"):
        package.benchmark_eqtls(*toy, settings=settings)
    by_gene = shutil.copy(toy[3], tmp_path / "by_gene.h5")
    with h5py.File(by_gene, "a") as file:
        file["si"] = file["gi"] = np.zeros(1, "u4")
        del file["logSUM"]
    with pytest.raises(ValueError, match="one has scores by gene, the other by track"):
        package.benchmark_eqtls(*toy[:3], [toy[3], by_gene])
    with pytest.raises(ValueError, match="other tracks"):
        package.benchmark_eqtls(*toy[:3], [toy[3], golden / "eqtl" / "scores.h5"])
    with pytest.raises(ValueError, match=r"expected files TISSUE_pos\.vcf in the folder"):
        package.benchmark_eqtls(tmp_path, *toy[1:])
    rows = [("chr1", 300, "C", "A", (-1, 1, 1)), ("chr1", 400, "A", "C", (-1, 3, 9))]
    norm = write_scores(tmp_path / "norm.h5", rows, name="logD2")
    settings = package.EqtlSettings(least=1, forest=None)
    made = package.benchmark_eqtls(*toy[:3], norm, settings=settings)
    # A norm has no sign: nothing is turned, and nothing is said of effects.
    assert made.variants["pred"].tolist()[2] == 0 and np.isnan(made.metrics["spearmanr"][0])


def test_areas_and_signs_where_they_are_not_defined() -> None:
    assert np.isnan(areas(np.array([True, True]), np.array([1.0, 2.0]))).all()
    assert areas(np.array([True, False, False]), np.array([2, 1, np.nan])) == (1, 1)
    assert np.isnan(signs(np.array([1.0, np.nan]), np.array([1.0, 2.0]))).all()
    found = signs(np.array([1.0, -1.0]), np.array([3.0, 3.0]))
    assert found.auroc == 0.5 and np.isnan(found.spearmanr)


def test_forest_learns_what_one_track_does_not_tell() -> None:
    """Causal is what two tracks agree in; it takes both, and too few variants are no forest."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3)).astype("float32")
    causal = features[:, 0] * features[:, 1] > 0
    settings = ForestSettings(folds=4, trees=32)
    found = forest_accuracy(features, causal, settings)
    assert found is not None and found.auroc > 0.9 and found.predicted.shape == (200,)
    again = forest_accuracy(features, causal, settings)
    assert again is not None and again.auroc == found.auroc
    assert forest_accuracy(features[:, :1], causal, settings) is None
    assert forest_accuracy(features[:6], causal[:6], settings) is None
