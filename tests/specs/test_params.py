"""Parameter files: what is accepted unchanged, and what is refused, where and with which hint."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.specs import Params, SpecError, TrainSpec, TransferSpec, load_params

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parent / "golden" / "json").rglob("*.json"))
CONFIGS = sorted((HERE.parents[1] / "json_configs").glob("*.json"))
METHODS = [
    "full", "linear", "lora", "lora_full", "lora_conv", "ia3", "locon4", "houlsby", "houlsby_se",
    "dora", "rslora", "norm_bias", "last_blocks",
]  # fmt: skip

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def raw(golden: Path) -> dict[str, Any]:
    """A Borzoi with LoRA, as plain data to spoil."""
    data: dict[str, Any] = json.loads((golden / "json/baskerville/borzoi_lora.json").read_text())
    return data


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_example_of_the_reference_is_accepted_and_given_back(path: Path) -> None:
    params = load_params(path)
    assert params.to_dict() == json.loads(path.read_text())


def test_all_examples_are_there() -> None:
    assert len(EXAMPLES) == 27


@pytest.mark.parametrize("architecture", ["borzoi", "borzoi_lite", "mini_borzoi"])
@pytest.mark.parametrize("method", METHODS)
def test_config_loads(json_configs: Path, architecture: str, method: str) -> None:
    params = load_params(json_configs / f"{architecture}_{method}.json")
    assert params.transfer is not None and params.train is not None
    expected = {"locon4": "locon", "rslora": "lora", "full": None, "linear": None}
    assert params.transfer.adapter == expected.get(method, method)


def test_no_config_is_left_out() -> None:
    """Every method for every architecture, and the recipes; all of them load."""
    named = {f"{a}_{m}" for a in ("borzoi", "borzoi_lite", "mini_borzoi") for m in METHODS}
    recipes = {"mini_borzoi_lora_recipe", "mini_borzoi_locon4_recipe"}
    assert {path.stem for path in CONFIGS} == named | recipes
    for recipe in recipes:
        params = load_params(HERE.parents[1] / "json_configs" / f"{recipe}.json")
        assert params.train is not None and params.transfer is not None


def test_configs_of_an_architecture_differ_only_in_method_and_rate() -> None:
    for architecture in ("borzoi", "borzoi_lite", "mini_borzoi"):
        seen = set()
        for method in METHODS:
            path = HERE.parents[1] / "json_configs" / f"{architecture}_{method}.json"
            data = json.loads(path.read_text())
            data["train"].pop("learning_rate")
            seen.add(json.dumps([data["train"], data["model"]]))
        assert len(seen) == 1


def test_mapping_is_not_changed_and_arrays_are_taken(raw: dict[str, Any]) -> None:
    before = copy.deepcopy(raw)
    load_params(raw)
    assert raw == before
    raw["model"]["strand_pair"] = [np.array([1, 0, 2, 3])]
    raw["train"]["batch_size"] = np.int64(3)
    params = load_params(raw)
    assert params.model.strand_pair == [[1, 0, 2, 3]]
    assert params.train is not None and params.train.batch_size == 3


def test_written_params_read_the_same(raw: dict[str, Any], tmp_path: Path) -> None:
    params = load_params(raw)
    path = tmp_path / "params.json"
    path.write_text(params.to_json())
    assert load_params(path) == params
    assert load_params(params) is params


def test_defaults_are_those_of_the_reference() -> None:
    train = TrainSpec.parse({})
    assert (train.loss, train.optimizer, train.learning_rate) == ("poisson", "sgd", 0.01)
    assert (train.momentum, train.patience, train.shuffle_buffer) == (0.99, 20, 128)
    assert (train.train_epochs_min, train.train_epochs_max) == (1, 10000)
    transfer = TransferSpec.parse({"mode": "adapter", "adapter": "locon"})
    assert (transfer.adapter_latent, transfer.conv_select, transfer.conv_latent) == (8, 4, 4)
    assert (transfer.lora_alpha, transfer.locon_alpha) == (16, 1)


def test_names_are_lowered_as_in_the_reference() -> None:
    train = TrainSpec.parse({"loss": "Poisson_MN", "optimizer": "Adam", "warmup_steps": 1e4})
    assert (train.loss, train.optimizer, train.warmup_steps) == ("poisson_mn", "adam", 10000)


def _set(section: str, **values: object) -> Edit:
    return lambda data: data[section].update(values)


def _set_block(index: int, **values: object) -> Edit:
    return lambda data: data["model"]["trunk"][index].update(values)


def _drop(section: str, key: str) -> Edit:
    return lambda data: data[section].pop(key)


def _rename_head(data: dict[str, Any]) -> None:
    data["model"]["haed_human"] = data["model"].pop("head_human")


def _misspell_units(data: dict[str, Any]) -> None:
    head = data["model"]["head_human"]
    head["unist"] = head.pop("units")


FAULTS: dict[str, tuple[Edit, str, str | None, str]] = {
    # name: (what is spoilt, path, suggestion, words of the message)
    "key of a block": (
        _set_block(1, kernal_size=3),
        "model.trunk[1].kernal_size",
        "kernel_size",
        "unknown key 'kernal_size'",
    ),
    "block": (_set_block(2, name="transfomer"), "model.trunk[2].name", "transformer", "of a block"),
    "nameless block": (
        lambda data: data["model"]["trunk"][0].pop("name"),
        "model.trunk[0].name",
        None,
        "the key is missing",
    ),
    "no block": (
        lambda data: data["model"]["trunk"].append(3),
        "model.trunk[7]",
        None,
        "an object",
    ),
    "key of the head": (_misspell_units, "model.head_human.unist", "units", "unknown key"),
    "head": (_rename_head, "model.haed_human", "head_human", "unknown key"),
    "no head": (_drop("model", "head_human"), "model.head_human", None, 'starts with "head"'),
    "no trunk": (_drop("model", "trunk"), "model.trunk", None, "the key is missing"),
    "empty trunk": (_set("model", trunk=[]), "model.trunk", None, "at least 1"),
    "no length": (_drop("model", "seq_length"), "model.seq_length", None, "bp"),
    "length in words": (_set("model", seq_length="512"), "model.seq_length", None, "whole number"),
    "true for a number": (_set("model", seq_length=True), "model.seq_length", None, "whole number"),
    "activation": (_set("model", activation="gleu"), "model.activation", "gelu", "one of"),
    "tower without growth": (
        lambda data: data["model"]["trunk"][1].pop("filters_end"),
        "model.trunk[1].filters_end",
        None,
        "filters_mult",
    ),
    "cropping": (_set_block(5, cropping=[1, 2, 3]), "model.trunk[5].cropping", None, "left"),
    "shift": (_set("model", augment_shift=-3), "model.augment_shift", None, "at least 0"),
    "strand pair": (
        _set("model", strand_pair=[[1, 2, 0, 3]]),
        "model.strand_pair",
        None,
        "other strand",
    ),
    "odd position features": (
        _set_block(2, num_position_features=7),
        "model.trunk[2].num_position_features",
        None,
        "even",
    ),
    "block type": (_set_block(2, block_type="lambda"), "model.trunk[2].block_type", None, "swin"),
    "key of train": (_set("train", learning_rat=1.0), "train.learning_rat", "learning_rate", "key"),
    "loss": (_set("train", loss="poison"), "train.loss", "poisson", "one of"),
    "optimiser": (_set("train", optimizer="adan"), "train.optimizer", "adam", "one of"),
    "epochs": (_set("train", train_epochs_min=99), "train.train_epochs_min", None, "at most"),
    "weight range": (_set("train", weight_range=0.5), "train.weight_range", None, "at least 1"),
    "two clippings": (_set("train", clipnorm=1.0), "train.global_clipnorm", None, "not both"),
    "half a cycle": (
        _set("train", maximal_learning_rate=0.1),
        "train.maximal_learning_rate",
        None,
        "final_learning_rate",
    ),
    "key of transfer": (_set("transfer", adaptor="lora"), "transfer.adaptor", "adapter", "key"),
    "adapter": (_set("transfer", adapter="lorra"), "transfer.adapter", "lora", "one of"),
    "no adapter": (_drop("transfer", "adapter"), "transfer.adapter", None, "because mode"),
    "adapter and full": (_set("transfer", mode="full"), "transfer.mode", None, "lora is given"),
    "rank": (_set("transfer", adapter_latent=0), "transfer.adapter_latent", None, "at least 1"),
    "convolutions": (_set("transfer", conv_select=-1), "transfer.conv_select", None, '"all"'),
    "targets of lora": (_set("transfer", targets=["*"]), "transfer.targets", None, '"custom"'),
    "section": (lambda data: data.update(modle={}), "modle", "model", "unknown section"),
    "section of another kind": (lambda data: data.update(train=[]), "train", None, "an object"),
    "no model": (lambda data: data.pop("model"), "model", None, "missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told_with_place_and_hint(raw: dict[str, Any], tmp_path: Path, fault: str) -> None:
    edit, place, suggestion, words = FAULTS[fault]
    edit(raw)
    path = tmp_path / "params.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(SpecError) as caught:
        load_params(path)
    error = caught.value
    assert (error.file, error.path, error.suggestion) == (str(path), place, suggestion)
    message = str(error)
    assert message.startswith(f"{path}: {place}: ")
    assert words in message
    assert suggestion is None or f"did you mean {suggestion!r}?" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model": {"seq_length": 1024,}}', "line 1, column 31"),
        ('{\n "model": {\n', "line 3, column 1"),
        ('{"model": {}, "model": {}}', "'model' stands twice"),
        ("[1, 2]", "sections model, train and transfer"),
        ("", "line 1, column 1"),
    ],
)
def test_text_that_is_no_parameter_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "params.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=words) as caught:
        load_params(path)
    assert caught.value.file == str(path)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n\x00\xff")
    with pytest.raises(SpecError, match="UTF-8"):
        load_params(path)


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        load_params(tmp_path / "nowhere.json")


def test_sections_may_be_absent(raw: dict[str, Any]) -> None:
    params = load_params({"model": raw["model"]})
    assert isinstance(params, Params)
    assert params.train is None and params.transfer is None


@pytest.mark.parametrize(
    ("transfer", "place"),
    [
        ({"mode": "adapter", "adapter": "custom", "method": "lora"}, "adapter"),
        ({"mode": "adapter", "adapter": "custom", "targets": [], "method": "lora"}, "targets"),
        ({"mode": "adapter", "adapter": "lora", "blocks": 2}, "blocks"),
        ({"mode": "adapt"}, "mode"),
    ],
)
def test_impossible_transfer_is_refused(transfer: dict[str, Any], place: str) -> None:
    with pytest.raises(SpecError) as caught:
        TransferSpec.parse(transfer)
    assert caught.value.path == place


def test_free_targets_are_accepted() -> None:
    spec = TransferSpec.parse(
        {"mode": "adapter", "adapter": "custom", "targets": ["*.query"], "method": "dora"}
    )
    assert spec.targets == ["*.query"]
    assert TransferSpec.parse(spec) is spec
