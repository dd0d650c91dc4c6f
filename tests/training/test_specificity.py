"""What sets tracks apart from their group, by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from whelp.data import Dataset, from_arrays
from whelp.training.specificity import (
    SpecificitySettings,
    evaluate_specificity,
    track_groups,
)

# Strand pairs that are no neighbours; a group with some strands; one of a single track.
_PAIRS = [2, 3, 0, 1, 4, 6, 5, 7]
_NAMES = ["a+", "b+", "a-", "b-", "c", "d+", "d-", "e"]
_GROUPS = ["one"] * 4 + ["two"] * 3 + ["three"]


class Noisy:
    """Predicts what was measured with noise; windows are told apart by their first bases."""

    def __init__(self, predicted: np.ndarray) -> None:
        self._predicted = predicted

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self._predicted[x[:, :4].argmax(-1) @ [64, 16, 4, 1]]


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(2)
    windows = 7
    bases = rng.integers(0, 4, (windows, 32))
    bases[:, :4] = [[0, 0, number // 4, number % 4] for number in range(windows)]
    measured = rng.gamma(1.0, 2.0, (windows, 6, 8)).round(1).astype(np.float16)
    targets = pd.DataFrame({"identifier": _NAMES, "description": _NAMES, "group": _GROUPS})
    return from_arrays(
        np.eye(4, dtype=np.float32)[bases],
        measured,
        targets=targets.assign(strand_pair=_PAIRS),
        batch_size=3,
    )


@pytest.fixture
def predicted(data: Dataset) -> np.ndarray:
    measured = data.arrays()[1].astype(np.float32)
    noise = np.random.default_rng(5).normal(size=measured.shape).round(1).astype(np.float32)
    return measured + 2 * noise


def _specific(values: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    """Columns of stacked tracks, normalised, less their mean; equal values get a mean."""
    columns = [np.concatenate([values[:, track] for track in tracks]) for tracks in groups]
    level = np.mean([np.sort(column) for column in columns], axis=0)
    normal = []
    for column in columns:
        ordered = np.sort(column)
        ties = {value: level[ordered == value].mean() for value in set(column.tolist())}
        normal.append([ties[value] for value in column.tolist()])
    return np.array(normal) - np.mean(normal, axis=0)


@pytest.mark.parametrize("step", [1, 2])
def test_by_hand(data: Dataset, predicted: np.ndarray, tmp_path: Path, step: int) -> None:
    settings = SpecificitySettings(group_min=2, rank=True, step=step)
    seen: list[Any] = []
    found = evaluate_specificity(
        Noisy(predicted),
        data,
        settings,
        scratch=tmp_path,
        sink=lambda *values: seen.append(values),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[1::2] == [(3, 7), (6, 7), (7, 7)]
    assert seen[0][0].shape == seen[0][1].shape == (3, 6 // step, 8)
    assert not list(tmp_path.iterdir())
    assert found["identifier"].tolist() == _NAMES and found["group"].tolist() == _GROUPS
    assert found["pearsonr"].isna().tolist() == [False] * 7 + [True]
    sides = [
        values[:, ::step].astype(float).reshape(-1, 8) for values in (data.arrays()[1], predicted)
    ]
    for columns in ([[0, 2], [1, 3]], [[4], [5], [6]]):
        measured, guessed = (_specific(values, columns) for values in sides)
        for at, tracks in enumerate(columns):
            ranks = [pd.Series(values[at]).rank() for values in (measured, guessed)]
            for track in tracks:
                r = np.corrcoef(measured[at], guessed[at])[0, 1]
                assert found["pearsonr"][track] == pytest.approx(r)
                assert found["spearmanr"][track] == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_most_variable_positions(data: Dataset, predicted: np.ndarray, tmp_path: Path) -> None:
    settings = SpecificitySettings(groups=["two"], group_min=2, var_share=0.25)
    found = evaluate_specificity(Noisy(predicted), data, settings, scratch=tmp_path)
    assert found["pearsonr"].notna().tolist() == [False] * 4 + [True] * 3 + [False]
    raw = data.arrays()[1].astype(float).reshape(-1, 8)
    variance = raw[:, 4:7].var(axis=1)
    kept = variance >= np.percentile(variance, 75)
    columns = [[4], [5], [6]]
    measured = _specific(raw, columns)[:, kept]
    guessed = _specific(predicted.reshape(-1, 8).astype(float), columns)[:, kept]
    for at in range(3):
        r = np.corrcoef(measured[at], guessed[at])[0, 1]
        assert found["pearsonr"][4 + at] == pytest.approx(r)


def test_groups_of_tracks_without_the_column() -> None:
    words = ["CAGE:a, b", "CHIP:H3K27ac:liver", "CHIP:CTCF:liver", "a track", "RNA:x:y"]
    groups = track_groups(pd.DataFrame({"description": words}))
    assert groups.tolist() == ["CAGE", "CHIP/H3K27ac", "CHIP/CTCF", "*", "RNA"]
    given = track_groups(pd.DataFrame({"description": words, "group": [1, 2, 1, None, 2]}))
    assert given[3] is None and given[0] == given[2] != given[1]
