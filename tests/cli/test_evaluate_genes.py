"""whelp evaluate --genes and --contrast: files, words, the report; and the same from Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

_TARGETS = """\
\tidentifier\tfile\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup
0\tup+\tx.bw\t32\t0.5\tsum_sqrt\t1\tRNA:up\tliver
1\tup-\tx.bw\t32\t0.5\tsum_sqrt\t0\tRNA:up\tliver
2\topen\tx.bw\t\t1\tsum\t2\tRNA:open\tblood
"""
_EXON = 'chr1\tx\texon\t{}\t{}\t.\t{}\t.\tgene_id "{}"; gene_name "{}";\n'


@pytest.fixture
def line(project: Any, own_data: Any, tiny: Any) -> list[Any]:
    """The words of `whelp evaluate` without a folder: a model of 3 tracks, windows, 12 genes."""
    import whelp

    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 3}})
    model = whelp.load(params)
    whelp.save_weights(model, project.folder / "three.h5")
    (own_data.data / "targets.txt").write_text(_TARGETS)
    bed = pd.read_csv(own_data.data / "sequences.bed", sep="\t", header=None)
    lines = []
    for start in bed[bed[3] == "test"][1]:
        for number in range(4):
            first = start + 37 + 250 * number
            exon = (first, first + 20 + 61 * number, "+-"[number % 2])
            lines.append(_EXON.format(*exon, f"id{first}", f"gene{first}").replace("chr1", "1"))
    # The last gene has an exon of its length in a training window, too.
    trained = int(bed[bed[3] == "train"][1].iloc[0])
    far = (trained + 1, trained + exon[1] - exon[0] + 1, exon[2])
    lines.append(_EXON.format(*far, f"id{first}", f"gene{first}").replace("chr1", "1"))
    genes = project.folder / "genes.gtf"
    genes.write_text("".join(lines))
    weights = project.folder / "three.h5"
    return ["evaluate", params, weights, own_data.data, "--genes", genes]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", index_col=0)


def test_files_words_and_report(
    whelp: Callable[..., Result], line: list[Any], tmp_path: Path
) -> None:
    out = tmp_path / "eval"
    more = ["--contrast", "liver:blood", "--min-change", "0.2", "--pseudo-quantile", "0.1"]
    result = whelp(*line, *more, "--rc", "-o", out)
    assert result.exit_code == 0, result.output
    assert "Expression of 12 genes" in result.output
    assert "liver:blood (RNA)" in result.output
    assert "1 of 12 genes reach into training windows" in result.output
    genes = read(out / "genes.tsv")
    assert genes["trained"].tolist().count(0) == 11 and genes["trained"].max() == 0.5
    assert genes["shown"].tolist() == (1 - genes["trained"]).tolist()
    changes = pd.read_csv(out / "gene_changes.tsv", sep="\t")
    assert len(changes) == 12 and set(changes["contrast"]) == {"liver:blood (RNA)"}
    row = pd.read_csv(out / "contrasts.tsv", sep="\t").iloc[0]
    r = np.corrcoef(changes["measured"], changes["predicted"])[0, 1]
    assert row["pearsonr"] == pytest.approx(r, abs=5e-3)
    assert row["up"] == (changes["measured"] >= 0.2).sum()
    tracks = read(out / "task_metrics.tsv")
    assert tracks["identifier"].tolist() == ["up+", "open"]
    levels = [read(out / f"gene_{name}.tsv.gz") for name in ("targets", "preds")]
    for track in ("up+", "open"):
        r = np.corrcoef(levels[0][track], levels[1][track])[0, 1]
        number = tracks["pearsonr"][tracks["identifier"] == track].item()
        assert number == pytest.approx(r, abs=0.02)
    page = (out / "report.html").read_text()
    for words in ("Expression of genes", "Change between groups", "AUROC up", "log2 fold change"):
        assert words in page
    # Without contrasts nothing of theirs is left behind.
    assert whelp(*line, "--no-report", "-o", out).exit_code == 0
    assert not (out / "contrasts.tsv").exists() and (out / "genes.tsv").exists()


def test_python_gives_the_same(
    whelp: Callable[..., Result], line: list[Any], tmp_path: Path
) -> None:
    import whelp as library

    out = tmp_path / "eval"
    result = whelp(*line, "--rc", "--shifts", "0,3", "--contrast", "blood:liver", "-o", out)
    assert result.exit_code == 0, result.output
    _, params, weights, data_dir, _, genes = line
    seen: list[tuple[int, int]] = []
    found = library.evaluate_genes(
        library.load(params, weights),
        data_dir,
        genes,
        settings=library.ExpressionSettings(rc=True, shifts=(0, 3), contrasts=["blood:liver"]),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    for name, table in found.values.items():
        written = read(out / f"gene_{name}.tsv.gz")
        np.testing.assert_allclose(written, table, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(
        read(out / "task_metrics.tsv")["pearsonr"], found.tracks["pearsonr"], atol=1e-4
    )
    changes = pd.read_csv(out / "gene_changes.tsv", sep="\t")
    np.testing.assert_allclose(
        changes["predicted"], found.contrasts[0].genes["predicted"], atol=2e-3
    )
    # Twice the same model is the model; so is its average.
    pair = [library.load(params, weights) for _ in range(2)]
    settings = library.ExpressionSettings(rc=True, shifts=(0, 3))
    twice = library.evaluate_genes(pair, data_dir, genes, settings=settings)
    np.testing.assert_allclose(twice.values["preds"], found.values["preds"], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--contrast", "liver:bloood"], 1, "no group 'bloood' in the targets table; its groups"),
        (["--contrast", "liver"], 1, "compared as A:B"),
        (["--contrast", "liver:liver"], 1, "cannot be compared with itself"),
        (["--step", "2"], 1, "genes need every bin"),
    ],
)
def test_what_is_wrong_is_told(
    whelp: Callable[..., Result],
    line: list[Any],
    tmp_path: Path,
    options: list[str],
    code: int,
    words: str,
) -> None:
    result = whelp(*line, *options, "-o", tmp_path / "out")
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_options_of_genes_are_for_genes(
    whelp: Callable[..., Result], line: list[Any], tmp_path: Path
) -> None:
    result = whelp(*line[:4], "--contrast", "liver:blood", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "are for --genes" in result.output
