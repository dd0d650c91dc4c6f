"""A miniature project with the file names that the documentation uses; running its lines."""

import importlib
import importlib.util
import json
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

sys.path.append(str(Path(__file__).parent))
_TINY = Path(__file__).parents[1] / "fitting" / "tiny_project.py"
_QUICK = {"train_epochs_min": 1, "train_epochs_max": 1}


@pytest.fixture(scope="session")
def _pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, to be copied."""
    spec = importlib.util.spec_from_file_location("tiny_project_of_docs", _TINY)
    tiny = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tiny
    spec.loader.exec_module(tiny)
    from whelp.loading import load, save_weights

    folder = tmp_path_factory.mktemp("documented")
    model = {key: value for key, value in tiny.MODEL.items() if not key.startswith("head")}
    model |= {name: dict(tiny.MODEL["head_a"]) for name in ("head_human", "head_mouse")}
    params = {"train": {**tiny.TRAIN, **_QUICK}, "transfer": tiny.LORA, "model": model}
    for name in ("params.json", "base.json", "borzoi_lora.json"):
        (folder / name).write_text(json.dumps(params))
    pretrained = load(params)
    save_weights(pretrained, folder / "model.h5")
    save_weights(pretrained, folder / "trunk.h5", trunk=True)
    tiny.make_data(folder / "data", tracks=("up+", "up-", "open"), pairs=(1, 0, 2), seed=1)
    _add_statistics(folder / "data" / "targets.txt")
    _write_folds(folder, tiny)
    _write_annotation(folder)
    track_files = importlib.import_module("track_files")
    track_files.write_tracks(folder)
    small_enformer = importlib.import_module("small_enformer")
    small_enformer.write_enformer(folder / "enformer.json", folder / "enformer.safetensors")
    for name in ("hg38", "mm10"):  # some pages have one directory of data, some two inside it
        (folder / "data" / name).mkdir()
        for part in ("statistics.json", "targets.txt", "sequences.bed", "tfrecords"):
            (folder / "data" / name / part).symlink_to(folder / "data" / part)
    return folder


def _write_folds(folder: Path, tiny: Any) -> None:
    """Data with folds, and trunks that were tested on the first of them."""
    data = tiny.make_folds(folder / "data_folds")
    windows = (data / "sequences.bed").read_text()
    for fold, label in enumerate(("test", "valid", "train", "train")):
        windows = windows.replace(f"fold{fold}", label)
    (folder / "sequences_trunk.bed").write_text(windows)
    for cross in range(2):
        (folder / f"trunk_r{cross}.h5").symlink_to(folder / "trunk.h5")


def _write_annotation(folder: Path) -> None:
    """Genes in the test windows of the data, of both strands."""
    exon = 'chr1\tx\texon\t{}\t{}\t.\t{}\t.\tgene_id "g{}";\n'
    windows = (folder / "data" / "sequences.bed").read_text().splitlines()
    rows = [row.split("\t") for row in windows]
    starts = [int(start) for _, start, _, split in rows if split == "test"]
    lines = [
        exon.format(start + 100 * at, start + 140 * at, "+-"[at // 2 % 2], f"{start}.{at}")
        for start in starts
        for at in range(1, 8, 2)
    ]
    (folder / "annotation.gtf").write_text("".join(lines))


def _add_statistics(table: Path) -> None:
    """Say how the tracks were pooled, as tables made of BigWigs do; and their groups."""
    header, *rows = table.read_text().splitlines()
    groups = ["liver", "liver", "blood"]
    lines = [f"{header}\tsum_stat\tgroup"]
    lines += [f"{row}\tsum_sqrt\t{group}" for row, group in zip(rows, groups, strict=True)]
    table.write_text("\n".join(lines) + "\n")


@pytest.fixture
def documented(_pattern: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the documentation supposes it, and the current one during the test."""
    folder = tmp_path / "project"
    shutil.copytree(_pattern, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Runs one line that calls whelp, in this process; gives what it printed."""

    def run(line: Sequence[str]) -> str:
        if line[0] == "whelp":
            from whelp.cli.main import main

            result = CliRunner().invoke(main, line[1:], catch_exceptions=False)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            return result.output
        text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
        project = tomllib.loads(text)["project"]
        module, function = project["scripts"][line[0]].split(":")
        monkeypatch.setattr(sys, "argv", list(line))
        with pytest.raises(SystemExit) as end:
            getattr(importlib.import_module(module), function)()
        printed = capsys.readouterr()
        assert not end.value.code, f"{line}\n{printed.out}{printed.err}"
        return printed.out

    return run
