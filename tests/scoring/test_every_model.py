"""Incremental scores against full passes: every shipped parameter file, and a pretrained model."""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from incremental_cases import DTYPE, ON_TENSORFLOW, bases, close, shaken

import whelp
from whelp.demo import demo_file
from whelp.genome.fasta import Fasta
from whelp.models import SequenceModel
from whelp.scoring.incremental import Asked, IncrementalModel
from whelp.scoring.splicing import Change
from whelp.scoring.statistics import Allele, score
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable, load_params

OF_TRAINING = ("augment_rc", "augment_shift", "bn_momentum", "kernel_initializer", "l2_scale")
WITHOUT_LAYERS = ("last_blocks", "norm_bias")
JSON_CONFIGS = Path(__file__).parents[2] / "json_configs"
STATISTICS = ("SUM", "logSUM", "logSED", "sqrtSUM", "SAX", "D1", "D2", "logD2", "JS")


def reduced(path: Path) -> dict:
    """The architecture as it is, but of fewer channels, one transformer and a short input."""
    params = json.loads(path.read_text())
    for block in params["model"]["trunk"]:
        for name in ("filters", "filters_init", "filters_end"):
            block |= {name: 8} if name in block else {}
        block |= {"divisible_by": 1} if "divisible_by" in block else {}
        block |= {"cropping": 4} if "cropping" in block else {}
        small = {"key_size": 4, "num_position_features": 12, "heads": 2, "kv_heads": 1}
        small |= {"rotary_size": 4, "repeat": 1}
        if "heads" in block:
            block |= {name: value for name, value in small.items() if name in block}
    for name in [name for name in params["model"] if name.startswith("head")]:
        params["model"][name]["units"] = 3
    model = {name: value for name, value in params["model"].items() if name not in OF_TRAINING}
    for block in model["trunk"]:
        for name in [name for name in block if name in OF_TRAINING or "dropout" in name]:
            del block[name]
    model |= {"seq_length": 4096, "norm_type": model["norm_type"].removesuffix("-sync")}
    transfer = {"adapter_latent": 2, **(params.get("transfer") or {})}
    transfer["adapter_latent"] = min(transfer["adapter_latent"], 2)
    is_adapter = transfer.get("mode") == "adapter" and transfer["adapter"] not in WITHOUT_LAYERS
    return {"model": model, "transfer": transfer if is_adapter else {}}


@lru_cache
def architectures() -> dict[str, str]:
    """File -> reduced parameters, one file for each that is not like another."""
    files = sorted(JSON_CONFIGS.rglob("*.json"))
    found = {json.dumps(reduced(path), sort_keys=True): path for path in reversed(files)}
    return {path.stem: text for text, path in sorted(found.items(), key=lambda one: one[1])}


def test_every_file_is_represented():
    assert len(list(JSON_CONFIGS.rglob("*.json"))) >= len(architectures()) > 20


def changes(rng: np.random.Generator, length: int) -> list[Change]:
    """Bases at the ends, around boundaries of pools and anywhere; an insertion, a deletion."""
    starts = [0, length - 1, 127, 128, length // 2, *map(int, rng.integers(0, length, 4))]
    moved = [Change(start, length, bases(rng, length - start)) for start in (900, length - 300)]
    return [*(Change(start, start + 1, bases(rng, 1)) for start in starts), *moved]


@pytest.mark.parametrize("name", architectures() if ON_TENSORFLOW else ["borzoi_full"])
def test_shipped_parameter_files(predict, name):
    params = json.loads(architectures()[name])
    model = SequenceModel(load_params({"model": params["model"]}).model, dtype=DTYPE)
    if params["transfer"]:
        model = whelp.adapt(model, params["transfer"])
    rng = np.random.default_rng(sum(map(ord, name)))
    x = bases(rng, model.spec.seq_length)
    incremental = IncrementalModel(shaken(model), max_share=1, batch_size=4)
    assert incremental.is_incremental
    changed = changes(rng, len(x))
    copies = np.repeat(x[None], 1 + len(changed), axis=0)
    for copy, change in zip(copies[1:], changed, strict=True):
        copy[change.start : change.end] = change.bases
    expected = np.asarray(predict(model, copies))
    reference = incremental.reference(x)
    found = np.stack(incremental.predict([Asked(reference, one) for one in [None, *changed]]))
    close(found, expected)
    _check_scores([*found], [*expected], float32=not ON_TENSORFLOW)


def _check_scores(found, expected, *, float32: bool) -> None:
    """1e-3 relative or 1e-6 absolute, of each statistic and track.

    XLA's kernels for other lengths add in another order. Where a variant hardly matters (at the end
    of the window), its score is then what is left of two sums that are equal but for rounding, and
    1e-6 of what is added up over bins, in both alleles, is allowed: eight steps of float32. That is
    less than what a full pass in float32 is off from one in float64. TensorFlow is held to the
    criterion itself.
    """
    for one, other in zip(_scores(found), _scores(expected), strict=True):
        for name in STATISTICS:
            allowed = np.maximum(1e-6, 1e-3 * np.abs(other[name]))
            if float32:
                allowed = np.maximum(allowed, 1e-6 * other[f"{name} adds up"])
            made, wanted = one[name], other[name]
            if name == "SAX":
                # Of changes that are equal but for the sign rounding chooses one.
                made, wanted = np.abs(made), np.abs(wanted)
            assert (np.abs(made - wanted) <= allowed).all(), name


def _scores(predictions) -> list[dict]:
    """Scores of all alternates, and what they add up; the first prediction is the reference's."""
    ref, *alts = (Allele(np.maximum(one, 0)[None]) for one in predictions)
    return [score(ref, alt, STATISTICS) | _added_up(ref, alt) for alt in alts]


def _added_up(ref: Allele, alt: Allele) -> dict[str, np.ndarray]:
    sizes = {"": 0.0, "log": 0.0, "sqrt": 0.0, "D2": 0.0, "logD2": 0.0, "SAX": 0.0}
    for allele in (ref, alt):
        sizes[""] += allele.values.sum(axis=(0, 1))
        sizes["log"] += allele.logs.sum(axis=(0, 1))
        sizes["sqrt"] += allele.roots.sum(axis=(0, 1))
        sizes["D2"] += np.linalg.norm(allele.values[0], axis=0)
        sizes["logD2"] += np.linalg.norm(allele.logs[0], axis=0)
        # One bin, whose error no other's makes good.
        sizes["SAX"] += 4 * allele.values.max(axis=(0, 1))
    which = {"SUM": "", "D1": "", "logSUM": "log", "sqrtSUM": "sqrt"}
    return {
        f"{name} adds up": np.asarray(sizes.get(which.get(name, name), 0.0)) for name in STATISTICS
    }


def test_pretrained_model_in_single_precision(golden):
    """Scores of coverage by the pretrained model: ends, boundaries of all pools, indels."""
    params, weights = (demo_file(f"mini_borzoi/{name}") for name in ("params.json", "model.h5"))
    model = whelp.load(params, weights)
    targets = TargetsTable.read(Path(__file__).parents[1] / "data" / "hg38" / "targets.txt")
    undo = Untransform(targets, old=False)
    length = model.spec.seq_length
    with Fasta(golden / "snp" / "inputs" / "hg38_1m.fa.gz") as genome:
        x = np.eye(5, 4, dtype="float32")[genome.fetch("chr1", 180_000, 180_000 + length)]
    rng = np.random.default_rng(3)
    starts = [0, length - 1, 63, 64, length // 2, *map(int, rng.integers(0, length, 4))]
    others = np.eye(4, dtype="float32")[(x[starts].argmax(axis=1) + 1) % 4]
    changed = [Change(i, i + 1, base[None]) for i, base in zip(starts, others, strict=True)]
    changed.append(Change(70_000, length, np.concatenate([x[70_003:], x[:3]])))
    incremental = IncrementalModel(model)
    assert incremental._splicer.windows[0] == 1536
    reference = incremental.reference(x)
    found = incremental.predict([Asked(reference, one) for one in [None, *changed]])
    # Compiled too: layer by layer TensorFlow rounds otherwise.
    expected = [model.predict(x[None], verbose=0)[0]]
    for change in changed:
        alternate = x.copy()
        alternate[change.start : change.end] = change.bases
        expected.append(model.predict(alternate[None], verbose=0)[0])
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() <= 1e-6 * np.ptp(other)
    assert all((one != found[0]).any() for one in found[1:])
    _check_scores(
        [undo(one) for one in found], [undo(one) for one in expected], float32=not ON_TENSORFLOW
    )
