"""Undoing what was done to targets: the reference's arrays, inverses, and hand-worked numbers."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from whelp.making.pooling import TrackSettings, pool_window
from whelp.scoring.errors import ScoreError
from whelp.scoring.untransform import Untransform, is_old
from whelp.specs import ModelSpec, SpecError, TargetsTable


def _table(tmp_path: Path, *rows: str) -> TargetsTable:
    """Rows: identifier, sum_stat, clip_soft and scale, separated by spaces; NA for none."""
    lines = ["\tidentifier\tsum_stat\tclip_soft\tscale"]
    lines += ["\t".join([str(at), *row.split()]) for at, row in enumerate(rows)]
    path = tmp_path / "targets.txt"
    path.write_text("\n".join(lines) + "\n")
    return TargetsTable.read(path)


@pytest.mark.parametrize(
    ("old", "unscale", "unclip"), list(itertools.product([False, True], repeat=3))
)
def test_arrays_are_the_reference_s(
    functions: Path, old: bool, unscale: bool, unclip: bool
) -> None:
    arrays = np.load(functions / "functions.npz")
    predictions = arrays["untransform_in"]
    before = predictions.copy()
    targets = TargetsTable.read(functions / "targets.txt")
    untransform = Untransform(targets, old=old, unscale=unscale, unclip=unclip)
    name = f"untransform_preds{'1' if old else ''}_unscale{unscale}_unclip{unclip}"
    made = untransform(predictions)
    # Some of the reference's are of float32, where 1 + x - 1 loses what is small.
    np.testing.assert_allclose(made, arrays[name], rtol=1e-6, atol=1e-6)
    # The reference's changes its argument where nothing is unclipped.
    np.testing.assert_array_equal(predictions, before)
    np.testing.assert_array_equal(untransform(np.stack([predictions] * 3)), [made] * 3)


def test_new_targets_by_hand(tmp_path: Path) -> None:
    targets = _table(tmp_path, "a sum NA NA", "b mean 10 2", "c sum_sqrt 10 4", "d sum_exp75 NA 1")
    made = Untransform(targets, old=False)(np.array([[7.0, 12, 12, 7], [0, 10, 3, 0]]))
    # b: 10 - 1 + 3^2; c: (18 + 1)^2 - 1; d: 8^(4/3) - 1
    np.testing.assert_allclose(made, [[7, 18, 360, 15], [0, 10, 15, 0]])
    made = Untransform(targets, old=False, unscale=True)(np.array([7.0, 12, 12, 7]))
    np.testing.assert_allclose(made, [7, 9, 90, 15])


def test_old_targets_by_hand(tmp_path: Path) -> None:
    targets = _table(tmp_path, "a sum NA NA", "b mean 10 2", "c sum_sqrt 4 0.5")
    # b: 26 / 2 = 13, 10 + 3^2; c: 4 / 0.5 = 8, 4 + 4^2, to the power of 4/3
    made = Untransform(targets, old=True)(np.array([7.0, 26, 4]))
    np.testing.assert_allclose(made, [7, 38, 0.5 * 20 ** (4 / 3)])


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("sum_stat", ["sum", "sum_sqrt", "mean_sqrt", "sum_exp75", "max"])
def test_undoes_what_makes_targets(tmp_path: Path, old: bool, sum_stat: str) -> None:
    """The reference leaves sum_exp75 as it is."""
    scale, soft = 0.5, 8.0
    coverage = np.linspace(0, 300, 64)
    settings = TrackSettings(sum_stat, scale=scale, clip_soft=soft, pool_width=1, transform_old=old)
    targets = pool_window(coverage.copy(), settings).targets
    table = _table(tmp_path, f"a {sum_stat} {soft} {scale}")
    made = Untransform(table, old=old, unscale=True)(targets[:, None].astype(np.float32))
    np.testing.assert_allclose(made[:, 0], coverage, rtol=0.01, atol=0.01)


def test_the_model_s_word_counts() -> None:
    model = {"seq_length": 64, "activation": None, "trunk": [{"name": "conv_dna"}]}
    model["head_a"] = {"name": "final", "units": 1}
    nothing, old, new = (
        ModelSpec.parse({**model, "target_transform": said}) for said in (None, "old", "new")
    )
    assert [is_old(spec) for spec in (nothing, old, new)] == [False, True, False]
    assert is_old(nothing, True) and is_old(old, True) and not is_old(new, False)
    for spec, asked in ((old, False), (new, True)):
        with pytest.raises(ScoreError, match="targets were squashed in the"):
            is_old(spec, asked)


def test_tables_that_do_not_say_how(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"targets.txt: row 1.sum_stat: the value is missing"):
        Untransform(_table(tmp_path, "a sum NA 1", "b NA NA 1"), old=False)
    with pytest.raises(SpecError, match=r"row 0.scale: got 0.*expected a number above 0"):
        Untransform(_table(tmp_path, "a sum NA 0"), old=True)


def test_other_numbers_of_tracks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected 1 tracks.*\(5, 3\)"):
        Untransform(_table(tmp_path, "a sum NA 1"), old=False)(np.zeros((5, 3)))
