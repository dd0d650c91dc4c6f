"""`whelp score` by several workers or jobs: what they make together is what one makes alone."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import whelp as package
from whelp.cli.score_display import ScoreBar

NUMBER = 300


@pytest.fixture
def line(score_line: list[Any], tmp_path: Path) -> list[Any]:
    """The command's words without the folder: 300 variants in 5 pieces, and one that is unfit."""
    bases = (tmp_path / "genome.fa").read_text().splitlines()[1]
    lines = ["chr1\t9001\toutside\tA\tC\n"]
    for at in range(3000, 3000 + 10 * NUMBER, 10):
        lines.append(f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{'ACGT'['CATG'.index(bases[at])]}\n")
    (tmp_path / "variants.vcf").write_text("".join(lines))
    return [*score_line, "--stats", "logSUM,D2"]


@pytest.fixture
def alone(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> dict[str, Any]:
    """What one process makes."""
    result = whelp(*line, "-o", tmp_path / "alone", "--no-report")
    assert result.exit_code == 0, result.output
    return contents(tmp_path / "alone")


def contents(folder: Path) -> dict[str, Any]:
    """What is in a folder of finished scores: these, and the rejected variants."""
    assert not list(folder.glob(".*"))
    return {"rejected": (folder / "rejected.tsv").read_text(), **scores_of(folder)}


def scores_of(folder: Path) -> dict[str, Any]:
    """Bytes of every array and attribute of the scores."""
    with h5py.File(folder / "scores.h5") as file:
        arrays = {name: (str(data.dtype), data[()].tobytes()) for name, data in file.items()}
        return arrays | dict(file.attrs)


def test_parts_and_gather(
    whelp: Callable[..., Any], line: list[Any], alone: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = whelp(*line, "-o", out, "--part", "1/3", "--table")
    assert first.exit_code == 0, first.output
    assert "part 1 of 3: 128 rows" in first.output and f"whelp gather {out}" in first.output
    early = whelp("gather", out)
    assert early.exit_code == 1
    assert "3 pieces of the scores are missing" in early.stderr
    assert "--part 2/3, --part 3/3" in early.stderr
    other = whelp(*line, "-o", out, "--part", "2/3", "--rc")
    assert other.exit_code == 1 and "another run" in other.stderr
    refused = whelp(*line, "-o", out)
    assert refused.exit_code == 1 and "--resume" in refused.stderr
    # Any division goes on from any other.
    assert "64 rows" in whelp(*line, "-o", out, "--part", "2/2", "--table").output
    assert "64 rows" in whelp(*line, "-o", out, "--part", "3/3", "--table").output
    last = whelp(*line, "-o", out, "--part", "2/3", "--table")
    assert "part 2 of 3: 44 rows" in last.output
    gathered = whelp("gather", out)
    assert gathered.exit_code == 0, gathered.output
    assert "300 variants scored" in gathered.output and "Largest logSUM" in gathered.output
    assert contents(out) == alone
    assert (out / "scores.tsv.gz").exists() and (out / "report.html").exists()
    again = whelp("gather", out)
    assert again.exit_code == 2 and "put together already" in again.stderr
    # A part that is begun again has nothing to do.
    assert "0 rows" in whelp(*line, "-o", out, "--part", "1/3").output


def test_one_process_goes_on_with_parts(
    whelp: Callable[..., Any], line: list[Any], alone: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert whelp(*line, "-o", out, "--part", "2/2").exit_code == 0
    result = whelp(*line, "-o", out, "--resume", "--no-report")
    assert result.exit_code == 0 and "128 variants had been scored before" in result.output
    assert contents(out) == alone
    assert whelp(*line, "-o", out, "--overwrite", "--part", "1/2").exit_code == 2


def test_parts_go_on_with_one_process(
    whelp: Callable[..., Any],
    line: list[Any],
    alone: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was stopped in the middle of the second piece, after three chunks."""
    from whelp.scoring.rows import RowFolder

    out, append, made = tmp_path / "out", RowFolder.append, []

    def append_and_stop(self: RowFolder, rows: np.ndarray) -> None:
        append(self, rows)
        made.append(len(rows))
        if len(made) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RowFolder, "append", append_and_stop)
        assert whelp(*line, "-o", out).exit_code == 130
    assert made == [32] * 3
    result = whelp(*line, "-o", out, "--part", "1/2")
    assert "part 1 of 2: 108 rows" in result.output
    result = whelp(*line, "-o", out, "--resume", "--no-report")
    assert result.exit_code == 0, result.output
    assert "204 variants had been scored before" in result.output
    assert contents(out) == alone


def test_two_runs_into_one_folder(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    """Parts stand each other, but not a process that would put them together."""
    from whelp.scoring.errors import ScoreError
    from whelp.scoring.rows import RowFolder

    out = tmp_path / "out"
    assert whelp(*line, "-o", out, "--part", "1/2").exit_code == 0
    unfinished = out / ".scores.unfinished"
    run = json.loads((unfinished / "run.json").read_text())
    layout = np.dtype([("x", "f4")])
    with RowFolder(unfinished, layout, run, shared=True):
        assert whelp(*line, "-o", out, "--part", "2/2").exit_code == 0
        busy = whelp(*line, "-o", out, "--resume")
        assert busy.exit_code == 1 and "another process writes" in busy.stderr
        with pytest.raises(ScoreError, match="another process"):
            RowFolder(unfinished, layout, run)


def test_progress_in_logs(capsys: pytest.CaptureFixture) -> None:
    with ScoreBar(seconds=0) as bar:
        bar.show(1234, 5000)
    assert capsys.readouterr().out == "variants: 1,234 of 5,000\n"


def test_options_that_contradict_one_another(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    wrong = {
        "is no job of several": ("--part", "3/2"),
        "exclude each other": ("--part", "1/2", "--cluster", "local"),
        "--workers 2 is for --cluster": ("--workers", "2"),
    }
    for message, words in wrong.items():
        result = whelp(*line, "-o", tmp_path / "out", *words)
        assert result.exit_code == 2 and message in result.stderr
    for spec in ("0.2", "tcp://127.0.0.1:9"):
        result = whelp(*line, "-o", tmp_path / "out", "--cluster", spec)
        assert result.exit_code == 1 and spec in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with one worker of three threads."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=3, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


def test_workers_of_a_scheduler(
    whelp: Callable[..., Any],
    line: list[Any],
    alone: dict[str, Any],
    scheduler: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With relative paths, from another folder than the worker's, and after a part of one job."""
    out = tmp_path / "out"
    assert whelp(*line, "-o", out, "--part", "2/2").exit_code == 0
    monkeypatch.chdir(tmp_path)
    words = [os.path.relpath(word) if isinstance(word, Path) else word for word in line]
    result = whelp(*words, "-o", "out", "--cluster", scheduler, "--resume", "--no-report")
    assert result.exit_code == 0, result.output
    assert "dashboard: http://" in result.output and "128 variants had been" in result.output
    assert contents(out) == alone


@pytest.mark.parametrize("models", ["adapters", "replicates by gene"])
def test_several_models(
    whelp: Callable[..., Any],
    line: list[Any],
    project: Any,
    scheduler: str,
    tmp_path: Path,
    models: str,
) -> None:
    """A part here, the rest by a worker: windows with genes, and rows of several models, travel."""
    words = list(line)
    if models == "adapters":
        words[2] = project.trunk
        adapter = {"mode": "adapter", "adapter": "lora", "adapter_latent": 2}
        for name in ("one", "two"):
            adapted = package.adapt(package.load(line[1], line[2]), adapter)
            package.save_adapter(adapted, tmp_path / f"{name}.safetensors")
            words += ["-a", tmp_path / f"{name}.safetensors"]
    else:
        exons = (("A", "+", 2901, 3300), ("B", "-", 4000, 4100))
        (tmp_path / "genes.gtf").write_text(
            "".join(
                f'chr1\tx\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{name}";\n'
                for name, strand, start, end in exons
            )
        )
        words += ["--genes", tmp_path / "genes.gtf", "--replicate", line[2]]
    words += ["--no-report"]
    assert whelp(*words, "-o", tmp_path / "whole").exit_code == 0
    out = tmp_path / "out"
    assert whelp(*words, "-o", out, "--part", "1/2").exit_code == 0
    result = whelp(*words, "-o", out, "--cluster", scheduler, "--resume")
    assert result.exit_code == 0, result.output
    folders = ["one", "two"] if models == "adapters" else [""]
    for folder in folders:
        assert scores_of(out / folder) == scores_of(tmp_path / "whole" / folder)


def workers_of(pid: int) -> list[int]:
    """Dask's workers below a process, and the processes in which they compute."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(folder.name))
    below, todo = [], [pid]
    while todo:
        found = parents.get(todo.pop(), [])
        below, todo = below + found, todo + found
    return [pid for pid in below if is_worker(pid)]


def is_worker(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"spawn_main" in words or b"whelp.processes" in words


def test_workers_that_are_killed(
    start_whelp: Callable[..., Any], line: list[Any], alone: dict[str, Any], tmp_path: Path
) -> None:
    """A worker, or the process in which it computes, is killed at random, again and again."""
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    process = start_whelp(*line, "-o", out, "--cluster", "local", "--workers", "2", "--no-report")
    pieces, choice, kills = out / ".scores.unfinished" / "pieces", random.Random(1), 0
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < 200:
        time.sleep(choice.uniform(0.2, 1.5))
        mine = workers_of(process.pid)
        if mine and pieces.exists() and kills < 3:
            os.kill(choice.choice(mine), signal.SIGKILL)
            kills += 1
    assert process.poll() == 0, process.stdout.read()
    assert kills
    assert contents(out) == alone
