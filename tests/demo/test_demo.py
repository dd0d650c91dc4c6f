"""The demo: its parameters, and one of its methods for real."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from whelp.cli.demo_runs import (
    METHODS,
    TRACKS,
    begun,
    command_of,
    data_command,
    demo_params,
    with_recipe,
)
from whelp.cli.main import main
from whelp.data import Window, WindowFormat, read_targets, read_windows
from whelp.demo import demo_file
from whelp.specs import load_params


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.folder)
def test_parameters_are_those_of_the_shipped_file(method, json_configs: Path) -> None:
    params = demo_params(method, quick=False)
    loaded = load_params(params)
    assert loaded.train is not None and loaded.train.train_epochs_max == method.epochs
    if method.transfer is None:
        assert loaded.transfer is None
        return
    shipped = json.loads((json_configs / f"mini_borzoi_{method.folder}.json").read_text())
    # The shipped files are for the data set of 32 tracks, some of which the demo has as BigWigs.
    head = {**shipped["model"]["head_mouse"], "units": TRACKS}
    given = {"head_mouse": head, "target_transform": "new"}
    assert params["model"] == {**shipped["model"], **given}
    assert params["transfer"].items() <= {"conv_select": 4, **shipped["transfer"]}.items()
    changed = {"patience", "train_epochs_min", "train_epochs_max"} | set(method.train)
    for key in shipped["train"].keys() - changed:
        assert params["train"][key] == shipped["train"][key], key


@pytest.mark.parametrize("folder", ["lora", "locon4"])
def test_recipes_are_those_of_the_shipped_files(folder: str, json_configs: Path) -> None:
    method = with_recipe({method.folder: method for method in METHODS}[folder])
    shipped = load_params(json_configs / f"mini_borzoi_{folder}_recipe.json")
    mine = load_params(demo_params(method, quick=False))
    assert mine.train.model_dump(exclude={"patience"}) == shipped.train.model_dump(
        exclude={"patience"}
    )
    assert mine.transfer == shipped.transfer and mine.model.trunk == shipped.model.trunk


def test_demo_files_are_there() -> None:
    assert demo_file("mini_borzoi/trunk.h5").stat().st_size > 1e6
    with pytest.raises(FileNotFoundError, match="mini_borzoi"):
        demo_file("mini_borzoy")


@pytest.mark.slow
def test_demo_runs_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = ["demo", "--out-dir", str(tmp_path), "--quick", "--methods", "linear"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert "Linear" in first.stdout and "1,548" in first.stdout
    assert begun(METHODS[0], tmp_path) == "finished"
    files = {path.name for path in (tmp_path / "linear").iterdir()}
    assert files >= {"adapter.safetensors", "model_best.h5", "report.html", "run.json", "test"}
    page = (tmp_path / "report.html").read_text()
    assert "<svg" in page and "Linear" in page
    assert "64 made-up variants, scored by Linear" in first.stdout
    assert {path.name for path in (tmp_path / "variants").iterdir()} == {
        "report.html",
        "scores.h5",
        "scores.tsv.gz",
    }
    assert "chr17_35165061" in (tmp_path / "variants/report.html").read_text()
    statistics = json.loads((tmp_path / "data" / "statistics.json").read_text())
    assert (statistics["num_targets"], statistics["train_seqs"]) == (TRACKS, 28)
    stamp = (tmp_path / "linear" / "log.csv").stat().st_mtime_ns
    second = CliRunner().invoke(main, arguments)
    assert second.exit_code == 0 and "finished before" in second.stdout
    assert (tmp_path / "linear" / "log.csv").stat().st_mtime_ns == stamp


def test_unknown_method_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path), "--methods", "linaer"])
    assert result.exit_code == 2 and "linear, lora, locon4" in result.output


def test_tracks_are_those_of_the_record_files(tmp_path: Path) -> None:
    """The BigWigs were made from the records, by undoing their transform; so back again."""
    out = tmp_path / "demo"
    command_of(METHODS[0], out, quick=True)
    result = CliRunner().invoke(main, [*data_command(out), "--no-report"])
    assert result.exit_code == 0, result.output
    names = read_targets(out / "data" / "targets.txt")["identifier"].tolist()
    old = read_targets(demo_file("mm10") / "targets.txt")["identifier"].tolist()
    places = [old.index(name) for name in names]
    made, given = (
        _by_place(out / "data", WindowFormat(131072, 2048, 12)),
        _by_place(demo_file("mm10"), WindowFormat(131072, 2048, 32)),
    )
    assert made.keys() == given.keys() and len(made) == 54
    for place, window in made.items():
        assert np.array_equal(window.sequence, given[place].sequence)
        expected = given[place].target[:, places].astype(np.float32)
        # Two roundings to 16 bits, and float16 has 11 of them.
        np.testing.assert_allclose(window.target, expected, rtol=4e-3, atol=1e-3)


def _by_place(folder: Path, form: WindowFormat) -> dict[str, Window]:
    """Windows by the base at which their sequence begins, however contigs are named."""
    rows = [line.split() for line in (folder / "sequences.bed").read_text().splitlines()]
    starts = [
        chrom if "_" in chrom else f"{chrom}_{int(start) - 32768}" for chrom, start, *_ in rows
    ]
    labels = [row[3] for row in rows]
    found: dict[str, Window] = {}
    for label in ("train", "valid", "test"):
        files = sorted(
            (folder / "tfrecords").glob(f"{label}-*.tfr"), key=lambda path: natural(path.stem)
        )
        windows = [window for path in files for window in read_windows(path, form)]
        places = [start for start, other in zip(starts, labels, strict=True) if other == label]
        found |= dict(zip(places, windows, strict=True))
    return found


def natural(stem: str) -> int:
    return int(stem.rpartition("-")[2])
