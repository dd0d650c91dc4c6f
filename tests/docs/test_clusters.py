"""The page on clusters, from BigWigs to a summary: its jobs are run as Slurm would run them."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from documents import ROOT, blocks, command_lines

_SBATCH = r"""#!/bin/bash
# Stands in for Slurm's program: runs the script at once, each job of an array after the other.
script="${!#}"
last=$(sed -n 's/^#SBATCH --array=1-//p' "$script")
for task in $(seq 1 "${last:-1}"); do
    SLURM_ARRAY_TASK_ID=$task bash "$script" >> logs/printed 2>&1 || exit 1
done
echo 1
"""


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "jax", reason="jobs know no backend")
def test_from_bigwigs_to_a_summary(documented: Path, run_line: Callable[..., str]) -> None:
    programs = documented / "programs"
    programs.mkdir()
    (programs / "sbatch").write_text(_SBATCH)
    (programs / "sbatch").chmod(0o755)
    shutil.rmtree("data")
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    page = (ROOT / "tutorials" / "clusters.md").read_text()
    start = page.index("## Slurm, from BigWigs")
    texts = [block.text for block in blocks(ROOT / "tutorials" / "clusters.md", "bash")]
    for line in command_lines("\n".join(text for text in texts if text in page[start:])):
        if line[0] == "whelp":
            run_line(line)
            continue
        done = subprocess.run(
            line, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        logs = "".join(log.read_text() for log in Path(line[1]).parent.glob("logs/printed"))
        assert done.returncode == 0, f"{shlex.join(line)}\n{done.stdout}{done.stderr}{logs}"
    assert Path("folds_data/report.html").exists()
    assert pd.read_csv("replicates/replicates.tsv", sep="\t")["status"].tolist() == ["finished"] * 3
    assert Path("scores/scores.h5").exists() and Path("scores/report.html").exists()
