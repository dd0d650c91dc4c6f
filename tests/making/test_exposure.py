"""What a model has been trained on, counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from whelp.making.exposure import ExposureCount, read_exposures
from whelp.specs import ModelSpec

_LINES = (
    "chr1\t100\t200\tfold0\n"
    "chr1\t150\t300\tfold1\n"  # overlaps with the first
    "chr1\t400\t500\tfold3\n"
    "chr2\t0\t50\tfold4\n"
)


def spec(tmp_path: Path, provenance: dict, text: str = _LINES, heads: int = 1) -> ModelSpec:
    (tmp_path / "trunk.bed").write_text(text)
    section = {
        "seq_length": 16,
        "activation": "relu",
        "trunk": [{"name": "conv_block", "filters": 2}],
        "provenance": provenance,
    }
    section |= {f"head_{n}": {"name": "final", "units": 1} for n in range(heads)}
    return ModelSpec.parse(section).located(tmp_path)


def seen(model: ModelSpec, *intervals: tuple[str, int, int]) -> tuple[list[bool], list[str]]:
    count = ExposureCount(read_exposures(model, "head_0"))
    chroms, starts, ends = zip(*intervals, strict=True)
    found = count.add(np.array(chroms), np.array(starts), np.array(ends))
    return found.tolist(), count.sentences("variants")


def test_intervals_that_share_a_base(tmp_path: Path) -> None:
    """Half-open ends, names without chr, windows that overlap, chromosomes that were held out."""
    model = spec(tmp_path, {"windows": "trunk.bed"})
    found, sentences = seen(
        model,
        ("chr1", 99, 100),
        ("chr1", 99, 101),
        ("1", 299, 300),
        ("chr1", 300, 400),
        ("chr1", 400, 401),
        ("chr2", 0, 10),
    )
    assert found == [False, True, True, False, False, False]
    assert sentences == [
        "2 of 6 variants lie in windows of the model's training (trunk.bed; fold3 and fold4 taken "
        "to be held out)"
    ]


def test_only_held_out_chromosomes(tmp_path: Path) -> None:
    model = spec(tmp_path, {"windows": "trunk.bed"})
    assert seen(model, ("chr2", 0, 10))[1][0].startswith("0 of 1 variants lie in")
    assert "trunk.bed has other chromosomes (chr1, chr2)" in seen(model, ("chrX", 0, 1))[1][0]


def test_labels_that_the_model_names(tmp_path: Path) -> None:
    model = spec(tmp_path, {"windows": "trunk.bed", "held_out": ["fold0"]})
    found, (sentence,) = seen(model, ("chr1", 110, 120), ("chr1", 450, 451))
    assert found == [False, True]
    assert sentence.endswith("1 of 2 variants lie in windows of the model's training (trunk.bed)")


def test_windows_of_other_heads_are_of_other_genomes(tmp_path: Path) -> None:
    windows = {"head_0": "trunk.bed", "head_1": "mouse.bed", "pretraining": "all but fold 3"}
    found, sentences = seen(spec(tmp_path, {"windows": windows}, heads=2), ("chr1", 100, 101))
    assert found == [True]
    assert sentences[0].startswith("1 of 1 variants lie in windows of the model's training of head")
    assert sentences[1].endswith(
        "not known: its provenance says 'all but fold 3'; there is no such file"
    )
    assert len(sentences) == 2


@pytest.mark.parametrize("text", ["chr1\t5\n", "chr1\t5\t9\tsome\n", ""])
def test_files_that_are_no_windows(tmp_path: Path, text: str) -> None:
    """A model with a damaged file of windows still predicts; what is wrong is said."""
    found, (sentence,) = seen(spec(tmp_path, {"windows": "trunk.bed"}, text), ("chr1", 5, 6))
    assert found == [False]
    assert "is not known" in sentence and "trunk.bed" in sentence


def test_nothing_is_known(tmp_path: Path) -> None:
    assert seen(spec(tmp_path, {"licence": "MIT"}), ("chr1", 5, 6)) == ([False], [])
