"""Bad input through the command line: one clear message, exit code 1, nothing written."""

import gzip
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest


def _refused(whelp: Callable, *arguments: Any, out: Path) -> str:
    """The message of a command that fails before it writes anything."""
    result = whelp(*arguments, "-o", out)
    assert result.exit_code == 1, result.output
    assert not out.exists(), sorted(out.iterdir())
    assert "Traceback" not in result.output
    assert "--debug" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert lines[0].startswith("error: "), result.stderr
    return " ".join(lines)


def _transfer(whelp: Callable, project: Any, params: Path, *more: Any, data: Path | None = None):
    arguments = ("transfer", params, data or project.data, "-w", project.trunk, *more)
    return _refused(whelp, *arguments, out=project.folder / "out")


def test_misspelt_key(whelp: Callable, project: Any, tiny: Any) -> None:
    trunk = [dict(block) for block in tiny.MODEL["trunk"]]
    trunk[0]["kernal_size"] = trunk[0].pop("kernel_size")
    params = project.params(model={"trunk": trunk})
    message = _transfer(whelp, project, params)
    assert "model.trunk[0]" in message
    assert "did you mean 'kernel_size'" in message
    assert str(params) in message


def test_unknown_adapter(whelp: Callable, project: Any) -> None:
    params = project.params({"mode": "adapter", "adapter": "lorra"})
    message = _transfer(whelp, project, params)
    assert "transfer.adapter" in message
    assert "'lora'" in message


def test_missing_section(whelp: Callable, project: Any, tiny: Any) -> None:
    params = project.params()
    params.write_text(params.read_text().replace('"transfer"', '"transfer_off"'))
    assert "transfer_off" in _transfer(whelp, project, params)


def test_no_transfer_section(whelp: Callable, project: Any, tiny: Any) -> None:
    import json

    path = project.folder / "plain.json"
    path.write_text(json.dumps({"train": tiny.TRAIN, "model": tiny.MODEL}))
    message = _transfer(whelp, project, path)
    assert "transfer" in message and "section is missing" in message


def test_heads_that_do_not_divide_the_width(whelp: Callable, project: Any, tiny: Any) -> None:
    trunk = [dict(block) for block in tiny.MODEL["trunk"]]
    trunk[2]["heads"] = 3
    params = project.params(model={"trunk": trunk})
    message = _transfer(whelp, project, params)
    assert f"{params}: model.trunk[2].heads: got 3; expected a number that divides" in message
    assert ", 16" in message
    changed = _transfer(whelp, project, params, "--method", "lora")
    assert f"{params}: model.trunk[2].heads" in changed


def test_unet_without_representation(whelp: Callable, project: Any, tiny: Any) -> None:
    trunk = [dict(block) for block in tiny.MODEL["trunk"]]
    trunk[3:3] = [dict(trunk[3]) for _ in range(4)]
    params = project.params(model={"trunk": trunk})
    message = _transfer(whelp, project, params)
    assert "representation of length" in message
    assert f"{params}: model.trunk[" in message


def test_head_of_another_size(whelp: Callable, project: Any) -> None:
    head = {"name": "final", "units": 7, "activation": "softplus"}
    params = project.params(model={"head_a": head})
    message = _transfer(whelp, project, params)
    assert "model.head_a.units" in message
    assert "7" in message and "expected 3" in message
    assert str(project.data) in message


def test_more_genomes_than_heads(whelp: Callable, project: Any) -> None:
    message = _transfer(whelp, project, project.params(), project.other)
    assert "2 data directories" in message


def test_sequences_of_another_length(whelp: Callable, project: Any) -> None:
    message = _transfer(whelp, project, project.params(model={"seq_length": 4096}))
    assert "2,048 bp" in message and "4,096 bp" in message


def test_bins_of_another_number(whelp: Callable, project: Any, tiny: Any) -> None:
    trunk = [*tiny.MODEL["trunk"][:-1], {"name": "Cropping1D", "cropping": 16}]
    message = _transfer(whelp, project, project.params(model={"trunk": trunk}))
    assert "64 bins" in message and "96" in message


def test_truncated_weights(whelp: Callable, project: Any) -> None:
    broken = project.folder / "broken.h5"
    broken.write_bytes(project.trunk.read_bytes()[:20_000])
    message = _transfer(whelp, project, project.params(), "-w", broken)
    assert str(broken) in message and "truncated" in message


def test_foreign_weights(whelp: Callable, project: Any) -> None:
    foreign = project.folder / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["scores"] = [1.0, 2.0]
    message = _transfer(whelp, project, project.params(), "-w", foreign)
    assert str(foreign) in message and "another kind" in message


def test_weights_of_another_width(whelp: Callable, project: Any, tiny: Any) -> None:
    trunk = [dict(block) for block in tiny.MODEL["trunk"]]
    trunk[0]["filters"] = 8
    message = _transfer(whelp, project, project.params(model={"trunk": trunk}))
    assert "conv_dna.conv/kernel" in message
    assert "(7, 4, 8)" in message and "(7, 4, 12)" in message


def test_missing_records(whelp: Callable, own_data: Any) -> None:
    (own_data.data / "tfrecords" / "valid-0.tfr").unlink()
    message = _transfer(whelp, own_data, own_data.params())
    assert "valid-*.tfr" in message and "train-*.tfr (1)" in message


def test_missing_test_windows_are_told(whelp: Callable, own_data: Any) -> None:
    (own_data.data / "tfrecords" / "test-0.tfr").unlink()
    arguments = ("transfer", own_data.params(), own_data.data, "-w", own_data.trunk, "--skip-train")
    result = whelp(*arguments, "-o", own_data.folder / "out")
    assert result.exit_code == 0
    assert "no file matches 'test-*.tfr'" in result.stderr


def test_empty_records(whelp: Callable, own_data: Any) -> None:
    path = own_data.data / "tfrecords" / "train-0.tfr"
    path.write_bytes(b"")
    assert str(path) in _transfer(whelp, own_data, own_data.params())


@pytest.mark.parametrize("split", ["train", "test"])
def test_truncated_records(whelp: Callable, own_data: Any, split: str) -> None:
    path = own_data.data / "tfrecords" / f"{split}-0.tfr"
    path.write_bytes(path.read_bytes()[:-300])
    message = _transfer(whelp, own_data, own_data.params())
    assert str(path) in message and "record" in message


def test_corrupted_records(whelp: Callable, own_data: Any) -> None:
    path = own_data.data / "tfrecords" / "train-0.tfr"
    raw = bytearray(zlib.decompress(path.read_bytes()))
    raw[len(raw) // 2] ^= 255
    path.write_bytes(zlib.compress(bytes(raw)))
    message = _transfer(whelp, own_data, own_data.params())
    assert f"{path}, record 3" in message


def _damaged_test_windows(data: Path) -> Path:
    """Test windows in three files; the last record of the second one is damaged."""
    first = data / "tfrecords" / "test-0.tfr"
    bed = data / "sequences.bed"
    lines = bed.read_text().splitlines()
    bed.write_text("\n".join(lines + 2 * [line for line in lines if line.endswith("test")]) + "\n")
    for number in (1, 2):
        shutil.copy(first, first.with_name(f"test-{number}.tfr"))
    raw = bytearray(zlib.decompress(first.read_bytes()))
    raw[-100] ^= 255
    first.with_name("test-1.tfr").write_bytes(zlib.compress(bytes(raw)))
    return first.with_name("test-1.tfr")


def test_damaged_test_windows_are_found_before_the_training(whelp: Callable, own_data: Any) -> None:
    damaged = _damaged_test_windows(own_data.data)
    message = _transfer(whelp, own_data, own_data.params())
    assert f"{damaged}, record" in message and "checksum" in message


def test_damage_in_many_test_windows_keeps_the_training(
    whelp: Callable, own_data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whelp.fitting.inputs.MEMORY_BUDGET", 0)
    damaged = _damaged_test_windows(own_data.data)
    out = own_data.folder / "out"
    params = own_data.params(train={"train_epochs_min": 1, "train_epochs_max": 1})
    arguments = ("transfer", params, own_data.data, "-w", own_data.trunk, "-o", out, "--no-report")
    failed = whelp(*arguments)
    assert failed.exit_code == 1 and f"{damaged}, record" in failed.stderr
    assert "The training is finished" in failed.stderr
    assert (out / "model_best.h5").exists() and not (out / "test").exists()
    shutil.copy(damaged.with_name("test-0.tfr"), damaged)
    assert whelp(*arguments, "--resume").exit_code == 0
    assert (out / "test" / "acc.txt").exists()


def test_no_strand_pairs(whelp: Callable, own_data: Any) -> None:
    table = own_data.data / "targets.txt"
    pd.read_table(table, index_col=0).drop(columns="strand_pair").to_csv(table, sep="\t")
    message = _transfer(whelp, own_data, own_data.params())
    assert "strand_pair" in message and "augment_rc" in message


def test_broken_strand_pairs(whelp: Callable, own_data: Any) -> None:
    table = own_data.data / "targets.txt"
    broken = pd.read_table(table, index_col=0)
    broken["strand_pair"] = [1, 2, 0]
    broken.to_csv(table, sep="\t")
    message = _transfer(whelp, own_data, own_data.params())
    assert "strand_pair" in message


def test_folder_of_an_earlier_run_is_left_alone(whelp: Callable, project: Any) -> None:
    out = project.folder / "out"
    out.mkdir()
    (out / "log.csv").write_text("epoch\n1\n")
    result = whelp("transfer", project.params(), project.data, "-w", project.trunk, "-o", out)
    assert result.exit_code == 1
    assert "--resume" in result.stderr and "--overwrite" in result.stderr
    assert [path.name for path in out.iterdir()] == ["log.csv"]


def test_bad_input_leaves_an_earlier_run_alone(whelp: Callable, project: Any) -> None:
    out = project.folder / "out"
    out.mkdir()
    (out / "log.csv").write_text("epoch\n1\n")
    params = project.params({"mode": "adapter", "adapter": "locon", "conv_select": 50})
    arguments = ("transfer", params, project.data, "-w", project.trunk, "-o", out)
    result = whelp(*arguments, "--overwrite")
    assert result.exit_code == 1 and "conv_select" in result.stderr
    assert (out / "log.csv").exists()


def test_adapter_that_finds_nothing(whelp: Callable, project: Any) -> None:
    transfer = {
        "mode": "adapter",
        "adapter": "custom",
        "method": "lora",
        "targets": ["attention.qeury"],
    }
    message = _transfer(whelp, project, project.params(transfer))
    assert "attention.qeury" in message and "attention.query" in message


def test_usage_errors_exit_with_2(whelp: Callable, project: Any) -> None:
    params = project.params()
    assert whelp("transfer", params, project.data).exit_code == 2
    assert whelp("transfer", project.folder / "no.json", project.data, "-o", "x").exit_code == 2
    both = ("--resume", "--overwrite")
    assert whelp("transfer", params, project.data, "-o", project.folder / "o", *both).exit_code == 2
    set_nothing = ("--set", "learning_rate=1")
    result = whelp("transfer", params, project.data, "-o", project.folder / "o", *set_nothing)
    assert result.exit_code == 2 and "SECTION.KEY=VALUE" in result.output


@pytest.mark.parametrize("flag", ["--shifts", "-b"])
def test_lists_of_numbers_of_hound_eval(
    flag: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from whelp.cli import hound

    monkeypatch.setattr("sys.argv", ["hound_eval.py", flag, "0,x", "p.json", "m.h5", "data"])
    with pytest.raises(SystemExit) as stopped:
        hound.evaluate()
    assert stopped.value.code == 2
    assert "'0,x' is not a list such as 0,1,-1" in capsys.readouterr().err


def test_adapter_of_another_base(whelp: Callable, project: Any) -> None:
    from whelp.loading import adapt, load, save_adapter

    params = project.params()
    adapted = adapt(load(params), {"mode": "adapter", "adapter": "lora"})
    save_adapter(adapted, project.folder / "a.safetensors")
    out = project.folder / "merged.h5"
    message = _refused(
        whelp, "merge", params, project.trunk, project.folder / "a.safetensors", out=out
    )
    assert "other base weights" in message


def test_foreign_adapter_file(whelp: Callable, project: Any) -> None:
    path = project.folder / "a.safetensors"
    path.write_bytes(gzip.compress(b"no tensors"))
    out = project.folder / "merged.h5"
    message = _refused(whelp, "merge", project.params(), project.trunk, path, out=out)
    assert str(path) in message


def test_trunk_cannot_be_evaluated(whelp: Callable, project: Any) -> None:
    out = project.folder / "eval"
    arguments = ("evaluate", project.params(), project.trunk, project.data)
    assert "trunk" in _refused(whelp, *arguments, out=out)


def test_debug_shows_the_traceback(whelp: Callable, project: Any) -> None:
    shutil.copy(project.trunk, project.folder / "w.h5")
    arguments = ("evaluate", project.params(), project.folder / "w.h5", project.data)
    result = whelp("--debug", *arguments, "-o", project.folder / "eval")
    assert result.exit_code == 1
    assert "Traceback" in result.output
