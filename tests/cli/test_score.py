"""`whelp score` and `whelp.score`, with a tiny model on a random genome."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

import whelp as package
from whelp.genome import dna
from whelp.scoring.variant_scores import ScoreSettings


@pytest.fixture
def line(score_line: list[Any]) -> list[Any]:
    """The command's words without the folder; see `score_line`."""
    return score_line


def other(base: str) -> str:
    return "ACGT"["CATG".index(base)]


def add_indels(folder: Path) -> None:
    """Add insertions, as second alternates, and a deletion."""
    bases = (folder / "genome.fa").read_text().splitlines()[1]
    vcf = folder / "variants.vcf"
    rows = [row.split("\t") for row in vcf.read_text().splitlines()]
    lines = ["\t".join(rows[0])]
    lines += ["\t".join([*row[:4], f"{row[4]},{row[3]}GAT"]) for row in rows[1:]]
    lines.append(f"chr1\t5601\tlost\t{bases[5600:5605]}\t{bases[5600]}")
    vcf.write_text("\n".join(lines) + "\n")


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "scores.h5") as file:
        return {name: data[:] for name, data in file.items()}


def by_hand(line: list[Any], folder: Path, *, flip: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of both alleles of the first substitution, in linear units, strands added."""
    model = package.load(line[1], line[2])
    bases = (folder / "genome.fa").read_text().splitlines()[1]
    start, length = 3001 - 1024, 2048
    both = []
    for base in (bases[3000], other(bases[3000])):
        text = bases[start:3000] + base + bases[3001 : start + length]
        x = dna.one_hot(dna.encode(text))[None]
        squashed = np.asarray(model(x))[0, :, :3].astype(float)
        # sum_sqrt: y = sqrt(1 + x) - 1, below the soft clip; the third is not squashed.
        assert squashed.max() < 32
        squashed[:, :2] = (squashed[:, :2] + 1) ** 2 - 1
        both.append(np.stack([squashed[:, 0] + squashed[:, 1], squashed[:, 2]], axis=1))
    return both[0], both[1]


def test_scores_are_those_of_full_passes(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """Strands are merged in linear units before logs and norms."""
    out = tmp_path / "out"
    add_indels(tmp_path)
    result = whelp(*line, "--stats", "logSUM,logSED,D2,REF", "--table", "-o", out)
    assert result.exit_code == 0, result.output
    assert "7 variants scored" in result.output and "1 variants cannot" in result.stderr
    assert "computed incrementally" in result.output
    ref, alt = by_hand(line, tmp_path)
    wanted = {
        "logSUM": (np.log2(1 + alt) - np.log2(1 + ref)).sum(axis=0),
        "logSED": np.log2(1 + alt.sum(axis=0)) - np.log2(1 + ref.sum(axis=0)),
        "D2": np.sqrt(((alt - ref) ** 2).sum(axis=0)),
    }
    made = read(out)
    assert made["target_ids"].tolist() == [b"up+", b"open"]
    for name, values in wanted.items():
        assert made[name].dtype == np.float32 and made[name].shape == (7, 2)
        np.testing.assert_allclose(made[name][0], values, rtol=1e-3, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(made["REF"][0, 0], ref, rtol=1e-5)
    # The table says the same, and so does the list of the largest.
    table = pd.read_csv(out / "scores.tsv.gz", sep="\t")
    assert list(table)[5:] == ["track", "description", "logSUM", "logSED", "D2"]
    assert table["pos"].tolist()[:4] == [3001] * 4
    np.testing.assert_allclose(table["D2"], made["D2"].reshape(-1), rtol=1e-5)
    best = np.unravel_index(np.abs(made["logSUM"]).argmax(), (7, 2))
    first = next(row for row in result.output.splitlines() if re.match(r" ?(v\d|lost)", row))
    assert first.split()[0] == made["snp"][best[0]].decode()
    assert first.split()[4] == made["target_ids"][best[1]].decode()


def test_swapped_alleles_change_the_sign(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    assert whelp(*line, "--stats", "logSUM,D1", "-o", tmp_path / "a").exit_code == 0
    vcf = tmp_path / "variants.vcf"
    rows = [row.split("\t") for row in vcf.read_text().splitlines()]
    vcf.write_text("".join("\t".join([*row[:3], row[4], row[3]]) + "\n" for row in rows))
    assert whelp(*line, "--stats", "logSUM,D1", "-o", tmp_path / "b").exit_code == 0
    one, swapped = read(tmp_path / "a"), read(tmp_path / "b")
    assert one["logSUM"].all() and len(one["logSUM"]) == 3
    np.testing.assert_array_equal(one["logSUM"], -swapped["logSUM"])
    np.testing.assert_array_equal(one["D1"], swapped["D1"])


def test_existing_scores(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert whelp(*line, "--table", "-o", out).exit_code == 0
    written = (out / "scores.h5").read_bytes()
    refused = whelp(*line, "-o", out)
    assert refused.exit_code == 1 and "holds scores. Go on with them (--resume)" in refused.stderr
    again = whelp(*line, "-o", out, "--resume")
    assert again.exit_code == 0 and "3 variants had been scored before" in again.output
    other = whelp(*line, "-o", out, "--resume", "--rc")
    assert other.exit_code == 1 and "is of another run" in other.stderr
    assert (out / "scores.h5").read_bytes() == written
    assert whelp(*line, "-o", out, "--overwrite", "--rc").exit_code == 0
    assert (out / "scores.h5").read_bytes() != written
    # Nor is the table left, which is of the scores that were replaced.
    assert {path.suffix for path in out.iterdir()} == {".h5", ".html", ".tsv"}
    both = whelp(*line, "-o", out, "--overwrite", "--resume")
    assert both.exit_code == 2


def test_unfinished_scores(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = out / ".scores.unfinished"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"rc": True}))
    (folder / "rows").write_bytes(b"")
    refused = whelp(*line, "-o", out)
    assert refused.exit_code == 1 and "holds scores of a run that was stopped" in refused.stderr
    other = whelp(*line, "-o", out, "--resume")
    assert other.exit_code == 1 and "of another run (it differs in adapter" not in other.stderr
    assert "unfinished scores of another run (it differs in" in other.stderr
    assert folder.exists()
    assert whelp(*line, "-o", out, "--overwrite").exit_code == 0
    assert not folder.exists()


def test_strict(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    result = whelp(*line, "--strict", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "outside (chr1:9001 A>C) cannot be scored: it reaches beyond the end" in result.stderr
    assert not list((tmp_path / "out").iterdir())


def test_from_python(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """The same numbers, also from a data frame; what cannot be scored comes along."""
    assert whelp(*line, "--stats", "logD2", "--rc", "-o", tmp_path / "out").exit_code == 0
    model = package.load(line[1], line[2])
    genome, targets = tmp_path / "genome.fa", tmp_path / "targets.txt"
    settings = ScoreSettings(statistics=("logD2",), rc=True)
    table = package.score(model, tmp_path / "variants.vcf", genome, targets, settings=settings)
    np.testing.assert_array_equal(table["logD2"], read(tmp_path / "out")["logD2"].reshape(-1))
    assert table.attrs["rejected"]["id"] == ["outside"]
    frame = table.loc[:3, ["chrom", "pos", "id", "ref", "alt"]].drop_duplicates()
    from_frame = package.score(model, frame, genome, targets, settings=settings)
    np.testing.assert_array_equal(from_frame["logD2"], table["logD2"][:4])
    assert not from_frame.attrs["rejected"]
    assert len(pd.concat([table, from_frame])) == len(table) + 4
    with pytest.raises(ValueError, match="'logSAD' is not a statistic"):
        package.score(model, frame, genome, targets, statistics=["logSAD"])


def test_adapter_on_its_base(
    whelp: Callable[..., Any], line: list[Any], project: Any, tmp_path: Path
) -> None:
    params, weights = line[1:3]
    (tmp_path / "variants.vcf").write_text("chr1 3001 a {} {}\n".format(*_substitution(tmp_path)))
    adapted = package.adapt(
        package.load(params, weights), {"mode": "adapter", "adapter": "lora", "adapter_latent": 2}
    )
    for tensor in adapted.adapter_tensors().values():
        tensor.assign(np.random.default_rng(1).normal(size=tensor.shape))
    package.save_adapter(adapted, tmp_path / "adapter.safetensors")
    more = ("--adapter", tmp_path / "adapter.safetensors", "-o", tmp_path / "out")
    result = whelp("score", params, project.trunk, *line[3:], *more)
    assert result.exit_code == 0, result.output
    files = [tmp_path / name for name in ("variants.vcf", "genome.fa", "targets.txt")]
    wanted = package.score(adapted, *files)["logSUM"]
    assert (wanted != 0).all()
    np.testing.assert_allclose(read(tmp_path / "out")["logSUM"][0], wanted, rtol=1e-4)


def test_the_model_says_how_targets_were_squashed(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """A word on the command line counts where the model says nothing, and must not contradict."""

    def run(name: str, *options: str) -> Any:
        return whelp(*line, *options, "-o", tmp_path / name)

    assert "the new transform is undone, as neither" in run("nothing").output
    assert "Targets:" not in run("asked", "--transform-old").output
    params = json.loads(Path(line[1]).read_text())
    params["model"]["target_transform"] = "old"
    Path(line[1]).write_text(json.dumps(params))
    assert "the old transform is undone, as the model says" in run("said").output
    assert run("both", "--transform-old").exit_code == 0
    nothing, asked, said, both = (
        read(tmp_path / name)["logSUM"] for name in ("nothing", "asked", "said", "both")
    )
    np.testing.assert_array_equal(said, asked)
    np.testing.assert_array_equal(said, both)
    assert np.abs(said - nothing).max() > 0.01 * np.abs(said).max()
    refused = run("other", "--transform-new")
    assert refused.exit_code == 1 and not (tmp_path / "other").exists()
    assert "model says that its targets were squashed in the old way" in refused.stderr


def _substitution(folder: Path) -> tuple[str, str]:
    base = (folder / "genome.fa").read_text().splitlines()[1][3000]
    return base, other(base)


def test_variants_in_windows_of_a_training(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """The parameters name them: the terminal, the file and the report say what lies there."""
    params = Path(line[1])
    content = json.loads(params.read_text())
    # Whose chromosome has its other name.
    (params.parent / "trunk.bed").write_text(
        "1\t0\t3000\ttrain\n1\t3000\t3001\ttrain\n1\t3001\t9000\ttest\n1\t0\t9\tvalid\n"
    )
    content["model"]["provenance"] = {"windows": {"pretraining": "trunk.bed"}}
    params.write_text(json.dumps(content))
    result = whelp(*line, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    scores = read(tmp_path / "out")
    expected = scores["pos"] <= 3001
    np.testing.assert_array_equal(scores["in_training"], expected)
    assert 0 < expected.sum() < len(expected)
    sentence = (
        f"{expected.sum()} of {len(expected)} variants lie in windows of the model's pretraining "
        "(trunk.bed)"
    )
    assert sentence in result.output.replace("\n", " ")
    assert sentence in html.unescape((tmp_path / "out/report.html").read_text())
    with h5py.File(tmp_path / "out/scores.h5") as file:
        said = json.loads(file.attrs["training_windows"])
    assert said == {"seen": {"pretraining": expected.sum()}, "sentences": [sentence]}
