"""hound_eval_genes.py: the reference's files, exactly where asked, and without its faults."""

import importlib.resources
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

DropIn = Callable[..., tuple[int, str, str]]
_WINDOWS = Path(__file__).parents[1] / "data" / "hg38"
_TABLES = ("targets", "targets_norm", "preds", "preds_norm", "within", "var")


@pytest.fixture
def mini(golden: Path) -> tuple[Any, ...]:
    """The pretrained mini model, windows and genes, as they end a command line."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    genes = golden / "evalgenes/genes.gtf"
    return (folder / "params.json", folder / "model.h5", _WINDOWS, genes)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", index_col=0)


def assert_close(made: Path, wanted: Path, limit: float) -> None:
    """Compare tables: names exactly, numbers within a limit and a rounding step, gaps alike."""
    ours, theirs = read(made), read(wanted)
    assert made.read_bytes()[:2] == wanted.read_bytes()[:2]
    for axis in ("index", "columns"):
        assert getattr(ours, axis).tolist() == getattr(theirs, axis).tolist(), made
    for name in theirs:
        if pd.api.types.is_numeric_dtype(theirs[name]):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=limit, atol=limit)
        else:
            assert ours[name].tolist() == theirs[name].tolist(), name


@pytest.mark.parametrize("kind", ["exon", "span"])
def test_what_the_reference_writes(
    drop_in: DropIn, mini: tuple, golden: Path, tmp_path: Path, kind: str
) -> None:
    wanted = golden / "evalgenes" / kind
    groups = golden / "evalgenes/targets_group.txt"
    span = ["--span", "--save_span"] if kind == "span" else []
    line = ["--as_reference", "--pseudo_qtl", "0.05", *span, "-t", groups, "-o", tmp_path, *mini]
    code, out, err = drop_in("hound_eval_genes.py", *line)
    assert code == 0, err
    for name in _TABLES:
        assert_close(tmp_path / f"gene_{name}.tsv.gz", wanted / f"gene_{name}.tsv.gz", 2e-3)
    assert_close(tmp_path / "task_metrics.tsv", wanted / "task_metrics.tsv", 2e-4)
    assert_close(tmp_path / "gene_metrics.tsv", wanted / "gene_metrics.tsv", 5e-4)
    for name in ("genes.bed", "genes_all.bed"):
        assert (tmp_path / name).read_bytes() == (wanted / name).read_bytes()
    _assert_same_words(out, (wanted / "stdout.txt").read_text())
    if span:
        _assert_profiles(tmp_path, read(wanted / "gene_var.tsv.gz"))


def _assert_same_words(made: str, wanted: str) -> None:
    """Compare what is printed from the number of genes on; numbers nearly, remarks not at all."""
    lines = re.search(r"^\d+ genes$.*", wanted, re.M | re.S)[0].splitlines()
    lines = [line for line in lines if not line.startswith(("src/", "  gene_group_r"))]
    assert len(made.splitlines()) == len(lines)
    for ours, theirs in zip(made.splitlines(), lines, strict=True):
        (*words, number), (*others, other) = ours.split(" "), theirs.split(" ")
        if "genes" in theirs or not theirs:
            assert ours == theirs
        else:
            assert words == others
            assert float(number) == pytest.approx(float(other), abs=3e-4, nan_ok=True)


def _assert_profiles(folder: Path, variance: pd.DataFrame) -> None:
    assert len(list(folder.glob("gene_within/?/targets/*_targets.npy"))) == len(variance)
    for gene in variance.index[[0, -1]]:
        part = folder / "gene_within" / gene[-1]
        measured = np.load(part / "targets" / f"{gene}_targets.npy")
        predicted = np.load(part / "preds" / f"{gene}_preds.npy")
        assert measured.dtype == predicted.dtype == np.float16
        assert measured.shape == predicted.shape
        var = measured.astype(float).var(axis=0)
        np.testing.assert_allclose(var, variance.loc[gene], rtol=5e-3, atol=1e-3)


def test_all_windows_and_no_shared_exons(
    drop_in: DropIn, mini: tuple, golden: Path, tmp_path: Path
) -> None:
    code, out, err = drop_in("hound_eval_genes.py", "-o", tmp_path, *mini)
    assert code == 0, err
    assert out.startswith("32 genes\n")
    genes = read(tmp_path / "genes.tsv")
    assert genes.loc["G001"].tolist() == ["g1", "chr9", 68877451, 68878676, "+", 1225, 1.0, 0.0]
    # Its exons stand in the annotation; those that g7 overlaps are left out.
    assert genes.loc["G006", "length"] == (112450258 - 112449946) + (112451898 - 112451719)
    bed = (tmp_path / "genes.bed").read_text().splitlines()
    everything = (tmp_path / "genes_all.bed").read_text().splitlines()
    assert everything == (golden / "evalgenes/exon/genes_all.bed").read_text().splitlines()
    assert len(bed) == 77 and set(bed) < set(everything)
    # Without a column group, assays are the groups.
    assert set(read(tmp_path / "task_metrics.tsv")["group"]) == {"CAGE", "DNASE", "RNA", "RNA3"}
    # Genes that the reference sees, too, and that share nothing, have its measured coverage.
    assert 0 < genes.loc["G025", "shown"] < 0.3
    plain = read(tmp_path / "gene_targets.tsv.gz")
    reference = read(golden / "evalgenes/exon/gene_var.tsv.gz")
    made = read(tmp_path / "gene_var.tsv.gz")
    np.testing.assert_allclose(made.loc["G001"], reference.loc["G001"], atol=2e-3)
    assert list(plain.columns) == list(reference.columns)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--pseudo_qtl": "50"}, "pseudo_quantile must be from 0 to 1; received 50"),
        ({"--split": "tset"}, "no file matches 'tset-*.tfr'"),
        ({"genes": 'chr30\tx\texon\t5\t9\t.\t+\t.\tgene_id "a";\n'}, "none of 1 genes"),
        ({"genes": 'chr9\tx\tgene\t5\t9\t.\t+\t.\tgene_id "a";\n'}, "no lines of the type 'exon'"),
        ({"targets": "\tidentifier\tdescription\n0\ta\tCAGE:a\n"}, "sum_stat"),
        ({"targets": "\tidentifier\tdescription\n99\ta\tCAGE:a\n"}, "track number 99 is not in"),
    ],
)
def test_what_is_wrong_is_told(
    drop_in: DropIn, mini: tuple, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    line, files = [], list(mini)
    for name, value in change.items():
        if name.startswith("--"):
            line += [name, value]
            continue
        (tmp_path / f"{name}.txt").write_text(value)
        if name == "genes":
            files[-1] = tmp_path / "genes.txt"
        else:
            line += ["-t", tmp_path / "targets.txt"]
    code, _, err = drop_in("hound_eval_genes.py", *line, "-o", tmp_path / "out", *files)
    assert code == 1
    assert words in err and "--debug" not in err, err
