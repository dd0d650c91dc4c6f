"""Pages: links that lead somewhere, no machine's paths, numbers that are those of the code."""

import json
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
from documents import NOTEBOOKS, PAGES, ROOT, blocks, command_lines, name_of

from whelp.specs import load_params

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MACHINE = re.compile(r"(?<![\w.])/(work|opt|home|root|tmp|Users)/")


def _texts() -> dict[str, str]:
    texts = {name_of(page): page.read_text("utf-8") for page in PAGES}
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        texts[name_of(path)] = "\n".join(cell.source for cell in cells)
    return texts


@pytest.mark.parametrize("name", _texts())
def test_links_lead_to_files(name: str) -> None:
    for target in _LINK.findall(_texts()[name]):
        if not target.startswith(("http", "#")):
            assert (ROOT / name).parent.joinpath(target.split("#")[0]).exists(), target


@pytest.mark.parametrize("name", _texts())
def test_no_machine_s_paths(name: str) -> None:
    assert not _MACHINE.search(_texts()[name])


def test_make_targets_and_extras_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in command_lines(block.text):
                if line[0] == "make":
                    assert re.search(rf"^{line[1]}:", makefile, re.M), line
        for target in re.findall(r"`make (\w+)", page.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.M), (page.name, target)
        for extra in re.findall(r"(?:'\.|whelp)\[([\w-]+)\]", page.read_text("utf-8")):
            assert extra in project["optional-dependencies"], (page.name, extra)


def test_version_is_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_data_are_attributed(golden: Path) -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    for entry in golden.iterdir():
        assert f"`{entry.name}" in contributing, entry.name
    notice = (ROOT / "NOTICE").read_text()
    for folder in ("tests/golden/", "tests/data/", "src/whelp/demo/data/", "json_configs/"):
        assert folder in notice
    for folder in ("src/whelp/demo/data", "tests/data"):
        assert "Apache License" in (ROOT / folder / "ATTRIBUTION.txt").read_text()


_REFERENCE = {
    "full": "full",
    "linear": "linear",
    "LoRA": "lora",
    "LoRA, all projections": "lora_full",
    "LoRA and convolutions": "lora_conv_c4",
    "Locon": "locon4",
    "Houlsby": "houlsby",
    "Houlsby and squeeze-excite": "se4",
}
_OWN = {"DoRA": "dora", "norms and biases": "norm_bias", "last transformer blocks": "last_blocks"}


def _table() -> dict[str, tuple[int, int]]:
    """The counts of the page on transfer methods: method -> Borzoi's, Borzoi-lite's."""
    page = (ROOT / "tutorials" / "transfer_methods.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| `[^|]+` \| ([\d,]+) \| ([\d,]+) \|", page, re.M)
    return {name: (_number(borzoi), _number(lite)) for name, borzoi, lite in rows}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_counts_are_the_reference_s(golden: Path) -> None:
    counts = json.loads((golden / "param_counts.json").read_text())
    table = _table()
    for method, case in _REFERENCE.items():
        for column, family in enumerate(("borzoi", "borzoilite")):
            linear = counts[f"{family}_linear"]["trainable_params"]
            trained = counts[f"{family}_{case}"]["trainable_params"]
            assert table[method][column] == trained - linear, (method, family)


def test_counts_beyond_the_reference(golden: Path, json_configs: Path) -> None:
    from whelp.inspection import model_facts, skeleton

    table = _table()
    assert set(table) == {*_REFERENCE, *_OWN, "rsLoRA", "IA3"}
    assert table["rsLoRA"] == table["LoRA"]
    counts = json.loads((golden / "param_counts.json").read_text())
    trained = [counts[f"borzoilite_{case}"]["trainable_params"] for case in ("ia3", "linear")]
    assert table["IA3"][1] == trained[0] - trained[1]  # for Borzoi the reference is wrong
    for method, config in _OWN.items():
        params = load_params(json_configs / f"borzoi_lite_{config}.json")
        transfer = params.transfer
        if transfer.blocks is not None:
            transfer = transfer.model_copy(update={"blocks": 1})
        facts = model_facts(skeleton(params.model, transfer=transfer))
        assert table[method][1] == facts.trained_parameters - facts.head_parameters, method
