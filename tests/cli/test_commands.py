"""The commands on a project in miniature, and what their files hold."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from whelp.cli.main import COMMANDS


@pytest.fixture(scope="module")
def run(shared_project: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished `whelp transfer` with LoRA: its folder and what it printed."""
    from click.testing import CliRunner

    from whelp.cli.main import main

    out = tmp_path_factory.mktemp("run") / "lora"
    params = shared_project.params()
    arguments = ["transfer", params, shared_project.data, "-w", shared_project.whole, "-o", out]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return out, result


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_has_an_example(whelp: Callable, command: str) -> None:
    result = whelp(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    whelp {command}" in result.output


def test_help_needs_no_keras() -> None:
    code = (
        "import sys\nfrom whelp.cli.main import main\n"
        f"for name in {list(COMMANDS)!r}:\n"
        "    main([name, '--help'], standalone_mode=False)\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'pandas', 'numpy', 'matplotlib'}\n"
        "print('imported', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "imported []"


def test_misspelt_command(whelp: Callable) -> None:
    result = whelp("trasfer")
    assert result.exit_code == 2 and "Did you mean 'transfer'" in result.output


def test_transfer_prints_epochs_and_numbers(run: Any) -> None:
    printed = run[1].stdout
    assert printed.count("valid r ") == 2
    assert "trained parameters" in printed and "test Pearson r" in printed
    assert "only the trunk was taken" in run[1].stderr


def test_transfer_writes_what_it_promises(run: Any) -> None:
    out = run[0]
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "params.json",
        "log.csv",
        "run.json",
        "report.html",
        "adapter.safetensors",
        "model_best.h5",
        "model_best.mergeW.h5",
        "model_check.h5",
        "test",
    }
    record = json.loads((out / "run.json").read_text())
    log = pd.read_csv(out / "log.csv")
    assert record["status"] == "finished" and record["epochs"] == len(log) == 2
    best = log.loc[record["best_epoch"] - 1, "val_pearsonr"]
    assert record["valid_pearsonr"] == pytest.approx(best, abs=1e-6)
    assert record["peak_memory"] > 10e6 and record["seconds"] > 0
    begun, ended = (datetime.fromisoformat(record[name]) for name in ("started", "finished"))
    assert (ended - begun).total_seconds() > record["seconds"] - 1  # noted in whole seconds
    accuracy = pd.read_table(out / "test" / "acc.txt")
    expected = ["index", "pearsonr", "r2", "identifier", "description"]
    assert list(accuracy) == expected and len(accuracy) == 3
    assert "<svg" in (out / "report.html").read_text()


def test_evaluate_repeats_the_run(whelp: Callable, run: Any, project: Any) -> None:
    out = project.folder / "eval"
    arguments = (run[0] / "params.json", run[0] / "model_best.h5", project.data)
    result = whelp("evaluate", *arguments, "-o", out, "--rank", "--save", "--bedgraph", "0,2")
    assert result.exit_code == 0, result.output
    again, before = (pd.read_table(folder / "acc.txt") for folder in (out, run[0] / "test"))
    np.testing.assert_allclose(again["pearsonr"], before["pearsonr"], atol=2e-5)
    assert "spearmanr" in again and "Spearman r" in result.stdout
    assert sorted(p.name for p in (out / "bedgraph").iterdir())[0] == "preds_t0.bedgraph"
    assert {"preds.h5", "targets.h5", "report.html"} <= {path.name for path in out.iterdir()}


def test_adapter_on_its_base_predicts_as_the_run(whelp: Callable, run: Any, project: Any) -> None:
    out = project.folder / "eval"
    arguments = (run[0] / "params.json", project.whole, project.data)
    adapter = ("--adapter", run[0] / "adapter.safetensors", "--no-report")
    assert whelp("evaluate", *arguments, *adapter, "-o", out).exit_code == 0
    again, before = (pd.read_table(folder / "acc.txt") for folder in (out, run[0] / "test"))
    np.testing.assert_allclose(again["pearsonr"], before["pearsonr"], atol=2e-5)


def test_evaluate_replicates(whelp: Callable, run: Any, project: Any) -> None:
    """Replicates are averaged, and each is what it is alone."""
    from whelp.loading import load, save_weights

    params, first, second = (project.folder / name for name in ("one.json", "one.h5", "two.h5"))
    base = (run[0] / "params.json", project.trunk, run[0] / "adapter.safetensors")
    assert whelp("merge", *base, "-o", first, "--params-out", params).exit_code == 0
    model = load(params, first)
    model.set_weights([1.1 * values for values in model.get_weights()])
    save_weights(model, second)
    out = project.folder / "both"
    words = ["evaluate", params, first, project.data]
    result = whelp(*words, "--replicate", second, "-o", out)
    assert result.exit_code == 0, result.output
    assert "Means over tracks, by replicate" in result.output and "ensemble" in result.output
    each = []
    for weights in (first, second):
        alone = project.folder / weights.stem
        more = [weights, project.data, "--no-report", "-o", alone]
        assert whelp(*words[:2], *more).exit_code == 0
        each.append(pd.read_table(alone / "acc.txt")["pearsonr"])
    made = pd.read_table(out / "acc.txt")
    np.testing.assert_allclose(made["pearsonr_mean"], np.mean(each, axis=0), atol=2e-5)
    np.testing.assert_allclose(made["pearsonr_sd"], np.std(each, axis=0, ddof=1), atol=2e-5)
    assert made["pearsonr_sd"].max() > 1e-3
    table = pd.read_table(out / "acc_replicates.txt").set_index("replicate")["pearsonr"]
    assert table["1"] == pytest.approx(each[1].mean(), abs=2e-5)
    assert "averaged predictions" in (out / "report.html").read_text()


def test_evaluate_adapters(whelp: Callable, run: Any, project: Any) -> None:
    """Several adapters on one base are replicates; the same one twice has no spread."""
    out = project.folder / "eval"
    words = ["evaluate", run[0] / "params.json", project.whole, project.data]
    words += 2 * ["-a", run[0] / "adapter.safetensors"]
    result = whelp(*words, "--no-report", "-o", out)
    assert result.exit_code == 0, result.output
    again, before = (pd.read_table(folder / "acc.txt") for folder in (out, run[0] / "test"))
    np.testing.assert_allclose(again["pearsonr"], before["pearsonr"], atol=2e-5)
    assert again["pearsonr_sd"].max() < 1e-6
    words += ["--replicate", project.whole, "-o", out]
    assert "exclude each other" in whelp(*words).output


def test_targets_table_chooses_tracks(whelp: Callable, run: Any, project: Any) -> None:
    table = pd.read_table(project.data / "targets.txt", index_col=0).iloc[[2]]
    table.to_csv(project.folder / "some.txt", sep="\t")
    out = project.folder / "eval"
    arguments = (run[0] / "params.json", run[0] / "model_best.h5", project.data, "--no-report")
    result = whelp("evaluate", *arguments, "-t", project.folder / "some.txt", "-o", out)
    assert result.exit_code == 0, result.output
    chosen, all_tracks = (pd.read_table(folder / "acc.txt") for folder in (out, run[0] / "test"))
    assert list(chosen["identifier"]) == ["open"]
    assert chosen["pearsonr"][0] == pytest.approx(all_tracks["pearsonr"][2], abs=2e-5)


def test_merge_gives_the_run_s_weights(whelp: Callable, run: Any, project: Any) -> None:
    from whelp.loading import load

    merged, params = project.folder / "merged.h5", project.folder / "merged.json"
    base = (run[0] / "params.json", project.trunk, run[0] / "adapter.safetensors")
    result = whelp("merge", *base, "-o", merged, "--params-out", params)
    assert result.exit_code == 0, result.output
    mine, theirs = load(params, merged), load(params, run[0] / "model_best.h5")
    for name, variable in mine.tensors().items():
        expected = np.asarray(theirs.tensors()[name])
        np.testing.assert_allclose(np.asarray(variable), expected, atol=1e-6, err_msg=name)


def test_convert_there_and_back(whelp: Callable, run: Any, project: Any) -> None:
    import keras

    folder, params = project.folder, run[0] / "params.json"
    first, second = folder / "a.keras", folder / "b.h5"
    best = run[0] / "model_best.h5"
    assert whelp("convert", best, first, "--params", params).exit_code == 0
    assert whelp("convert", first, second, "--params-out", folder / "b.json").exit_code == 0
    assert keras.models.load_model(first).target_length == 64
    assert best.stat().st_size == second.stat().st_size
    adapter = ("--params", params, "--adapter", run[0] / "adapter.safetensors")
    adapted, merged = folder / "c.keras", folder / "c.h5"
    assert whelp("convert", project.trunk, adapted, *adapter).exit_code == 0
    again = folder / "again.safetensors"
    assert whelp("convert", adapted, again).exit_code == 0
    assert whelp("convert", adapted, merged, "--merge").exit_code == 0
    refused = whelp("convert", adapted, folder / "d.h5")
    assert refused.exit_code == 1 and "whelp.merge" in refused.stderr
    assert whelp("convert", best, folder / "e.h5").exit_code == 2


def test_inspect_shows_layers_and_memory(whelp: Callable, project: Any) -> None:
    params = project.params()
    result = whelp("inspect", params, "--transfer", "locon", "--batch-size", "3")
    assert result.exit_code == 0, result.output
    for text in (".attention.query ", "attention.query", "Locon", "batch 3"):
        assert text in result.stdout, text
    plain = whelp("inspect", params, "--no-layers", "--transfer", "linear").stdout
    assert "LayerNormalization" not in plain and "not said which transform" in plain
    assert "trains 51 of" in plain  # 16 channels and a bias for each of 3 tracks


def test_set_changes_a_parameter(whelp: Callable, project: Any) -> None:
    out = project.folder / "out"
    changes = ("--set", "train.learning_rate=0", "--set", "train.optimizer=adam", "--skip-train")
    arguments = (project.params(), project.data, "-w", project.trunk, "-o", out)
    result = whelp("transfer", *arguments, "--method", "linear", *changes)
    assert result.exit_code == 0, result.output
    written = json.loads((out / "params.json").read_text())
    assert written["train"]["learning_rate"] == 0
    assert written["transfer"] == {"mode": "linear"}
    assert "51 of" in result.stdout
    assert sorted(path.name for path in out.iterdir()) == ["params.json", "windows.bed"]


def test_nan_stops_and_keeps_the_last_good_checkpoint(whelp: Callable, own_data: Any) -> None:
    from whelp.data import Window, WindowFormat, read_windows, write_windows

    out = own_data.folder / "out"
    for epochs in (1, 3):
        lengths = {"train_epochs_min": epochs, "train_epochs_max": epochs}
        params = own_data.params(train=lengths)
        arguments = ("transfer", params, own_data.data, "-w", own_data.trunk, "-o", out)
        result = whelp(*arguments, "--no-evaluate", "--no-report", *["--resume"] * (epochs > 1))
        if epochs == 1:
            assert result.exit_code == 0, result.output
            good = (out / "checkpoint_last.npz").read_bytes()
            path = own_data.data / "tfrecords" / "train-0.tfr"
            windows = list(read_windows(path, WindowFormat(2048, 64, 3)))
            broken = np.full_like(windows[0].target, np.nan)
            write_windows(path, [Window(windows[0].sequence, broken), *windows[1:]])
    assert result.exit_code == 1
    assert "the loss became nan in epoch 2 at step" in result.stderr
    assert "checkpoint_last.npz, after epoch 1" in result.stderr
    assert "Traceback" not in result.output
    assert (out / "checkpoint_last.npz").read_bytes() == good
    assert len(pd.read_csv(out / "log.csv")) == 1


def test_hound_commands_have_the_reference_s_flags(tmp_path: Path) -> None:
    flags = {
        "transfer": "-k -m -o -l --restore --trunk --tfr_train --tfr_eval --skip_train",
        "train": "-k -m -o -l --restore --trunk --tfr_train --tfr_eval",
        "evaluate": "-b --head -o --rank --rc --save --shifts --step --f16 -t --split "
        "--tfr_pattern",
    }
    for name, wanted in flags.items():
        code = f"from whelp.cli.hound import {name}; {name}()"
        done = subprocess.run(
            [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 and "example:" in done.stdout, done.stderr
        for flag in wanted.split():
            assert f" {flag}" in done.stdout or f"[{flag}" in done.stdout, (name, flag)


@pytest.mark.parametrize("adapter", ["ia3", "locon", "houlsby"])
def test_hound_transfer_by_fit_from_scratch(
    adapter: str, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference dies with -k and these adapters, and without weights to begin from."""
    from whelp.cli import hound
    from whelp.loading import load

    method = {"mode": "adapter", "adapter": adapter, "conv_select": 2}
    params = project.params(method, train={"train_epochs_min": 1, "train_epochs_max": 1})
    out = project.folder / "out"
    line = ["hound_transfer.py", "-k", "-o", out, "-l", out / "log", params, project.data]
    monkeypatch.setattr(sys, "argv", list(map(str, line)))
    with pytest.raises(SystemExit) as stopped:
        hound.transfer()
    assert not stopped.value.code
    assert (out / "model_best.mergeW.h5").exists() == (adapter != "houlsby")
    load(out / "params.json", out / "model_best.h5")


def test_hound_transfer_and_eval(
    project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from whelp.cli import hound

    def call(function: Callable[[], None], *arguments: Any) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["hound", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            function()
        return int(stopped.value.code or 0), capsys.readouterr().out

    out, params = project.folder / "out", project.params()
    arguments = ("-o", out, "-l", project.folder / "log", "--restore", project.trunk)
    code, printed = call(hound.transfer, *arguments, "--tru", params, project.data)
    assert code == 0, printed
    assert "Epoch 0 - " in printed and " - valid_r: " in printed and " - best!" in printed
    assert "params in new head: 51" in printed
    names = {path.name for path in out.iterdir()}
    assert names >= {"model_best.h5", "model_check.h5", "model_best.mergeW.h5", "params.json"}
    assert not names & {"report.html", "test"}
    code, printed = call(hound.transfer, *arguments, "--trunk", params, project.data)
    assert code == 0 and "Epoch" not in printed  # finished before: resumed, as there
    evaluation = ("-o", project.folder / "eval", "--rc", "--shifts", "0,1", "--rank")
    best = (out / "params.json", out / "model_best.h5", project.data)
    code, printed = call(hound.evaluate, *evaluation, *best)
    assert code == 0, printed
    assert "Test Loss:         " in printed and "Test PearsonR:     " in printed
    accuracy = pd.read_table(project.folder / "eval" / "acc.txt")
    columns = ["index", "pearsonr", "spearmanr", "r2", "identifier", "description"]
    assert list(accuracy) == columns
