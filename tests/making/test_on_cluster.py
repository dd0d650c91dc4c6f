"""Data sets made by Dask's workers, which are killed on the way."""

import os
import random
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from whelp.making import Progress, make_data
from whelp.making import pieces as pieces_module

pytest.importorskip("distributed")
KILLS = 10


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _victims() -> list[psutil.Process]:
    """Workers of Dask, and the processes in which they do their jobs."""
    below = psutil.Process().children(recursive=True)
    return [each for each in below if "resource_tracker" not in " ".join(each.cmdline())]


def test_ten_kills_leave_no_trace(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from whelp.cluster import open_runner

    settings = replace(project.settings, keep_coverage=True, seqs_per_tfr=1)
    whole = make_data(project.genome, project.targets, project.folder / "whole", settings)
    monkeypatch.setattr(pieces_module, "_WINDOWS", 2)
    draw, killed = random.Random(7), []

    def kill(step: Progress) -> None:
        """Kills at ten moments of the run, those of records included."""
        if step.done % 5 == 3 and len(killed) < KILLS:
            victim = draw.choice(_victims())
            killed.append(victim.cmdline())
            os.kill(victim.pid, signal.SIGKILL)

    out = project.folder / "out"
    with open_runner("local", workers=2, gpus=False) as runner:
        make_data(project.genome, project.targets, out, settings, runner=runner, progress=kill)
    assert len(killed) == KILLS
    assert _contents(out) == _contents(whole.path)
