"""`whelp score` with several adapters on one trunk, and with replicates."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

import whelp as package

LORA = {"mode": "adapter", "adapter": "lora_full", "adapter_latent": 2}
LOCON = {"mode": "adapter", "adapter": "locon", "conv_select": "all", "conv_latent": 2}


def scores_of(folder: Path) -> np.ndarray:
    with h5py.File(folder / "scores.h5") as file:
        return file["logSUM"][:]


@pytest.fixture
def adapted(score_line: list[Any], project: Any, tmp_path: Path) -> dict[str, Any]:
    """Adapted models by name; their adapters are in folders of these names."""
    models = {}
    for seed, (name, transfer) in enumerate([("first", LORA), ("second", LORA), ("deep", LOCON)]):
        model = package.adapt(package.load(score_line[1], score_line[2]), transfer)
        rng = np.random.default_rng(seed)
        for tensor in model.adapter_tensors().values():
            tensor.assign(rng.normal(size=tensor.shape) * 0.5)
        package.save_adapter(model, tmp_path / name / "adapter.safetensors")
        models[name] = model
    return models


def test_several_adapters(
    whelp: Callable[..., Any],
    score_line: list[Any],
    adapted: dict[str, Any],
    project: Any,
    tmp_path: Path,
) -> None:
    """Each has the scores that it has alone; what they leave alone is computed once, and said."""
    words = ["score", score_line[1], project.trunk, *score_line[3:]]
    several = [word for name in adapted for word in ("-a", tmp_path / name / "adapter.safetensors")]
    out = tmp_path / "out"
    result = whelp(*words, *several, "--no-report", "-o", out)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "computed once for first, second." in text
    assert "Nothing is shared with deep: layers that act locally differ." in text
    assert all(f"{name}: Largest logSUM" in text for name in adapted)
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    found = {}
    for name, model in adapted.items():
        wanted = package.score(model, *files)["logSUM"]
        found[name] = scores_of(out / name)
        np.testing.assert_allclose(found[name].ravel(), wanted, rtol=1e-4, atol=1e-6)
        with h5py.File(out / "scores.h5") as linked:
            np.testing.assert_array_equal(linked[name]["logSUM"], found[name])
    assert not np.allclose(found["first"], found["second"], rtol=1e-3)
    assert (out / "rejected.tsv").exists()
    before = (out / "deep" / "scores.h5").stat().st_mtime_ns
    assert whelp(*words, *several, "--no-report", "--resume", "-o", out).exit_code == 0
    assert (out / "deep" / "scores.h5").stat().st_mtime_ns == before


def test_replicates(
    whelp: Callable[..., Any], score_line: list[Any], adapted: dict[str, Any], tmp_path: Path
) -> None:
    """Scores, not predictions, are averaged."""
    weights = {name: tmp_path / f"{name}.h5" for name in ("first", "second")}
    for name, path in weights.items():
        package.save_weights(package.merge(adapted[name]), path)
    for name, path in weights.items():
        words = ["score", score_line[1], path, *score_line[3:], "--no-report", "-o"]
        assert whelp(*words, tmp_path / f"alone_{name}").exit_code == 0
    out = tmp_path / "out"
    words = ["score", score_line[1], weights["first"], *score_line[3:], "-o", out, "--table"]
    result = whelp(*words, "--vcf", "--replicate", weights["second"])
    assert result.exit_code == 0, result.output
    assert "averaged over 2 models" in result.output and "logSUM_sd" in result.output
    alone = [scores_of(tmp_path / f"alone_{name}") for name in weights]
    assert not np.allclose(*alone, rtol=1e-3)
    np.testing.assert_allclose(scores_of(out), np.mean(alone, axis=0), rtol=1e-6)
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    models = [package.load(score_line[1], path) for path in weights.values()]
    table = package.score(models, *files)
    np.testing.assert_array_equal(table["logSUM"], scores_of(out).ravel())
    spread = np.std(alone, axis=0, ddof=1)
    np.testing.assert_allclose(table["logSUM_sd"], spread.ravel(), rtol=1e-5)
    # The groups of the two merged tracks are these tracks themselves.
    groups = pd.DataFrame(table.attrs["groups"])
    np.testing.assert_allclose(groups["logSUM_sd"], spread.ravel(), rtol=1e-5)
    written = pd.read_csv(out / "scores.tsv.gz", sep="\t")
    np.testing.assert_allclose(written["logSUM_sd"], spread.ravel(), rtol=1e-4)
    best = np.abs(scores_of(out)).argmax(axis=1)
    with gzip.open(out / "scores.vcf.gz", "rt") as lines:
        found = [float(one) for one in re.findall(r"whelp_logSUM_sd=([^;\s]+)", lines.read())]
    np.testing.assert_allclose(found, spread[np.arange(len(best)), best], rtol=1e-4)
    assert "sd over replicates" in (out / "report.html").read_text()


def test_replicates_by_gene(
    whelp: Callable[..., Any], score_line: list[Any], adapted: dict[str, Any], tmp_path: Path
) -> None:
    """What is no score, such as a gene's share of bins, has no spread."""
    (tmp_path / "genes.gtf").write_text(
        'chr1\tx\texon\t3401\t3600\t.\t+\t.\tgene_id "one"; transcript_id "t";\n'
    )
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    models = [adapted["first"], adapted["deep"]]
    genes = tmp_path / "genes.gtf"
    both = package.score(models, *files, genes=genes)
    each = [package.score(model, *files, genes=genes)["logSED"] for model in models]
    assert "share_sd" not in both and len(both)
    np.testing.assert_allclose(both["logSED"], np.mean(each, axis=0), rtol=1e-4, atol=1e-7)
    wanted = np.std(each, axis=0, ddof=1)
    np.testing.assert_allclose(both["logSED_sd"], wanted, rtol=1e-3, atol=1e-7)
    assert both["logSED_sd"].max() > 1e-4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-t", "targets.txt", "-t", "targets.txt"], "3 tables and 0 adapters"),
        (["-a", "x/targets.txt", "-a", "x/targets.txt"], "two are alike: x, x"),
        (["-a", "targets.txt", "--replicate", "targets.txt"], "exclude each other"),
    ],
)
def test_what_does_not_go_together(
    whelp: Callable[..., Any], score_line: list[Any], tmp_path: Path, more: list, message: str
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "targets.txt").write_bytes((tmp_path / "targets.txt").read_bytes())
    more = [word if word.startswith("-") else tmp_path / word for word in more]
    result = whelp(*score_line, *more, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_a_trunk_is_not_given_a_random_head(
    whelp: Callable[..., Any], score_line: list[Any], project: Any, tmp_path: Path
) -> None:
    words = [*score_line[:2], project.trunk, *score_line[3:]]
    result = whelp(*words, "-o", tmp_path / "out")
    assert result.exit_code == 1 and "It looks like a trunk without a head" in result.stderr
    assert not (tmp_path / "out").exists()
