"""The making of a data set: what is in the folder, resuming, and what is refused."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whelp.data import open_dataset
from whelp.genome.bigwig import write_bigwig_values
from whelp.making import MakingError, Progress, make_data
from whelp.making.build import DataSummary
from whelp.specs import TargetsTable

_CHILD = """
import os, pickle, sys, time
from whelp.making import make_data
genome, targets, out, settings, stop_at = pickle.load(sys.stdin.buffer)
def told(progress):
    if (progress.stage, progress.done) == stop_at:
        print("there", flush=True)
        time.sleep(60)
make_data(genome, targets, out, settings, progress=told)
"""


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _make(project: Any, out: Path, **more: Any) -> DataSummary:
    resume, progress = more.pop("resume", False), more.pop("progress", None)
    settings = replace(project.settings, **more)
    return make_data(
        project.genome, project.targets, out, settings, resume=resume, progress=progress
    )


def _rewrite(project: Any, old: str, new: str) -> None:
    project.targets.write_text(project.targets.read_text().replace(old, new))


def test_a_data_set_that_whelp_opens(project: Any, read_records: Callable) -> None:
    out = project.folder / "out"
    made = _make(project, out)
    assert {path.name for path in out.iterdir()} == {
        "making.json",
        "contigs.bed",
        "sequences.bed",
        "targets.txt",
        "statistics.json",
        "tfrecords",
    }
    assert list(made.windows) == ["train", "valid", "test"]
    assert made.path == out and made.target_length == 12 and made.seq_length == 512
    assert [track.identifier for track in made.tracks] == ["track0", "track1", "track2"]
    records = {label: read_records(out, label)["target"] for label in made.windows}
    every = np.concatenate(list(records.values())).reshape(-1, 3).astype(np.float64)
    for track, values in zip(made.tracks, every.T, strict=True):
        assert track.sum == pytest.approx(values.sum())
        assert track.mean == pytest.approx(values.mean())
        assert track.max == values.max()
        assert track.missing == pytest.approx(0.2, abs=0.03)
        assert track.clipped == 0
    assert open_dataset(out, "train", batch_size=2).num_targets == 3


def test_processes_do_not_show_in_the_files(project: Any) -> None:
    seen: list[Progress] = []
    one = _make(project, project.folder / "one", keep_coverage=True)
    _make(project, project.folder / "two", keep_coverage=True, processes=2, progress=seen.append)
    assert _contents(project.folder / "one") == _contents(project.folder / "two")
    windows = sum(one.windows.values())
    assert [p.done for p in seen if p.stage == "tracks"] == [0, 1, 2, 3]
    assert {p.name for p in seen if p.stage == "tracks"} == {"", "track0", "track1", "track2"}
    assert [p.done for p in seen if p.stage == "records"][-1] == windows == seen[-1].total


def test_a_table_without_a_file(project: Any) -> None:
    table = TargetsTable.read(project.targets).model_copy(update={"path": ""})
    rows = [r.model_copy(update={"file": str(project.folder / str(r.file))}) for r in table.rows]
    table = table.model_copy(update={"rows": tuple(rows)})
    made = make_data(project.genome, table, project.folder / "out", project.settings)
    again = TargetsTable.read(made.path / "targets.txt")
    assert again.rows == table.rows


@pytest.mark.parametrize(
    ("stop_at", "processes"), [(("tracks", 1), 2), (("tracks", 3), 1), (("records", 4), 2)]
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    stop_at: tuple[str, int], processes: int, project: Any
) -> None:
    import pickle

    settings = replace(project.settings, processes=processes, keep_coverage=True)
    out = project.folder / "out"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdin.write(pickle.dumps((project.genome, project.targets, out, settings, stop_at)))
    child.stdin.close()
    assert child.stdout.readline() == b"there\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    # Half a file, as a worker that is killed leaves it.
    (out / "seqs_cov" / ".9.abc.part.h5").write_bytes(b"half")
    assert not (out / "statistics.json").exists()
    with pytest.raises(MakingError, match="was begun earlier; go on with it"):
        make_data(project.genome, project.targets, out, settings)
    seen: list[Progress] = []
    make_data(project.genome, project.targets, out, settings, resume=True, progress=seen.append)
    assert seen[0].done >= (stop_at[1] if stop_at[0] == "tracks" else 3)
    _make(project, project.folder / "whole", keep_coverage=True)
    assert _contents(out) == _contents(project.folder / "whole")


def test_workers_end_with_the_process_that_started_them(project: Any) -> None:
    import pickle

    import psutil

    settings = replace(project.settings, processes=2)
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    job = (project.genome, project.targets, project.folder / "out", settings, ("tracks", 1))
    child.stdin.write(pickle.dumps(job))
    child.stdin.close()
    child.stdout.readline()
    workers = psutil.Process(child.pid).children()
    assert len(workers) == 2
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_a_whole_data_set_is_not_made_again(project: Any) -> None:
    out = project.folder / "out"
    first = _make(project, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = _make(project, out, resume=True)
    assert replace(again, seconds=first.seconds) == first
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_track_that_changed_is_read_anew(project: Any, read_records: Callable) -> None:
    out = project.folder / "out"
    first = _make(project, out, keep_coverage=True)
    before = read_records(out, "test")["target"].reshape(-1, 3)
    arrays = [(c, np.ones(n, np.float32)) for c, n in {"chr1": 9000, "chr2": 5000}.items()]
    write_bigwig_values(project.folder / "t1.bw", dict(chr1=9000, chr2=5000), arrays)
    again = _make(project, out, keep_coverage=True, resume=True)
    after = read_records(out, "test")["target"].reshape(-1, 3)
    np.testing.assert_array_equal(after[:, [0, 2]], before[:, [0, 2]])
    assert (after[:, 1] == np.float16(np.sqrt(33) - 1)).all()
    assert again.tracks[0] == first.tracks[0] and again.tracks[1] != first.tracks[1]


def test_other_data_sets_are_not_touched(project: Any) -> None:
    out = project.folder / "out"
    _make(project, out)
    before = _contents(out)
    with pytest.raises(MakingError, match="is complete; go on with it"):
        _make(project, out)
    with pytest.raises(MakingError, match="another data set: it differs in decimals"):
        _make(project, out, resume=True, decimals=2)
    windows = replace(project.settings.windows, seed=1)
    with pytest.raises(MakingError, match="another data set: it differs in windows"):
        _make(project, out, resume=True, windows=windows)
    _rewrite(project, "384", "100")
    with pytest.raises(MakingError, match="another data set: it differs in tracks"):
        _make(project, out, resume=True)
    assert _contents(out) == before
    (out / "making.json").unlink()
    with pytest.raises(MakingError, match="holds a data set that whelp did not begin"):
        _make(project, out, resume=True)
    (project.folder / "notes").mkdir()
    (project.folder / "notes" / "a.txt").write_text("mine")
    with pytest.raises(MakingError, match="holds files that whelp did not begin"):
        _make(project, project.folder / "notes", resume=True)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_track_that_fails_fails_the_run_by_name(processes: int, project: Any) -> None:
    # Two tracks are negative somewhere in the middle; the files are fine.
    for track in (0, 2):
        arrays = [(c, np.full(n, -1, np.float32)) for c, n in {"chr1": 9000, "chr2": 5000}.items()]
        write_bigwig_values(project.folder / f"t{track}.bw", dict(chr1=9000, chr2=5000), arrays)
    out = project.folder / "out"
    with pytest.raises(MakingError, match="2 of 3 tracks could not be read") as error:
        _make(project, out, processes=processes)
    for track in (0, 2):
        told = rf"track{track} \(t{track}\.bw\): 12 bins of chr\S+ have no sum_sqrt: .*negative"
        assert error.match(told)
    assert not (out / "statistics.json").exists() and not (out / "tfrecords").exists()
    assert {path.name for path in (out / "seqs_cov").iterdir()} == {"1.h5", "lock"}
    # Repaired, the run goes on with what it has.
    for track in (0, 2):
        arrays = [(c, np.ones(n, np.float32)) for c, n in {"chr1": 9000, "chr2": 5000}.items()]
        write_bigwig_values(project.folder / f"t{track}.bw", dict(chr1=9000, chr2=5000), arrays)
    seen: list[Progress] = []
    _make(project, out, processes=processes, resume=True, progress=seen.append)
    assert seen[0] == Progress("tracks", 1, 3)
    assert json.loads((out / "statistics.json").read_text())["num_targets"] == 3


def test_all_missing_files_are_listed_and_nothing_is_written(project: Any) -> None:
    _rewrite(project, "t0.bw", "lost0.bw")
    _rewrite(project, "t2.bw", "lost2.bw")
    with pytest.raises(MakingError, match=r"2 of 3 files do not exist") as error:
        _make(project, project.folder / "out")
    assert error.match("track0: lost0.bw") and error.match("track2: lost2.bw")
    assert not (project.folder / "out").exists()


def test_all_unusable_files_are_listed(project: Any, golden: Path) -> None:
    whole = (project.folder / "t0.bw").read_bytes()
    (project.folder / "t0.bw").write_bytes(whole[: len(whole) // 2])
    (project.folder / "t1.bw").write_text("no BigWig")
    with pytest.raises(MakingError, match=r"2 of 3 tracks cannot be used") as error:
        _make(project, project.folder / "out")
    assert error.match(r"track0: \S+t0.bw: the BigWig is cut short")
    assert error.match(r"track1: \S+t1.bw: this is not a BigWig")
    assert not (project.folder / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("track2", "track0", "identifiers stand more than once: track0"),
        ("sum_sqrt", "total", "track0: the sum_stat 'total' is not known; expected one of sum,"),
    ],
)
def test_tables_that_cannot_be_meant(old: str, new: str, message: str, project: Any) -> None:
    _rewrite(project, old, new)
    with pytest.raises(MakingError, match=message):
        _make(project, project.folder / "out")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"umap_tfr": True}, "umap_tfr needs to know"),
        ({"umap_clip": 0.5}, "umap_clip 0.5 needs to know"),
        ({"umap_clip": 2}, "quantile from 0 to 1, not 2"),
        ({"seqs_per_tfr": 0}, "1 window or more, not 0"),
        ({"processes": 0}, "1 process or more"),
        ({"decimals": -1}, "decimals are 0 to 8, not -1"),
        ({"blacklist": Path("lost.bed")}, "lost.bed: there is no such file"),
        ({"chr_prepend": True, "chr_strip": True}, "not both"),
    ],
)
def test_settings_that_cannot_be_meant(
    settings: dict[str, Any], message: str, project: Any
) -> None:
    with pytest.raises(MakingError, match=message):
        _make(project, project.folder / "out", **settings)


@pytest.mark.parametrize(
    ("prefix", "option", "flag"), [("", "chr_prepend", "prepend"), ("chrchr", "chr_strip", "strip")]
)
def test_other_names_of_chromosomes(prefix: str, option: str, flag: str, project: Any) -> None:
    expected = _make(project, project.folder / "expected").tracks
    for track in range(3):
        path = project.folder / f"t{track}.bw"
        _rename(path, lambda chrom: chrom.replace("chr", prefix))
    with pytest.raises(MakingError, match=rf"none of the contigs.*--chr-{flag}"):
        _make(project, project.folder / "out")
    assert _make(project, project.folder / "out", **{option: True}).tracks == expected


def _rename(path: Path, renamed: Callable[[str], str]) -> None:
    from whelp.genome.bigwig import BigWig

    with BigWig(path) as file:
        arrays = [(renamed(c), file.values(c, 0, n)) for c, n in file.lengths.items()]
        lengths = {renamed(c): n for c, n in file.lengths.items()}
    write_bigwig_values(path, lengths, arrays)


def test_a_contig_that_ends_too_early_is_of_another_assembly(project: Any) -> None:
    write_bigwig_values(project.folder / "t1.bw", {"chr1": 4000, "chr2": 5000}, [])
    with pytest.raises(MakingError, match=r"track1: .*chr1 ends before the windows on it"):
        _make(project, project.folder / "out")
    made = _make(project, project.folder / "out", missing_contigs="zeros")
    assert any("track1" in note and "chr1 ends before" in note for note in made.notes)


def test_contigs_without_peaks_are_noted(project: Any, read_records: Callable) -> None:
    (project.folder / "t0.bed").write_text("chr1\t0\t9000\n")
    _rewrite(project, "t0.bw", "t0.bed")
    _rewrite(project, "sum_sqrt", "max")
    made = _make(project, project.folder / "out")
    assert "track0: there are no intervals on chr2; its targets are 0 there" in made.notes
    labels = [line.split() for line in (made.path / "sequences.bed").read_text().splitlines()]
    targets = np.concatenate(
        [read_records(made.path, label)["target"].reshape(-1, 12, 3) for label in made.windows]
    )
    for (chrom, *_), target in zip(labels, targets, strict=True):
        assert (target[:, 0] == (chrom == "chr1")).all()


def test_w5_tracks_lack_contigs_only_if_that_is_meant(project: Any) -> None:
    with h5py.File(project.folder / "t0.w5", "w") as file:
        file["chr1"] = np.ones(9000, np.float16)
    _rewrite(project, "t0.bw", "t0.w5")
    with pytest.raises(MakingError, match=r"track0: \S+t0.w5: it does not have chr2"):
        _make(project, project.folder / "out")
    # The reference takes it for zeros, with a warning.
    windows = replace(project.settings.windows, as_reference=True, valid=0.3, test=0.3)
    made = _make(project, project.folder / "out", windows=windows)
    assert any("t0.w5: it does not have chr2; its targets are 0" in note for note in made.notes)


def test_coverage_beyond_16_bits_becomes_the_limit(project: Any, read_records: Callable) -> None:
    arrays = [("chr1", np.full(9000, 3e38, np.float32)), ("chr2", np.full(5000, np.nan))]
    write_bigwig_values(project.folder / "t1.bw", dict(chr1=9000, chr2=5000), arrays)
    made = _make(project, project.folder / "out")
    assert made.tracks[1].max == 384
    assert 0 < made.tracks[1].clipped < 1


def test_records_that_cannot_be_written_are_told(project: Any) -> None:
    out = project.folder / "out"
    _make(project, out, keep_coverage=True)
    (out / "statistics.json").unlink()
    for path in (out / "tfrecords").iterdir():
        path.unlink()
    (out / "tfrecords").rmdir()
    (out / "tfrecords").write_text("in the way")
    with pytest.raises(MakingError, match=r"tfrecords.*could not be written"):
        _make(project, out, keep_coverage=True, resume=True)
    assert not (out / "statistics.json").exists()
