"""Data sets made part by part, and tracks read in parts: the same bytes as made in one."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.files import BusyError
from whelp.making import MakingError, make_data
from whelp.making import pieces as pieces_module
from whelp.making.parts import gather_data, make_part
from whelp.making.pieces import TrackPart, has_piece, piece_path
from whelp.making.work import Work

_CHILD = """
import pickle, sys
from whelp.making import pieces
from whelp.making.parts import make_part
pieces._WINDOWS, arguments, part = pickle.load(sys.stdin.buffer)
print(make_part(*arguments, part=part).waiting)
"""


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Tracks are read in parts of a few windows; gives how many."""
    monkeypatch.setattr(pieces_module, "_WINDOWS", 5)
    return 5


@pytest.fixture
def whole(project: Any) -> dict[str, bytes]:
    """What is in the folder of a data set that was made in one."""
    settings = replace(project.settings, keep_coverage=True)
    out = make_data(project.genome, project.targets, project.folder / "whole", settings).path
    return _contents(out)


@pytest.fixture
def arguments(project: Any) -> tuple[Any, ...]:
    settings = replace(project.settings, keep_coverage=True)
    return project.genome, project.targets, project.folder / "out", settings


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_tracks_in_parts_make_the_same_files(
    project: Any, whole: dict[str, bytes], in_parts: int
) -> None:
    settings = replace(project.settings, keep_coverage=True, processes=2)
    seen = []
    out = project.folder / "out"
    make_data(project.genome, project.targets, out, settings, progress=seen.append)
    assert _contents(out) == whole
    jobs = [each.total for each in seen if each.stage == "tracks"]
    assert jobs[0] > 10, "tracks were read in one"
    assert [each.done for each in seen if each.stage == "tracks"] == list(range(jobs[0] + 1))


def test_all_parts_at_once_and_gathered(
    arguments: tuple[Any, ...], whole: dict[str, bytes], in_parts: int
) -> None:
    out = arguments[2]
    for _ in range(2):  # tracks, then records
        children = []
        for number in (1, 2, 3):
            child = subprocess.Popen(
                [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            child.stdin.write(pickle.dumps((in_parts, arguments, (number, 3))))
            child.stdin.close()
            children.append(child)
        said = [child.stdout.read().decode().strip() for child in children]
        assert [child.wait() for child in children] == [0, 0, 0], said
    assert said == ["()"] * 3
    assert len(list((out / "tfrecords").glob("*.tfr"))) == sum(
        name.startswith("tfrecords/") for name in whole
    )
    assert not (out / "statistics.json").exists()
    assert gather_data(out).path == out
    assert _contents(out) == whole


def test_what_is_lacking_is_named(
    arguments: tuple[Any, ...], whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = arguments[2]
    first = make_part(*arguments, part=(1, 4))
    assert first.tracks == 1 and first.records == 0 and len(first.waiting) == 2
    with pytest.raises(MakingError, match=r"2 of 3 tracks.*--part 2/4, 3/4"):
        gather_data(out)
    assert make_part(*arguments, part=(4, 4)).tracks == 0
    make_part(*arguments, part=(2, 4))
    last = make_part(*arguments, part=(3, 4))
    assert last.waiting == () and last.records > 0
    monkeypatch.chdir("/")
    assert gather_data(out).windows
    assert _contents(out) == whole
    again = make_part(*arguments, part=(1, 4))
    assert (again.tracks, again.records, again.waiting) == (0, 0, ())
    with pytest.raises(MakingError, match="no parts of a data set to be gathered"):
        gather_data(out)


def test_relative_paths_are_those_of_the_parts(
    arguments: tuple[Any, ...], whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = arguments[2]
    monkeypatch.chdir(out.parent)
    black = out.parent / "black.bed"
    black.write_text("chr1\t100\t300\n")
    settings = replace(arguments[3], blacklist=Path("black.bed"))
    named = [Path(path.name) for path in arguments[:3]]
    make_part(*named, settings, part=(1, 1))
    monkeypatch.chdir("/")
    gather_data(out)
    made = make_data(*arguments[:2], out, replace(settings, blacklist=black), resume=True)
    assert made.seconds < 60 and _contents(out) != whole


def test_a_track_that_has_changed_takes_its_records_with_it(
    project: Any, arguments: tuple[Any, ...]
) -> None:
    out = arguments[2]
    make_part(*arguments, part=(1, 1))
    assert list(out.glob("tfrecords/*.tfr"))
    os.utime(project.folder / "t1.bw", ns=(1, 1))
    for part in ((1, 2), (2, 2)):
        make_part(*arguments, part=part)
    gather_data(out)
    make_data(*arguments[:2], project.folder / "again", arguments[3])
    assert _contents(out) == _contents(project.folder / "again")


@pytest.mark.parametrize("part", [(0, 2), (3, 2)])
def test_there_is_no_such_part(part: tuple[int, int], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(MakingError, match="expected a number from 1 to 2"):
        make_part(*arguments, part=part)
    assert not arguments[2].exists()


def test_a_part_begins_no_other_data_set(arguments: tuple[Any, ...]) -> None:
    out = arguments[2]
    make_part(*arguments, part=(1, 2))
    other = replace(arguments[3], decimals=1)
    with pytest.raises(MakingError, match="another data set: it differs in decimals"):
        make_part(*arguments[:3], other, part=(2, 2))
    (out / "parts.json").write_text("{}")
    with pytest.raises(MakingError, match="is damaged"):
        gather_data(out)


def test_parts_joined_by_nobody(
    arguments: tuple[Any, ...], whole: dict[str, bytes], in_parts: int
) -> None:
    """On some file systems a worker does not see at once what another has written."""
    out = arguments[2]
    work = Work.check(*arguments[:2], arguments[3], out)
    make_part(*arguments, part=(1, 2))
    for part in work.parts[1::2]:
        work.reader._read_piece(part)
    assert not work.finished() and all(has_piece(work.coverage, part) for part in work.parts)
    gather_data(out)
    assert _contents(out) == whole


def test_a_broken_piece_is_read_anew(
    arguments: tuple[Any, ...], whole: dict[str, bytes], in_parts: int
) -> None:
    make_part(*arguments, part=(1, 2))
    work = Work.check(*arguments[:2], arguments[3], arguments[2])
    path = piece_path(work.coverage, work.parts[0])
    path.write_bytes(path.read_bytes()[:1000])
    make_data(*arguments, resume=True)
    assert _contents(arguments[2]) == whole


def test_two_workers_that_join_one_track(
    arguments: tuple[Any, ...], in_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_part(*arguments, part=(1, 2))
    work = Work.check(*arguments[:2], arguments[3], arguments[2])
    reader, track = work.reader, work.jobs[0]
    for part in work.parts:
        if part.track is track and not has_piece(work.coverage, part):
            reader._read_piece(part)
    copy = pieces_module.copy_piece

    def late(*given: Any, **more: Any) -> None:
        """The other worker is quicker, and has removed the parts."""
        monkeypatch.setattr("whelp.making.tracks.copy_piece", copy)
        expected.append(work.reader.join(track, work.parts[0].of))
        copy(*given, **more)

    expected: list[Any] = []
    monkeypatch.setattr("whelp.making.tracks.copy_piece", late)
    assert reader.join(track, work.parts[0].of) == expected[0] is not None


def test_windows_are_shared_out_evenly(arguments: tuple[Any, ...], in_parts: int) -> None:
    work = Work.check(*arguments[:2], arguments[3], arguments[2])
    of = work.parts[0].of
    places = [work.reader._places(TrackPart(work.jobs[0], n, of)) for n in range(of)]
    flat = [at for several in places for at in several]
    assert sorted(flat) == list(range(len(work.plan.windows)))
    assert flat == sorted(flat, key=lambda at: work.plan.windows[at][:3])
    assert np.ptp([len(several) for several in places[:-1]]) == 0


def test_two_in_one_folder(arguments: tuple[Any, ...]) -> None:
    out = arguments[2]
    folder = Work.check(*arguments[:2], arguments[3], out).data_folder
    make_part(*arguments, part=(1, 2))
    with folder.held(shared=True):
        make_part(*arguments, part=(2, 2))
        for busy in (lambda: gather_data(out), lambda: make_data(*arguments, resume=True)):
            with pytest.raises(BusyError, match="another process makes a data set there"):
                busy()
    with folder.held(), pytest.raises(BusyError):
        make_part(*arguments, part=(1, 2))
    gather_data(out)
