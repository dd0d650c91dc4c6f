"""Borzoi and Flashzoi as borzoi-pytorch has them: the same predictions from the same files.

Flashzoi's attention comes from the package flash_attn, which wants a GPU. Where it is not installed
`PlainRotaryAttention` takes its place, written from the definition, with the same parameters.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import whelp
from whelp.weights import PortError

LENGTH = 4096
CROP = 16
TRACKS = {"human": 6, "mouse": 4}


@pytest.fixture(scope="module")
def package(torch: Any) -> Any:
    return pytest.importorskip(
        "borzoi_pytorch", reason="borzoi-pytorch is not installed: make test-parity"
    )


def plain_rotary_attention(torch: Any) -> type:
    class PlainRotaryAttention(torch.nn.Module):
        """Attention of several query heads a key head; pairs of features turned as numbers."""

        def __init__(self, embed_dim: int, num_heads: int, num_heads_kv: int, **options: Any):
            super().__init__()
            self.heads, self.kv_heads, self.options = num_heads, num_heads_kv, options
            self.size = embed_dim // num_heads
            self.Wqkv = torch.nn.Linear(embed_dim, self.size * (num_heads + 2 * num_heads_kv))
            self.out_proj = torch.nn.Linear(embed_dim, embed_dim)

        def forward(self, x: Any) -> Any:
            x = self.Wqkv(x).unflatten(-1, (-1, self.size))
            query, key, value = x.split([self.heads, self.kv_heads, self.kv_heads], dim=2)
            key, value = (
                t.repeat_interleave(self.heads // self.kv_heads, dim=2) for t in (key, value)
            )
            scale = self.options["softmax_scale"]
            logits = scale * torch.einsum("bihd,bjhd->bhij", self.turn(query), self.turn(key))
            return self.out_proj(
                torch.einsum("bhij,bjhd->bihd", logits.softmax(-1), value).flatten(2)
            )

        def turn(self, x: Any) -> Any:
            half = self.options["rotary_emb_dim"] // 2
            speed = self.options["rotary_emb_base"] ** -(torch.arange(half) / half)
            angle = torch.arange(x.shape[1])[:, None, None] * speed
            pairs = torch.complex(x[..., :half], x[..., half : 2 * half])
            pairs = pairs * torch.polar(torch.ones_like(angle), angle)
            return torch.cat([pairs.real, pairs.imag, x[..., 2 * half :]], dim=-1)

    return PlainRotaryAttention


@pytest.fixture
def attention(torch: Any, package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("flash_attn") is None or not torch.cuda.is_available():
        for name in ("flash_attn", "flash_attn.modules"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        module = types.ModuleType("flash_attn.modules.mha")
        module.MHA = plain_rotary_attention(torch)
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def make(torch: Any, package: Any, attention: None, randomise: Any) -> Any:
    def make(*, flashed: bool) -> Any:
        from borzoi_pytorch import pytorch_borzoi_transformer as parts

        model = package.Borzoi.from_hparams(
            depth=1,
            bins_to_return=LENGTH // 32 - 2 * CROP,
            flashed=flashed,
            enable_mouse_head=True,
        )
        for head, tracks in TRACKS.items():
            setattr(model, f"{head}_head", torch.nn.Conv1d(1920, tracks, 1))
        for module in model.modules():
            if isinstance(module, parts.Attention):  # It is made for 4,096 positions alone.
                module.positions = parts.get_positional_embed(LENGTH // 128, 32, "cpu")
        randomise(model, seed=3 + flashed)
        return model

    return make


def parameters(json_configs: Path, *, flashed: bool, **tracks: int) -> dict[str, Any]:
    """The released architecture, with one transformer, of a shorter sequence and fewer tracks."""
    name = "flashzoi" if flashed else "borzoi"
    model = json.loads((json_configs / f"models/{name}.json").read_text())["model"]
    blocks = {block["name"]: block for block in model["trunk"]}
    blocks["rotary_tower" if flashed else "transformer_tower"]["repeat"] = 1
    blocks["Cropping1D"]["cropping"] = CROP
    for head, units in {**TRACKS, **tracks}.items():
        model[f"head_{head}"] = {"name": "final", "units": units, "activation": "softplus"}
    return {"model": {**model, "seq_length": LENGTH}}


@pytest.fixture(params=[False, True], ids=["borzoi", "flashzoi"])
def flashed(request: Any) -> bool:
    return request.param


def test_predictions(make, torch, dna, json_configs, tmp_path, flashed) -> None:
    theirs = make(flashed=flashed)
    torch.save(theirs.state_dict(), tmp_path / "model.bin")
    ours = whelp.load(
        parameters(json_configs, flashed=flashed), tmp_path / "model.bin", head="all", trunk=False
    )
    outputs = {"trunk": ours.get_layer("conv_nac.conv").output, **ours.output}
    x = dna(LENGTH)
    predicted = keras.Model(ours.input, outputs).predict(x, verbose=0)
    with torch.no_grad():
        turned = torch.from_numpy(x).transpose(1, 2)
        trunk = theirs.final_joined_convs[0](theirs.get_embs_after_crop(turned))
        check(predicted["trunk"], trunk)
        for head in TRACKS:
            check(predicted[f"head_{head}"], theirs(turned, is_human=head == "human"))


def check(ours: Any, theirs: Any) -> None:
    """Within 2e-5, which is little beside the spread of the numbers."""
    expected = theirs.transpose(1, 2).numpy()
    assert 0.05 < expected.std() < 5
    print("DIFF", np.abs(np.asarray(ours) - expected).max(), expected.std())
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=1e-4, atol=1e-4)


def test_a_head_with_other_tracks_is_new(make, torch, json_configs, tmp_path) -> None:
    from safetensors.torch import save_file

    save_file(make(flashed=True).state_dict(), tmp_path / "model.safetensors")
    params = parameters(json_configs, flashed=True, human=5)
    with pytest.warns(UserWarning, match="other tracks: head_human starts from random weights"):
        model = whelp.load(params, tmp_path / "model.safetensors", head="all")
    assert keras.ops.convert_to_numpy(model.tensors()["head_mouse.dense/bias"]).any()
    with pytest.raises(PortError, match="a file of borzoi-pytorch: .*head_human.dense/kernel"):
        whelp.load(params, tmp_path / "model.safetensors", trunk=False)


def test_the_other_architecture(make, torch, json_configs, tmp_path) -> None:
    torch.save(make(flashed=False).state_dict(), tmp_path / "model.bin")
    with pytest.raises(PortError, match=r"rotary_tower.0.attention.query/kernel .*Wqkv.*missing"):
        whelp.load(parameters(json_configs, flashed=True), tmp_path / "model.bin")
