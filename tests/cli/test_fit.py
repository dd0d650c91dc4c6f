"""`whelp fit` on a genome in miniature: what is refused, what is kept, and going on after kills."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from whelp.genome import dna
from whelp.genome.bigwig import write_bigwig_values

CONTIGS = {"chrA": 30_000, "chrB": 5_000, "chrC": 5_000}


@pytest.fixture
def line(project: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A fit of a strand pair, begun in the folder of the files, without report."""
    rng = np.random.default_rng(4)
    sequences = {name: rng.integers(0, 4, size).astype("uint8") for name, size in CONTIGS.items()}
    text = "".join(f">{name}\n{dna.decode(bases)}\n" for name, bases in sequences.items())
    (project.folder / "genome.fa").write_text(text)
    for strand in ("plus", "minus"):
        values = [(name, rng.gamma(1.0, 1.0, size)) for name, size in CONTIGS.items()]
        write_bigwig_values(project.folder / f"s_RNA.{strand}.bw", CONTIGS, values)
    monkeypatch.chdir(project.folder)
    files = ("--model", project.params(), "--weights", project.trunk, "--genome", "genome.fa")
    return ["fit", *files, "--test", "chrC", "--valid", "chrB", "--processes", 1, "-o", "run"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give the tracks"),
        (["--tracks", "*.bw", "--targets", "genome.fa"], "not both"),
        (["--tracks", "*.bw", "--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_options_that_contradict(
    options: list[str], message: str, whelp: Callable, line: list[Any]
) -> None:
    result = whelp(*line, *options)
    assert result.exit_code == 2 and message in result.output


def test_a_plan_says_what_was_assumed_and_writes_nothing(
    whelp: Callable, line: list[Any], project: Any
) -> None:
    result = whelp(*line, "--tracks", "*.bw", "--plan")
    assert result.exit_code == 0, result.output
    assert "30 million fragments assumed for s_RNA" in result.output
    assert "test windows may have been seen in pretraining" in result.output
    assert "29 train, 4 valid, 4 test" in result.output
    assert not (project.folder / "run").exists()


def test_a_mistake_does_not_cost_the_data(whelp: Callable, line: list[Any], project: Any) -> None:
    out, minus = project.folder / "run", project.folder / "s_RNA.minus.bw"
    assert whelp("targets", "s_RNA.plus.bw", minus.name, "-o", "targets.txt").exit_code == 0
    lengths = ("-l", 2048, "-c", 512, "-w", 16, "-p", 1, "-t", "chrC", "-v", "chrB")
    made = whelp("data", "genome.fa", "targets.txt", "-o", out / "data", *lengths)
    assert made.exit_code == 0, made.output
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    minus.write_bytes(minus.read_bytes()[:3000])
    for options in (["--overwrite"], ["--overwrite", "--plan"]):
        result = whelp(*line, "--targets", "targets.txt", *options)
        assert result.exit_code == 1 and "cut short" in result.output, result.output
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_killed_fit_goes_on(
    start_whelp: Callable[..., Any], whelp: Callable, line: list[Any], project: Any
) -> None:
    whole = [*line, "--tracks", "*.bw"]
    for options, words in ((["--assay", "RNA"], "reading tracks"), (["--resume"], "epoch   1")):
        process = start_whelp(*whole, *options)
        for printed in process.stdout:
            if printed.startswith(words):
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
    again = whelp(*whole)
    assert again.exit_code == 1 and "Go on with it (--resume)" in again.output
    result = whelp(*whole, "--resume")
    assert result.exit_code == 0, result.output
    run = project.folder / "run"
    assert pd.read_csv(run / "log.csv")["epoch"].tolist() == [1, 2]
    assert len(pd.read_table(run / "test" / "acc.txt")) == 2
    page, data_page = Path(run / "report.html").read_text(), run / "data" / "report.html"
    assert "30 million fragments assumed for s_RNA" in page and data_page.exists()
