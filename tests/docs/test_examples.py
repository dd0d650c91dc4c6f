"""Every line of whelp in the documentation runs: pages, help texts, Python and JSON."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documents import COMMANDS, PAGES, blocks, examples, name_of, whelp_lines

from whelp.cli.main import COMMANDS as WHELP_COMMANDS
from whelp.cli.main import main
from whelp.demo import demo_file

HELPS = [("whelp", name) for name in WHELP_COMMANDS] + [(name,) for name in COMMANDS[1:]]


def _run_all(lines: list[list[str]], run_line: Callable[..., str], *more: str) -> None:
    """Runs lines in order; of the demo, which takes minutes, reads the options only.

    A fit, which takes half a minute, is planned, unless a line after it goes on with it; the
    folders of replicates are made, and their training is left to other tests.
    """
    for at, line in enumerate(lines):
        if line[:2] == ["whelp", "demo"]:
            command = main.get_command(None, "demo")
            command.make_context("demo", line[2:])
            continue
        if line[:2] in (["whelp", "targets"], ["whelp", "pseudobulk"]):
            run_line([*line, *(["--force"] if "--force" not in line else [])])
            continue
        name = line[1] if line[0] == "whelp" else ""
        extra = more if name in ("transfer", "train", "data", "evaluate") else ()
        if name == "fit" and "--resume" not in line and "--resume" not in sum(lines[at + 1 :], []):
            extra = ("--plan",)
        if name == "folds":
            extra = ("--setup",)
        goes_on = "--resume" in line or "--part" in line
        overwrites = name in ("transfer", "train", "data", "fit") and not goes_on
        run_line([*line, *extra, *(["--overwrite"] if overwrites else [])])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_command_lines_of_pages(page: Path, documented: Path, run_line: Callable[..., str]) -> None:
    found = [block for block in blocks(page, "bash") if block.run]
    _run_all([line for block in found for line in whelp_lines(block.text)], run_line)


@pytest.mark.parametrize("command", HELPS, ids=lambda command: command[-1])
def test_examples_of_help_texts(
    command: tuple[str, ...], documented: Path, run_line: Callable[..., str]
) -> None:
    lines = whelp_lines(examples(run_line([*command, "--help"])))
    assert lines, f"{command} --help shows no example"
    assert all(line[: len(command)] == list(command) for line in lines)
    _prepare(lines, run_line)
    _run_all(lines, run_line, "--no-report")


def _prepare(lines: list[list[str]], run_line: Callable[..., str]) -> None:
    """Makes what examples take as given: a finished transfer, a model saved by Keras."""
    words = {word for line in lines for word in line}
    if lines[0][:2] == ["whelp", "data"]:
        Path("data").rename("data_of_others")
    if any(word.startswith("out/") and word.endswith((".h5", ".safetensors")) for word in words):
        transfer = "whelp transfer params.json data/mm10 --weights trunk.h5 --trunk"
        run_line([*transfer.split(), "-o", "out/lora", "--no-report"])
        for name in ("params.json", "model_best.h5", "adapter.safetensors"):
            Path("out", name).write_bytes(Path("out/lora", name).read_bytes())
            Path(name if name.startswith("adapter") else f"out/{name}").write_bytes(
                Path("out/lora", name).read_bytes()
            )
    if lines[0][:2] == ["whelp", "eqtl"]:
        for name in ("causal", "negatives"):
            score = f"whelp score params.json model.h5 {name}.vcf -g hg38.fa -t data/targets.txt"
            run_line([*score.split(), "-o", name, "--no-report"])
    if lines[0][:2] == ["whelp", "gather"]:
        score = "whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt"
        run_line([*score.split(), "-o", "scores", "--part", "1/1"])
    for word in words:
        if word.startswith("model_r"):
            Path(word).write_bytes(Path("model.h5").read_bytes())
    folders = [Path(word).parent for word in words if word.endswith("/adapter.safetensors")]
    if "adapter.safetensors" in words or "tuned.keras" in words or folders:
        import whelp

        adapted = whelp.adapt(
            whelp.load("params.json", "trunk.h5", trunk=True),
            {"mode": "adapter", "adapter": "lora", "adapter_latent": 2},
        )
        whelp.save_adapter(adapted, "adapter.safetensors")
        adapted.save("tuned.keras")
        for folder in folders:
            folder.mkdir(exist_ok=True)
            (folder / "adapter.safetensors").write_bytes(Path("adapter.safetensors").read_bytes())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_of_pages(page: Path, documented: Path) -> None:
    import whelp

    model = whelp.load("params.json", "model.h5")
    names: dict[str, Any] = {"whelp": whelp, "model": model}
    Path("model_best.h5").write_bytes(Path("model.h5").read_bytes())
    for block in blocks(page, "python"):
        tree = ast.parse(block.text)
        if block.run:
            exec(compile(tree, block.page, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_json_of_pages(page: Path) -> None:
    from whelp.specs import load_params

    params = json.loads(demo_file("mini_borzoi/params.json").read_text())
    for block in blocks(page, "json"):
        load_params({**params, "transfer": json.loads(block.text)})
