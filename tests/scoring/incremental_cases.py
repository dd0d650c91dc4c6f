"""Small models with weights that are all at work, and what is asked of incremental predictions."""

import keras
import numpy as np

from whelp.models import SequenceModel
from whelp.scoring.incremental import Asked, IncrementalModel, Reference
from whelp.specs import load_params

LENGTH = 512
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
# Models of random weights are chaotic: they multiply rounding. Where the backend has float64 (JAX
# has it off), what remains is the logic; the pretrained model is held to 1e-6 in float32.
DTYPE = "float64" if ON_TENSORFLOW else "float32"
TOLERANCE = 1e-6 if ON_TENSORFLOW else 1e-5
"""Of the range of the predictions."""

TOWER = [
    {"name": "conv_dna", "filters": 8, "kernel_size": 7, "pool_size": 2},
    {
        "name": "res_tower",
        "filters_init": 8,
        "filters_end": 12,
        "divisible_by": 4,
        "kernel_size": 5,
        "num_convs": 2,
        "pool_size": 2,
        "repeat": 2,
    },
]
ATTENTION = {"name": "transformer_tower", "key_size": 4, "heads": 2, "repeat": 1}
ATTENTION |= {"num_position_features": 8}
UNET = {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True}
CROP = {"name": "Cropping1D", "cropping": 4}
CNN = [
    {"name": "conv_block", "filters": 8, "kernel_size": 5, "pool_size": 4},
    {"name": "dilated_residual", "filters": 6, "rate_mult": 2, "repeat": 4},
]


def build(trunk: list, *, length: int = LENGTH, dtype: str = DTYPE, **options) -> SequenceModel:
    """A model with weights that are all at work: none at 0, means and variances moved."""
    spec = {
        "seq_length": length,
        "norm_type": "batch",
        "activation": "gelu",
        "trunk": trunk,
        "head_a": {"name": "final", "units": 3, "activation": "softplus"},
        "head_b": {"name": "final", "units": 2, "activation": "softplus"},
    }
    return shaken(SequenceModel(load_params({"model": spec}).model, dtype=dtype, **options))


def shaken(model: SequenceModel, seed: int = 0) -> SequenceModel:
    """The model with random weights everywhere."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        scale = 1 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.2
        value = rng.normal(size=weight.shape) * scale
        around_one = ("gamma", "moving_variance", "scale", "ia3", "magnitude")
        weight.assign(np.abs(1 + value) if weight.name in around_one else value)
    return model


def bases(rng: np.random.Generator, length: int) -> np.ndarray:
    return np.eye(5, dtype="float32")[rng.integers(0, 5, length)][:, :4]


def changes(rng: np.random.Generator, length: int) -> list[tuple[int, int, np.ndarray]]:
    """Single bases at edges, at pool boundaries and anywhere; wider ones; to the ends."""
    edges = [0, 1, 63, 64, length // 2, length - 9, length - 8, length - 2, length - 1]
    singles = [*edges, *rng.integers(0, length, 8)]
    wide = [(0, 5), (length - 7, length), (300, 340), (length // 2, length)]
    wide += [(0, length // 2 + 9), (0, length)]
    spans = [*((int(i), int(i) + 1) for i in singles), *wide]
    return [(start, end, bases(rng, end - start)) for start, end in spans]


def check(model: SequenceModel, predict, **options) -> IncrementalModel:
    """Compares all alternates with full passes."""
    rng = np.random.default_rng(7)
    length = model.spec.seq_length
    x = bases(rng, length)
    changed = changes(rng, length)
    # JAX compiles for each size of a batch, for seconds.
    options = {"max_share": 1, "batch_size": None if ON_TENSORFLOW else 1} | options
    incremental = IncrementalModel(model, **options)
    reference = incremental.reference(x[None])
    copies = np.repeat(x[None], len(changed), axis=0)
    for copy, (start, end, new) in zip(copies, changed, strict=True):
        copy[start:end] = new
    expected = predict(model, np.concatenate([x[None], copies]))
    found = incremental.alternates(reference, changed)
    own = predicted(incremental, reference)
    close(own, expected[0])
    close(found, expected[1:])
    assert np.any(found - own > 1e-3)
    return incremental


def predicted(incremental: IncrementalModel, reference: Reference):
    """What is predicted for the reference itself."""
    return incremental.predict([Asked(reference)])[0]


def close(found, expected) -> None:
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.ptp(expected)
