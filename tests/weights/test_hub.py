"""Names on the hub: found in the hub's own cache, and clear words where there is no network."""

import sys
from pathlib import Path

import pytest

from whelp.weights import PortError
from whelp.weights.hub import fetch

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A model as the package keeps what it downloaded, and no network."""
    constants = pytest.importorskip(
        "huggingface_hub.constants", reason="huggingface_hub is not installed: make test-parity"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = tmp_path / "models--lab--port"
    for name, text in [("refs/main", COMMIT), (f"snapshots/{COMMIT}/pytorch_model.bin", "w")]:
        (model / name).parent.mkdir(parents=True)
        (model / name).write_text(text)
    return model / "snapshots" / COMMIT


def test_a_model_that_was_downloaded(cache):
    file = fetch("hf:lab/port")
    assert file.path == cache / "pytorch_model.bin"
    assert file.source == f"hf:lab/port@{COMMIT}:pytorch_model.bin"
    assert file.licence is None
    (cache / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    (cache / "parts").mkdir()
    (cache / "parts" / "a.bin").write_text("w")
    file = fetch(f"hf:lab/port@{COMMIT}:parts/a.bin")
    assert file.source == f"hf:lab/port@{COMMIT}:parts/a.bin"
    assert file.licence == "cc-by-4.0"


@pytest.mark.parametrize("name", ["hf:lab/other", "hf:lab/port:model.safetensors"])
def test_offline(cache, name):
    message = "model.safetensors of lab/.* cannot be reached.*hf download lab/.*give its path"
    with pytest.raises(PortError, match=message):
        fetch(name)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PortError, match=r"pip install whelp\[hub\].*give its path"):
        fetch("hf:lab/port")


@pytest.mark.parametrize("name", ["hf:port", "hf:lab/port/file", "hf:lab/port@", "hf:"])
def test_no_name(name):
    with pytest.raises(PortError, match="is no name of a model: expected hf:OWNER/NAME"):
        fetch(name)
    assert not Path(name).exists()
