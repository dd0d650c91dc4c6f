"""The part of a report that is about genes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whelp.report import ContrastSummary, GeneSummary, RunSummary, training_report


def summary(groups: int, contrasts: int = 0) -> RunSummary:
    rng = np.random.default_rng(0)
    names = [f"group{number:02}" for number in range(groups)]
    tracks = pd.DataFrame(
        {
            "identifier": [f"t{number}" for number in range(2 * groups)],
            "group": names * 2,
            "pearsonr": 0.75,
            "pearsonr_norm": rng.uniform(-1, 1, 2 * groups),
            "pearsonr_gene": np.nan,
        }
    )
    changes = pd.DataFrame(rng.normal(size=(50, 2)), columns=["measured", "predicted"])
    parts = [
        ContrastSummary(f"a:b{number}", changes, 1.0, 7, 0, 0.5, 0.4, 0.625, np.nan)
        for number in range(contrasts)
    ]
    return RunSummary("toy", genes=GeneSummary(50, tracks, parts, reaching=3))


def page(run: RunSummary, folder: Path) -> str:
    return training_report(run, folder / "report.html").read_text()


def test_numbers_figures_and_what_is_missing(tmp_path: Path) -> None:
    text = page(summary(3, contrasts=2), tmp_path)
    assert "50 genes, mean over 6 tracks" in text and "3 of them reach into training" in text
    # Along genes there is no number: no figure, and dashes in the table.
    assert text.count("<svg") == 2 + 2
    for words in ("a:b0", "a:b1", "0.625", "group02", "Along genes"):
        assert words in text
    assert 'aria-label="Pearson r across genes of every track; means: group00 0.750' in text
    assert "nan" not in text.partition("<script>")[0].lower()


@pytest.mark.parametrize(("groups", "figures"), [(16, 2), (17, 0)])
def test_many_groups_are_a_table(tmp_path: Path, groups: int, figures: int) -> None:
    text = page(summary(groups), tmp_path)
    assert text.count("<svg") == figures
    assert f"group{groups - 1}" in text and ("upright line" in text) == bool(figures)
    assert "Change between groups" not in text
