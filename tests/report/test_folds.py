"""The report of replicates on folds."""

from pathlib import Path

import pandas as pd

from whelp.report.folds import FoldTables, folds_report

ROW = {"valid_fold": 1, "cross": 0, "leak": "", "epochs": 2, "best_epoch": 1, "seconds": 3.0}
WHY = "the file is damaged; " * 20


def test_why_a_replicate_failed_stands_in_one_place(tmp_path: Path) -> None:
    """A long message in a table would press its column to a letter's width."""
    numbers = {"pearsonr": 0.5, "r2": 0.2, "valid_pearsonr": 0.4}
    finished = {"replicate": "f0c0", "fold": 0, "status": "finished", **ROW, **numbers}
    failed = {"replicate": "f1c0", "fold": 1, "status": "failed", **ROW, "message": WHY}
    tracks = pd.DataFrame(
        {"identifier": ["a"], "description": ["RNA:a"], "pearsonr": 0.5, "pearsonr_sd": 0.0}
    ).assign(r2=0.2, r2_sd=0.0, replicates=1)
    tables = FoldTables(
        replicates=pd.DataFrame([finished, failed]),
        tracks=tracks,
        remarks=[f"f1c0: failed: {WHY.strip()}", "f1c0: read it again."],
    )
    text = folds_report(tables, tmp_path / "report.html", title="Replicates").read_text()
    assert text.count(WHY.strip()) == 1
    assert "read it again.<" in text and "again..<" not in text
    assert ">failed<" in text and "1 failed" in text
